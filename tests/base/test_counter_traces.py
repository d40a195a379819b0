"""Random traces of counters, as devices and clocks make them, against the plain model.

Two questions. Does the portal judge every reading, and fill every bucket, as the plain model does,
however mad the device is? And where the device is honest: is what was counted what truly flowed,
octet for octet, with no rate above the interface's speed?
"""

import random
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ispcore.base.timeseries.buckets import BUCKET_MS, Bucket
from ispcore.base.timeseries.quality import DISCARDED, Quality
from tests.base import plain_model
from tests.base.counter_device import DAY_MS, HOUR_MS, MINUTE_MS, T0_MS, Device, Portal
from tests.base.plain_model import Reading, Share

SPEEDS = (64_000, 10_000_000, 1_000_000_000, 100_000_000_000, 4_294_967_295_000_000, 0, None)
WORDS = {
    "restarted": Quality.RESTARTED,
    "discontinuous": Quality.DISCONTINUOUS,
    "fell": Quality.COUNTER_FELL,
    "too fast": Quality.TOO_FAST,
    "clock stepped": Quality.CLOCK_STEPPED,
    "wrapped": Quality.WRAPPED,
    "ambiguous": Quality.AMBIGUOUS,
    "interpolated": Quality.INTERPOLATED,
}


# ---- any device, however mad


def flow() -> st.SearchStrategy[tuple[Any, ...]]:
    use = st.sampled_from([0.0, 0.001, 0.3, 0.97, 1.0, 1.09, 1.2, 3.0])
    span = st.one_of(st.just(MINUTE_MS), st.integers(1, 20 * MINUTE_MS), st.integers(1, DAY_MS))
    return st.tuples(st.just("flow"), span, use, use, st.integers(0, 8_000))


ABSURD = st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1, 10**15])
STEP_S = st.one_of(st.sampled_from([-3600, 3600, -90, 90]), st.integers(-4 * DAY_MS, 4 * DAY_MS))
MAD = st.one_of(
    flow(),
    flow(),
    flow(),
    st.tuples(st.just("restart")),
    st.tuples(st.just("reset"), st.booleans()),
    st.tuples(st.just("clock"), STEP_S),
    st.tuples(st.just("absurd"), ABSURD, ABSURD),
    st.tuples(st.just("absurd uptime"), st.sampled_from([0, 1, 2**31, 2**32 - 1])),
    st.tuples(st.just("nearly wrap"), st.integers(0, 10**9)),
    st.tuples(st.just("uptime nearly wraps"), st.integers(1, 10 * MINUTE_MS)),
    st.tuples(st.just("width"), st.sampled_from([32, 64])),
    st.tuples(st.just("whole seconds"), st.booleans()),
    st.tuples(st.just("duplicate")),
    st.tuples(st.just("late"), st.integers(1, 5)),
    st.tuples(st.just("another port")),
    st.tuples(st.just("silence"), st.integers(1, 5 * DAY_MS)),
)


