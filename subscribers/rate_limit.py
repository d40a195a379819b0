"""Mikrotik-Rate-Limit: read, written and told in words. Upload stands first, as the router sees it.

RouterOS manual, RADIUS client: "rx-rate[/tx-rate] [rx-burst-rate[/tx-burst-rate]
[rx-burst-threshold[/tx-burst-threshold] [rx-burst-time[/tx-burst-time] [priority]
[rx-rate-min[/tx-rate-min]]]]]". What the router receives (rx) is what the subscriber sends: up.
Rates are bit/s, k is 1000 and M is 10^6; a missing half is as the other one.
"""

import re
from dataclasses import dataclass

from ispcore.base.units import NBSP, rate_text

MOST_BPS = 1_000_000_000_000  # 1 Tbps: beyond it a rate is a typing error
MOST_BURST_S = 3_600
HIGHEST, LOWEST = 1, 8
_RATE = re.compile(r"(\d{1,13})([kKmMgG]?)", re.ASCII)
_POWERS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
MOST_FIELDS = 6
UNPARSABLE = "“{}” is no rate limit: {}"


class NotARateLimit(ValueError):
    """The text is no Mikrotik-Rate-Limit; the message names the part and its fault."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One value for each direction, in the order in which the router has them."""

    up: int
    down: int

    def __bool__(self) -> bool:
        return bool(self.up or self.down)


