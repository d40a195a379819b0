"""One interface as the portal's own functions see it, and a device whose counters they read."""

from dataclasses import dataclass, field
from fractions import Fraction

from ispcore.base.timeseries.buckets import Bucket
from ispcore.base.timeseries.counters import Interval, Snapshot
from ispcore.base.timeseries.quality import Quality
from routers.counter_states import CounterState
from routers.counter_states import pack as pack_states
from routers.operations import advance, counting
from routers.operations.advance import Row
from routers.operations.poll_records import PollRecord, pack
from tests.base.plain_model import Reading

T0_MS = 1_772_452_800_000  # on the grid
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Portal:
    """The portal's own functions for one interface: the only place here that knows their names."""

    def __init__(self, speed_bps: int | None) -> None:
        self.speed_bps = speed_bps
        self.finished: list[Bucket] = []
        self._state: CounterState | None = None

    def read(self, reading: Reading) -> Interval | None:
        row = Row(
            1,
            self.speed_bps,
            reading.at_ms,
            reading.uptime_ticks,
            *reading.octets,
            reading.bits,
            reading.discontinuity,
        )
        step_ticks = 100 if reading.whole_seconds else 1
        if self._state is None:
            self._state = advance.first(row)
            return None
        record = PollRecord(1, 0.0, "snmp", "ok", 1, uptime_step_ticks=step_ticks, rows=pack([row]))
        counted = counting.count([record], {1: pack_states([self._state])}, late=False)
        step = advance.step(self._state, Snapshot(*row[2:], step_ticks), speed_bps=self.speed_bps)
        if step is None or step.interval is None:
            assert not counted.states
            return None
        finished = [advance.finished(1, one, "snmp") for one in step.finished]
        assert list(counted.finished) == finished
        self._rate(step.interval, reading.at_ms)
        assert counted.states == {1: pack_states([self._state])}
        self.finished += step.finished
        return step.interval

    def _rate(self, interval: Interval, at_ms: int) -> None:
        """`step` leaves the present rate to its caller."""
        assert self._state is not None
        self._state.in_bps, self._state.out_bps = interval.in_bps, interval.out_bps
        self._state.rated_ms = at_ms if interval.in_bps is not None else None

    def another_port(self) -> None:
        """Discovery found another MAC address behind the name."""
        if self._state is not None:
            self._state.bits = 0

    @property
    def open(self) -> Bucket | None:
        state = self._state
        if state is None:
            return None
        return Bucket(
            state.bucket_ms,
            state.bucket_in_octets,
            state.bucket_out_octets,
            state.bucket_covered_ms,
            Quality(state.bucket_quality),
        )


@dataclass
class Device:
    """A router with one port, and the clock of the host that asks it. Time is in ms.

    `true` is what really flowed, in and out; the counters show it from `zero` on, in `bits` bits.
    """

    speed_bps: int | None
    bits: int = 64
    now_ms: int = T0_MS
    booted_ms: int = T0_MS - 50 * DAY_MS
    clock_off_ms: int = 0
    drift_permille: int = 0
    true: list[int] = field(default_factory=lambda: [0, 0])
    zero: list[int] = field(default_factory=lambda: [-(10**9), -(3 * 10**9)])
    discontinuity: int | None = None
    whole_seconds: bool = False

    def flow(self, span_ms: int, of_speed: tuple[float, float]) -> None:
        """Time goes by; so much of the speed is used in and out."""
        self.now_ms += span_ms
        speed = self.speed_bps if self.speed_bps and self.speed_bps < 10**14 else 400 * 10**9
        for way in (0, 1):
            self.true[way] += int(speed * span_ms * Fraction(of_speed[way]) / 8000)

    @property
    def uptime_ticks(self) -> int:
        up_ms = (self.now_ms - self.booted_ms) * (1000 + self.drift_permille) // 1000
        ticks = up_ms // 1000 * 100 if self.whole_seconds else up_ms // 10
        return ticks % 2**32

    def read(self, delay_ms: int = 0) -> Reading:
        into, out = ((t - z) % 2**self.bits for t, z in zip(self.true, self.zero, strict=True))
        return Reading(
            self.now_ms + self.clock_off_ms + delay_ms,
            self.uptime_ticks,
            (into, out),
            self.bits,
            self.discontinuity,
            self.whole_seconds,
        )

    def restart(self) -> None:
        self.booted_ms = self.now_ms
        self.reset(moved=False)
        self.discontinuity = None if self.discontinuity is None else 0

    def reset(self, *, moved: bool) -> None:
        self.zero = list(self.true)
        if moved:
            self.discontinuity = self.uptime_ticks

    def nearly_wrap(self, octets: int) -> None:
        """The counters are so many octets from their end, as if they had always been."""
        self.zero = [t + octets - 2**self.bits for t in self.true]