class Trace:
    """A device that is read by the portal and by the plain model, event by event."""

    def __init__(self, speed_bps: int | None, drift_permille: int = 0) -> None:
        self.device = Device(speed_bps, drift_permille=drift_permille)
        self.portal, self.model = Portal(speed_bps), plain_model.Line(speed_bps)
        self.said: list[Reading] = []
        self.take(self.device.read())

    def take(self, reading: Reading) -> None:
        self.said.append(reading)
        found, verdict = self.portal.read(reading), self.model.read(reading)
        assert (found is None) == (verdict is None), (reading, found, verdict)
        if found is None or verdict is None:
            return
        octets = None if found.in_octets is None else (found.in_octets, found.out_octets)
        assert octets == verdict.octets
        assert found.quality == flags(verdict.why)
        assert bool(found.quality & DISCARDED) == (octets is None), "thrown away without a reason"
        assert (found.start_ms, found.end_ms) == (verdict.from_ms, verdict.to_ms)
        for bps in (found.in_bps, found.out_bps):
            assert bps is None or bps <= highest_bps(self.device.speed_bps)

    def happens(self, name: str, *given: Any) -> None:
        getattr(self, "_" + name.replace(" ", "_"))(*given)

    def _flow(self, span_ms: int, into: float, out: float, delay_ms: int) -> None:
        self.device.flow(span_ms, (into, out))
        self.take(self.device.read(delay_ms))

    def _restart(self) -> None:
        self.device.restart()

    def _reset(self, moved: bool) -> None:
        self.device.reset(moved=moved)

    def _clock(self, step_s: int) -> None:
        self.device.clock_off_ms += step_s * 1000 if abs(step_s) < 10**5 else step_s

    def _absurd(self, into: int, out: int) -> None:
        said = self.device.read()
        self.take(Reading(said.at_ms, said.uptime_ticks, (into, out), said.bits))

    def _absurd_uptime(self, ticks: int) -> None:
        said = self.device.read()
        self.take(Reading(said.at_ms, ticks, said.octets, said.bits))

    def _nearly_wrap(self, octets: int) -> None:
        self.device.nearly_wrap(octets)

    def _uptime_nearly_wraps(self, before_ms: int) -> None:
        self.device.booted_ms = self.device.now_ms - (2**32 * 10 - before_ms)

    def _width(self, bits: int) -> None:
        self.device.bits = bits

    def _whole_seconds(self, whole: bool) -> None:
        self.device.whole_seconds = whole

    def _duplicate(self) -> None:
        self.take(self.said[-1])

    def _late(self, back: int) -> None:
        self.take(self.said[max(len(self.said) - 1 - back, 0)])

    def _another_port(self) -> None:
        self.portal.another_port()
        self.model.same_port = False

    def _silence(self, span_ms: int) -> None:
        self.device.flow(span_ms, (0.1, 0.1))


def flags(why: set[str] | frozenset[str]) -> Quality:
    found = Quality.GOOD
    for word in why:
        found |= WORDS[word]
    return found


def highest_bps(speed_bps: int | None) -> int:
    """1.1 times what the interface tells, or of 400 Gbit/s where that says nothing."""
    told = speed_bps if speed_bps and speed_bps <= 10**14 else 400 * 10**9
    return told * 11 // 10


def agree(trace: Trace) -> None:
    """Every bucket of the portal is the model's, and nothing is lost between them."""
    portal, model, speed = trace.portal, trace.model, trace.device.speed_bps
    assert portal.open is not None
    assert model.open is not None
    poured = [*portal.finished, portal.open]
    assert sum(b.in_octets for b in poured) == model.counted[0]
    assert sum(b.out_octets for b in poured) == model.counted[1]
    assert sum(b.covered_ms for b in poured) == model.device_ms
    assert all(b.covered_ms or not (b.in_octets or b.out_octets) for b in poured)
    ours = [b for b in portal.finished if b.covered_ms > 2 or b.quality & ~Quality.PARTIAL]
    theirs = [s for s in model.finished if s.covered_ms > 2 or s.why]
    assert [b.start_ms for b in ours] == [s.start_ms for s in theirs]
    for bucket, share in [*zip(ours, theirs, strict=True), (portal.open, model.open)]:
        same_bucket(bucket, share, speed)
    for bucket in portal.finished:
        assert bool(bucket.quality & Quality.PARTIAL) == (bucket.covered_ms < 294_000)
        assert bucket.covered_ms or bucket.quality & DISCARDED, "an empty bucket says why"


def same_bucket(bucket: Bucket, share: Share, speed_bps: int | None) -> None:
    assert bucket.start_ms == share.start_ms
    assert bucket.start_ms % BUCKET_MS == 0
    assert bucket.quality & ~Quality.PARTIAL == flags(share.why)
    assert abs(bucket.covered_ms - share.covered_ms) <= share.cuts
    most = highest_bps(speed_bps)
    in_a_ms = 1 + most // 8000  # whole ms and whole octets: nothing finer is cut
    for octets, exact in zip((bucket.in_octets, bucket.out_octets), share.octets, strict=True):
        assert abs(octets - exact) <= share.cuts * in_a_ms
        # no rate above the interface's speed, but for the octets that are not cut in two
        assert octets * 8000 <= most * bucket.covered_ms + share.cuts * 8000


