"""What collection has to make of a line's readings, told as plainly as it can be.

Written from docs/collection.md alone: nothing of the portal is imported, every number is written
down again, and all of it is exact (fractions, no rounding). Slow, and meant to be read.
"""

from dataclasses import dataclass, field
from fractions import Fraction

FIVE_MINUTES_MS = 5 * 60 * 1000
TWO_HOURS_MS = 2 * 3600 * 1000
TEN_MINUTES_MS = 10 * 60 * 1000
WEEK_MS = 7 * 24 * 3600 * 1000
UPTIME_WRAPS_MS = 2**32 * 10
TOO_FAST_TO_BE_TRUE_BPS = 100 * 10**12
WITHOUT_A_SPEED_BPS = 400 * 10**9
TOO_MANY_OCTETS = 2**60
WRITTEN_OUT = 2 * 24 * 12  # buckets of a gap


@dataclass(frozen=True)
class Reading:
    """What one answer said, and when by our clock."""

    at_ms: int
    uptime_ticks: int
    octets: tuple[int, int]
    bits: int = 64
    discontinuity: int | None = None
    whole_seconds: bool = False  # of uptime: so the RouterOS API tells it


@dataclass(frozen=True)
class Verdict:
    """What lies between two readings. `octets` None: not to be known, `why` says for what reason."""

    octets: tuple[int, int] | None
    device_ms: int
    from_ms: int
    to_ms: int
    why: frozenset[str]


@dataclass(eq=False)
class Share:
    """What a bucket got. `cuts` is how often something was cut to fit into it."""

    start_ms: int
    octets: list[Fraction] = field(default_factory=lambda: [Fraction(0), Fraction(0)])
    covered_ms: Fraction = Fraction(0)
    why: set[str] = field(default_factory=set)
    cuts: int = 0