NONE = Pair(0, 0)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Rates in bit/s, times in seconds; 0 is none. Without a burst there is no threshold or time.

    `priority` runs from 1, the highest, to 8; None leaves it to the router, as does a `least` of 0.
    """

    rate: Pair
    burst: Pair = NONE
    threshold: Pair = NONE
    burst_s: Pair = NONE
    priority: int | None = None
    least: Pair = NONE

    def __str__(self) -> str:
        """The shortest text that `parse` reads back to the same limit."""
        return " ".join(_fields(self))

    @property
    def short_words(self) -> str:
        """The rate alone."""
        return _two(self.rate)

    @property
    def words(self) -> str:
        """As a person says it: what the subscriber gets, down first."""
        said = [f"{_two(self.rate)}{_burst_words(self)}"]
        if self.priority is not None:
            said.append(f"priority {self.priority} of {LOWEST}{_rank(self.priority)}")
        if self.least:
            said.append(f"at least {_two(self.least)}")
        return "; ".join(said)


def parse(text: str) -> RateLimit:
    """Raises NotARateLimit."""
    fields = text.split()
    if not fields or len(fields) > MOST_FIELDS:
        raise _fault(text, f"it has {len(fields)} parts, and a rate limit has 1 to {MOST_FIELDS}")
    rate = _rates(text, fields[0])
    burst = _rates(text, fields[1]) if len(fields) > 1 else NONE
    threshold = _rates(text, fields[2]) if len(fields) > 2 else NONE
    burst_s = _times(text, fields[3]) if len(fields) > 3 else NONE
    rest = fields[4:]
    priority = _priority(rest[0]) if rest else None
    if priority is not None:
        rest = rest[1:]
    if len(rest) > 1:
        raise _fault(text, f"“{rest[0]}” is no priority, which is {HIGHEST} to {LOWEST}")
    least = _rates(text, rest[0]) if rest else NONE
    return made(rate, burst, threshold, burst_s, priority, least)


def made(
    rate: Pair,
    burst: Pair = NONE,
    threshold: Pair = NONE,
    burst_s: Pair = NONE,
    priority: int | None = None,
    least: Pair = NONE,
) -> RateLimit:
    """A limit with what the router takes for granted filled in: a burst whose threshold is not
    given starts from the rate, one whose time is not given counts 1 s; a least rate has a priority."""
    if least and priority is None:
        priority = LOWEST  # the router's own; it must be said before a least rate
    return RateLimit(
        rate,
        burst,
        Pair(*(_told(b, t, r) for b, t, r in _directions(burst, threshold, rate))),
        Pair(*(_told(b, t, 1) for b, t, _ in _directions(burst, burst_s, rate))),
        priority,
        least,
    )


@dataclass(frozen=True, slots=True)
class Fault:
    """`part` is a field of RateLimit, `way` "up", "down" or "" where it is about both."""

    part: str
    way: str
    words: str


def faults(limit: RateLimit) -> list[Fault]:
    """What no router makes sense of; empty for a limit that works as it reads."""
    found = [fault for way in ("down", "up") for fault in _faults_of(limit, way)]
    if limit.priority is not None and not HIGHEST <= limit.priority <= LOWEST:
        words = f"A priority is {HIGHEST} (first) to {LOWEST} (last)."
        found.append(Fault("priority", "", words))
    return found


def _faults_of(limit: RateLimit, way: str) -> list[Fault]:
    rate, burst = getattr(limit.rate, way), getattr(limit.burst, way)
    threshold, burst_s = getattr(limit.threshold, way), getattr(limit.burst_s, way)
    judged = {
        ("rate", "A rate lies between 1 kbps and 1 Tbps."): 1_000 <= rate <= MOST_BPS,
        ("burst", "A burst is faster than the rate, and at most 1 Tbps."): (
            not burst or rate < burst <= MOST_BPS
        ),
        ("threshold", "The threshold of a burst does not lie above the burst."): (
            threshold <= burst
        ),
        (
            "burst_s",
            f"A burst is counted over {MOST_BURST_S} s at most, and only where there is one.",
        ): burst_s <= (MOST_BURST_S if burst else 0),
        ("least", "The least rate does not lie above the rate."): (
            getattr(limit.least, way) <= rate
        ),
    }
    return [Fault(part, way, words) for (part, words), is_fine in judged.items() if not is_fine]


def _directions(*pairs: Pair) -> list[tuple[int, ...]]:
    return [tuple(pair.up for pair in pairs), tuple(pair.down for pair in pairs)]


def _told(burst: int, given: int, otherwise: int) -> int:
    return (given or otherwise) if burst else 0


def _fields(limit: RateLimit) -> list[str]:
    fields = [_rate_pair(limit.rate)]
    if limit.burst or limit.priority is not None:
        fields += [_rate_pair(limit.burst), _rate_pair(limit.threshold)]
        fields.append(f"{limit.burst_s.up}/{limit.burst_s.down}")
    if limit.priority is not None:
        fields.append(str(limit.priority))
    if limit.least:
        fields.append(_rate_pair(limit.least))
    return fields


def _rate_pair(pair: Pair) -> str:
    return f"{_rate(pair.up)}/{_rate(pair.down)}"


def _rate(bps: int) -> str:
    for sign, unit in (("M", 1_000_000), ("k", 1_000)):
        if bps and bps % unit == 0:
            return f"{bps // unit}{sign}"
    return str(bps)


def _rates(text: str, field: str) -> Pair:
    first, slash, second = field.partition("/")
    up = _bps(text, first)
    return Pair(up, _bps(text, second) if slash else up)


def _bps(text: str, half: str) -> int:
    match = _RATE.fullmatch(half)
    if match is None:
        raise _fault(text, f"“{half[:40]}” is no rate, which is written like 512k or 20M")
    bps = int(match[1]) * _POWERS[match[2].lower()]
    if bps > MOST_BPS:
        raise _fault(text, f"“{half}” is above 1 Tbps")
    return bps


def _times(text: str, field: str) -> Pair:
    first, slash, second = field.partition("/")
    halves = [first, second if slash else first]
    if not all(half.isascii() and half.isdigit() and len(half) <= 5 for half in halves):
        raise _fault(text, f"“{field[:40]}” is no burst time, which is whole seconds")
    return Pair(int(halves[0]), int(halves[1]))


def _priority(field: str) -> int | None:
    """A lone digit from 1 to 8; anything else in its place is a least rate."""
    is_one = len(field) == 1 and field.isascii() and field.isdigit()
    return int(field) if is_one and HIGHEST <= int(field) <= LOWEST else None


def _fault(text: str, why: str) -> NotARateLimit:
    return NotARateLimit(UNPARSABLE.format(text[:80], why))


def _two(pair: Pair) -> str:
    return f"{_or_none(pair.down)} down, {_or_none(pair.up)} up"


def _exact(bps: int) -> str:
    """ "1.5 Mbps": what is agreed on is told without rounding."""
    number, sign = rate_text(bps), ""
    if number[-1].isalpha():
        number, sign = number[:-1], number[-1]
    return f"{number}{NBSP}{sign}bps"


def _or_none(bps: int) -> str:
    return _exact(bps) if bps else "no limit"


def _burst_words(limit: RateLimit) -> str:
    parts = [
        _one_burst(word, *way)
        for word, way in (
            ("down", (limit.burst.down, limit.threshold.down, limit.burst_s.down)),
            ("up", (limit.burst.up, limit.threshold.up, limit.burst_s.up)),
        )
        if way[0]
    ]
    return f"; bursts {' and '.join(parts)}" if parts else ""


def _one_burst(word: str, burst: int, threshold: int, window_s: int) -> str:
    """A burst lasts threshold × time ÷ burst rate: the time is a window, not a length."""
    lasts_s = threshold * window_s / burst
    return (
        f"to {_exact(burst)} {word} for about {lasts_s:.3g} s, "
        f"again once the mean of {window_s} s is below {_exact(threshold)}"
    )


def _rank(priority: int) -> str:
    return {HIGHEST: " (first)", LOWEST: " (last)"}.get(priority, "")