@settings(max_examples=120, deadline=None)
@given(
    speed=st.sampled_from(SPEEDS),
    drift=st.sampled_from([0, 0, -15, 15, 40]),
    events=st.lists(MAD, max_size=30),
)
def test_any_trace_is_judged_as_the_plain_model_judges_it(
    speed: int | None, drift: int, events: list[tuple[Any, ...]]
) -> None:
    trace = Trace(speed, drift)
    for event in events:
        trace.happens(*event)
    agree(trace)


@settings(max_examples=80, deadline=None, phases=[Phase.generate])
@given(st.integers(0, 2**64))
def test_a_long_trace_is_judged_as_the_plain_model_judges_it(seed: int) -> None:
    """Mostly polls of a line in use, now and then a trick: what hypothesis alone makes too rarely."""
    dice = random.Random(seed)
    trace = Trace(dice.choice(SPEEDS), dice.choice([0, 0, -15, 15, 40]))
    tricks: tuple[tuple[Any, ...], ...] = (
        ("restart",),
        ("reset", dice.random() < 0.5),
        ("clock", dice.choice([-3600, 3600, -90, 90, dice.randrange(-4 * DAY_MS, 4 * DAY_MS)])),
        ("absurd", dice.choice([0, 2**32 - 1, 2**64 - 1]), dice.choice([0, 10**15, 2**63])),
        ("absurd uptime", dice.choice([0, 1, 2**31, 2**32 - 1])),
        ("nearly wrap", dice.randrange(10**9)),
        ("uptime nearly wraps", dice.randrange(1, 10 * MINUTE_MS)),
        ("width", dice.choice([32, 64])),
        ("whole seconds", dice.random() < 0.3),
        ("duplicate",),
        ("late", dice.randrange(1, 6)),
        ("another port",),
        ("silence", dice.randrange(1, 2 * HOUR_MS)),
        ("silence", dice.randrange(1, 4 * DAY_MS)),
    )
    for _ in range(dice.randrange(20, 80)):
        if dice.random() < 0.15:
            trace.happens(*dice.choice(tricks))
        span_ms = MINUTE_MS + dice.randrange(-2_000, 2_000)
        use = dice.choice([0.0, 0.2, 0.97, 1.0, 1.05, 1.2])
        trace.happens("flow", span_ms, use, dice.random(), dice.choice([0, 20, 900, 3_000]))
    agree(trace)


def test_a_line_that_is_first_read_a_moment_before_the_grid() -> None:
    """Not a millisecond of the router's is in the first bucket: nothing is known of it."""
    trace = Trace(10**9)
    trace.device.now_ms = T0_MS + BUCKET_MS - 1
    trace.portal, trace.model = Portal(10**9), plain_model.Line(10**9)
    trace.take(trace.device.read())
    trace.happens("flow", MINUTE_MS, 1.0, 1.0, 3)
    assert trace.portal.finished == []
    trace.happens("flow", 6 * MINUTE_MS, 1.0, 1.0, 0)
    agree(trace)


# ---- an honest device: what is counted is what flowed

EXCUSES = {"restart", "reset", "another port", "64-bit wrap"}
HONEST = st.one_of(
    st.just(("poll",)),
    st.just(("poll",)),
    st.tuples(st.sampled_from(["restart", "reset", "another port"])),
    st.tuples(st.just("wrap"), st.integers(0, 10**7)),
    st.tuples(st.just("clock"), st.sampled_from([-3600, -600, -6, 6, 600, 3600])),
    st.tuples(st.sampled_from(["duplicate", "missing", "held", "held"])),
)
POLL = st.tuples(
    st.one_of(st.just(MINUTE_MS), st.integers(10_000, 20 * MINUTE_MS)),
    st.sampled_from([0.0, 0.01, 0.5, 1.0]),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from([0, 20, 1_000, 3_000]),
)