def may_differ_by(span_ms: int) -> Fraction:
    """Five seconds and two percent."""
    return 5_000 + Fraction(abs(span_ms) // 50)


def judge(old: Reading, new: Reading, speed_bps: int | None, *, same_port: bool) -> Verdict | None:
    """None: the new reading tells nothing that the old one did not."""
    ours = new.at_ms - old.at_ms
    if is_no_news(old, new, ours):
        return None
    theirs = device_time(old, new, ours)
    if theirs is None:
        return unknown(old, new, "restarted")
    told = (old.discontinuity, new.discontinuity)
    if not same_port or (None not in told and told[0] != told[1]):
        return unknown(old, new, "discontinuous")
    disagree = ours <= 0 or abs(theirs - ours) > may_differ_by(theirs)
    if disagree and theirs > TWO_HOURS_MS and theirs - ours > TWO_HOURS_MS:
        return unknown(old, new, "discontinuous", "clock stepped")
    if new.whole_seconds and not disagree:
        theirs = ours
    why = {"clock stepped"} if disagree else set()
    begins = new.at_ms - theirs if disagree else old.at_ms
    most = most_octets(speed_bps, theirs)
    bits = 32 if 32 in (old.bits, new.bits) else 64
    counted = [grown(a, b, bits, most, why) for a, b in zip(old.octets, new.octets, strict=True)]
    if None in counted:
        return Verdict(None, theirs, begins, new.at_ms, frozenset(why))
    into, out = counted
    assert into is not None
    assert out is not None
    return Verdict((into, out), theirs, begins, new.at_ms, frozenset(why))


def is_no_news(old: Reading, new: Reading, ours: int) -> bool:
    """A duplicate, or one that was taken before the one we have."""
    grew = new.uptime_ticks - old.uptime_ticks
    if grew <= 0 and -TEN_MINUTES_MS < ours <= 0:
        return True
    older_ms = -grew * 10
    if older_ms < 0:
        older_ms += UPTIME_WRAPS_MS  # the one we have is of after the uptime wrapped
    if older_ms == 0:
        return False
    both_say_so = abs(ours + older_ms) <= may_differ_by(older_ms)
    if both_say_so and older_ms <= WEEK_MS:
        return True
    return older_ms <= TEN_MINUTES_MS and not has_started_since(new, ours)


def device_time(old: Reading, new: Reading, ours: int) -> int | None:
    """How long it was by the device's clock; None when it restarted meanwhile."""
    grew_ms = (new.uptime_ticks - old.uptime_ticks) * 10
    if grew_ms == 0 and ours > 0:
        grew_ms = ours
        if has_started_since(new, ours) and ours > may_differ_by(ours):
            return None
        return grew_ms
    if grew_ms == 0:
        return 1
    if grew_ms < 0:
        around = grew_ms + UPTIME_WRAPS_MS
        return around if abs(around - ours) <= may_differ_by(ours) else None
    if grew_ms < ours - may_differ_by(ours) and has_started_since(new, ours):
        return None
    return grew_ms


def has_started_since(new: Reading, ours: int) -> bool:
    return new.uptime_ticks * 10 <= ours + may_differ_by(ours)


def most_octets(speed_bps: int | None, device_ms: int) -> Fraction:
    """1.1 times what the interface can carry in that time."""
    known = speed_bps is not None and 0 < speed_bps <= TOO_FAST_TO_BE_TRUE_BPS
    bps = speed_bps if known else WITHOUT_A_SPEED_BPS
    assert bps is not None
    return min(
        Fraction(bps) / 8 * Fraction(device_ms, 1000) * Fraction(11, 10), Fraction(TOO_MANY_OCTETS)
    )


def grown(old: int, new: int, bits: int, most: Fraction, why: set[str]) -> int | None:
    if bits == 32:
        old, new = old % 2**32, new % 2**32
    if new < old and bits == 64:
        why.add("fell")
        return None
    if new < old:
        new += 2**32
        if new - old > most:
            why.add("fell")
            return None
        why.add("wrapped")
    elif new - old > most:
        why.add("too fast")
        return None
    if bits == 32 and new - old + 2**32 <= most:
        why.add("ambiguous")
    return new - old


def unknown(old: Reading, new: Reading, *why: str) -> Verdict:
    since = min(old.at_ms, new.at_ms)
    return Verdict(None, new.at_ms - since, since, new.at_ms, frozenset(why))


class Line:
    """One interface: its last reading, and every bucket that ever got something."""

    def __init__(self, speed_bps: int | None) -> None:
        self.speed_bps = speed_bps
        self.last: Reading | None = None
        self.same_port = True
        self.counted = [0, 0]
        self.device_ms = 0
        self.finished: list[Share] = []
        self.open: Share | None = None
        self.verdicts: list[Verdict] = []

    def read(self, new: Reading) -> Verdict | None:
        if self.last is None:
            self.last = new
            self.open = Share(grid(new.at_ms))
            return None
        verdict = judge(self.last, new, self.speed_bps, same_port=self.same_port)
        if verdict is None:
            return None
        self.last, self.same_port = new, True
        self.verdicts.append(verdict)
        if verdict.octets is not None:
            self.counted[0] += verdict.octets[0]
            self.counted[1] += verdict.octets[1]
            self.device_ms += verdict.device_ms
        self._pour(verdict)
        return verdict

    def _pour(self, verdict: Verdict) -> None:
        assert self.open is not None
        written = []
        if verdict.to_ms < self.open.start_ms - TWO_HOURS_MS:
            written.append(self._finish())
            self.open = Share(grid(verdict.from_ms))
        late = verdict.octets is not None and verdict.to_ms - verdict.from_ms > 450_000
        for start_ms, part in parts_of(verdict):
            if start_ms > self.open.start_ms:
                written.append(self._finish())
                self.open = Share(start_ms)
            self.open.why |= verdict.why | ({"interpolated"} if late else set())
            self.open.cuts += 1
            if verdict.octets is not None:
                self.open.covered_ms += verdict.device_ms * part
                self.open.octets[0] += verdict.octets[0] * part
                self.open.octets[1] += verdict.octets[1] * part
        self._shorten([share for share in written if share is not None])

    def _finish(self) -> Share | None:
        """Hand the open bucket on, if anything is known of it."""
        share = self.open
        assert share is not None
        if not share.covered_ms and not share.why:
            return None
        self.finished.append(share)
        return share

    def _shorten(self, written: list[Share]) -> None:
        """Of a gap only the last two days are written out."""
        for share in written[:-WRITTEN_OUT]:
            if not share.covered_ms:
                self.finished.remove(share)


def grid(at_ms: int) -> int:
    return at_ms - at_ms % FIVE_MINUTES_MS


def parts_of(verdict: Verdict) -> list[tuple[int, Fraction]]:
    """(bucket, its part of the whole) for every bucket that the time reaches into."""
    length = verdict.to_ms - verdict.from_ms
    if length == 0:
        return [(grid(verdict.to_ms), Fraction(1))]
    found = []
    start = verdict.from_ms
    while start < verdict.to_ms:
        end = min(grid(start) + FIVE_MINUTES_MS, verdict.to_ms)
        found.append((grid(start), Fraction(end - start, length)))
        start = end
    return found