class Honest:
    """Polls of a device that tells the truth; what happens between two of them is at most one thing
    of those that a device announces. The clock is wrong by an hour at most, the device's drifts by
    1.5 % at most, answers take up to 3 s."""

    def __init__(self, speed_bps: int, bits: int, drift_permille: int) -> None:
        self.speed_bps = speed_bps
        self.device = Device(speed_bps, bits, drift_permille=drift_permille, discontinuity=0)
        self.portal = Portal(speed_bps)
        self.happened: str | None = None
        self.held: Reading | None = None
        self.counted = [0, 0]
        self.uncounted = [0, 0]  # flowed in intervals that had to be thrown away
        self.last = self.device.read()
        self.flowed = list(self.device.true)
        self.portal.read(self.last)

    def goes(self, event: tuple[Any, ...], poll: tuple[int, float, float, int]) -> None:
        self._happens(*event)
        span_ms, into, out, delay_ms = poll
        self.device.flow(span_ms, (into, out))
        reading = self.device.read(delay_ms)
        if event == ("missing",):
            return  # it answered, but not for this port
        if event == ("held",):
            self.held = reading  # and comes after the next one
            return
        self._take(reading)
        if self.held:
            assert self.portal.read(self.held) is None, "a late reading was counted"
            self.held = None

    def _happens(self, name: str, *given: int) -> None:
        if name == "duplicate":
            assert self.portal.read(self.last) is None
        if self.happened or self.held:
            return
        if name == "restart" and self.device.uptime_ticks > HOUR_MS // 10:
            self.device.restart()
            self.happened = name
        elif name == "reset":
            self.device.reset(moved=True)
            self.happened = name
        elif name == "another port":
            self.portal.another_port()
            self.happened = name
        elif name == "clock" and self.device.uptime_ticks > 2 * HOUR_MS // 10:
            # of a router that has just started nobody can tell a step from another restart
            self.device.clock_off_ms = given[0] * 1000
            self.happened = name
        elif name == "wrap":
            self._wrap(given[0])

    def _wrap(self, octets: int) -> None:
        """Counters near their end: read so, and then they go over it."""
        self.device.nearly_wrap(octets)
        self.portal.another_port()
        self.happened = "another port"

    def _take(self, reading: Reading) -> None:
        found = self.portal.read(reading)
        truth = [now - then for now, then in zip(self.device.true, self.flowed, strict=True)]
        wrapped = self.device.bits == 64 and any(
            now < then for now, then in zip(reading.octets, self.last.octets, strict=True)
        )
        assert found is not None, "a reading was left out"
        if found.in_octets is None:
            assert self.happened in EXCUSES or wrapped, found
            self.uncounted = [a + b for a, b in zip(self.uncounted, truth, strict=True)]
        else:
            assert self.happened not in EXCUSES, (self.happened, found)
            assert [found.in_octets, found.out_octets] == truth
            self.counted = [a + b for a, b in zip(self.counted, truth, strict=True)]
        self.last, self.flowed, self.happened = reading, list(self.device.true), None

    def agrees(self) -> None:
        assert self.portal.open is not None
        poured = [*self.portal.finished, self.portal.open]
        assert [sum(b.in_octets for b in poured), sum(b.out_octets for b in poured)] == self.counted
        both = [a + b for a, b in zip(self.counted, self.uncounted, strict=True)]
        assert both == self.flowed, "an octet is neither counted nor known to be lost"
        starts = [bucket.start_ms for bucket in poured]
        assert len(starts) == len(set(starts)), "a bucket was finished twice"
        assert starts == sorted(starts)
        for bucket in poured:
            assert bucket.covered_ms or not (bucket.in_octets or bucket.out_octets)
            for octets in (bucket.in_octets, bucket.out_octets):
                most = self.speed_bps * bucket.covered_ms * 102 // 100  # its clock is 1.5 % off
                assert octets * 8000 <= most + 8000 * len(starts)


@settings(max_examples=150, deadline=None)
@given(
    line=st.sampled_from([(10_000_000, 32), (10_000_000, 64), (10**9, 64), (10**11, 64)]),
    drift=st.sampled_from([0, 0, -15, 15]),
    events=st.lists(st.tuples(HONEST, POLL), max_size=60),
)
def test_of_an_honest_device_all_that_flowed_is_counted_or_known_to_be_lost(
    line: tuple[int, int], drift: int, events: list[tuple[Any, Any]]
) -> None:
    honest = Honest(*line, drift)
    for event, poll in events:
        honest.goes(event, poll)
    if honest.flowed != honest.device.true:
        honest.goes(("poll",), (MINUTE_MS, 0.0, 0.0, 0))
    honest.agrees()
