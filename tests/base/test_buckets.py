"""Intervals poured into the 5-minute grid: no octet is lost or made, no bucket finished twice."""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from ispcore.base.timeseries.buckets import BUCKET_MS, FOLD_MS, GAP_ROWS, Bucket, add
from ispcore.base.timeseries.counters import Interval, Snapshot, interval
from ispcore.base.timeseries.quality import Quality

T0 = 1_772_452_800_000  # on the grid
MINUTE_MS = 60_000


def measured(start_ms: int, end_ms: int, octets: int, quality: Quality = Quality.GOOD) -> Interval:
    return Interval(T0 + start_ms, T0 + end_ms, octets, octets * 2, end_ms - start_ms, quality)


def gap(start_ms: int, end_ms: int, why: Quality = Quality.RESTARTED) -> Interval:
    return Interval(T0 + start_ms, T0 + end_ms, None, None, end_ms - start_ms, why)


def test_five_minutes_in_one_interval_are_one_good_bucket() -> None:
    finished, current = add(None, measured(0, BUCKET_MS, 3_000))
    assert finished == []
    finished, _ = add(current, measured(BUCKET_MS, 2 * BUCKET_MS, 5_000))
    assert [(b.start_ms, b.in_octets, b.out_octets, b.quality) for b in finished] == [
        (T0, 3_000, 6_000, Quality.GOOD)
    ]
    assert finished[0].in_bps == 3_000 * 8 // 300


def test_a_bucket_is_finished_when_an_interval_reaches_past_it() -> None:
    _, current = add(None, measured(0, 4 * MINUTE_MS, 4_000))
    finished, current = add(current, measured(4 * MINUTE_MS, 6 * MINUTE_MS, 2_000))
    assert [b.in_octets for b in finished] == [5_000]
    assert (current.start_ms, current.in_octets) == (T0 + BUCKET_MS, 1_000)


def test_a_bucket_seen_in_part_says_so_and_keeps_its_rate() -> None:
    _, current = add(None, measured(3 * MINUTE_MS, 5 * MINUTE_MS, 1_500))
    finished, _ = add(current, measured(5 * MINUTE_MS, 6 * MINUTE_MS, 0))
    assert finished[0].quality == Quality.PARTIAL
    assert (finished[0].covered_ms, finished[0].in_bps) == (2 * MINUTE_MS, 100)


def test_one_long_interval_is_spread_evenly_and_says_so() -> None:
    """domain.md §3: split over the missed slots with the same rate, flagged interpolated."""
    finished, current = add(None, measured(0, 4 * BUCKET_MS, 4_000))
    poured = [*finished, current]
    assert [b.in_octets for b in poured] == [1_000] * 4
    assert len({b.in_bps for b in poured}) == 1
    assert all(b.quality & Quality.INTERPOLATED for b in poured)


def test_a_discarded_interval_leaves_gaps_with_its_reason() -> None:
    finished, _ = add(None, gap(0, 3 * BUCKET_MS + 1))
    assert [(b.in_bps, b.covered_ms) for b in finished] == [(None, 0)] * 3
    assert all(b.quality & Quality.RESTARTED for b in finished)


def test_a_gap_of_weeks_does_not_write_thousands_of_rows() -> None:
    finished, _ = add(None, gap(0, 30 * 288 * BUCKET_MS))
    assert len(finished) == GAP_ROWS


def test_what_was_measured_before_a_gap_of_weeks_is_kept() -> None:
    _, current = add(None, measured(0, BUCKET_MS, 3_000))
    finished, _ = add(current, gap(BUCKET_MS, 30 * 288 * BUCKET_MS))
    assert finished[0].in_octets == 3_000
    assert len(finished) == GAP_ROWS + 1


def test_time_that_comes_twice_is_folded_without_a_spike() -> None:
    """Our clock was set back an hour: its octets stay, and the rate is that of all the time."""
    _, current = add(None, measured(0, 4 * MINUTE_MS, 4_000))
    hour = 3_600_000
    for minute in range(56):
        start = 4 * MINUTE_MS - hour + minute * MINUTE_MS
        finished, current = add(current, measured(start, start + MINUTE_MS, 1_000))
        assert finished == []
    finished, _ = add(current, measured(0, 6 * MINUTE_MS, 6_000))
    assert finished[0].start_ms == T0
    assert finished[0].in_octets == 4_000 + 56_000 + 5_000
    assert finished[0].in_bps == 133  # 1,000 octets a minute, and nothing else


def test_an_answer_that_took_long_makes_no_bucket_faster_than_its_interval() -> None:
    """57 s by our clock, 60 s by the router's, whose time the rate is made with."""
    late_then_not = Interval(T0, T0 + 57_000, 600_000, 0, 60_000)
    _, current = add(None, late_then_not)
    assert (current.covered_ms, current.in_bps) == (60_000, late_then_not.in_bps)


def test_a_moment_without_time_of_its_own_gets_no_octets() -> None:
    """A millisecond by our clock is less than one by the router's: octets need a time to be in."""
    finished, current = add(None, Interval(T0 - 1, T0 + 62_999, 10**9, 10**9, 60_000))
    assert finished == []
    assert (current.covered_ms, current.in_octets) == (60_000, 10**9)


def test_a_bucket_of_which_nothing_is_known_is_not_written() -> None:
    """The very first reading, and then a clock that went forward: nobody saw the bucket between."""
    finished, current = add(Bucket(T0), measured(12 * BUCKET_MS, 13 * BUCKET_MS - 1, 500))
    assert finished == []
    assert current.start_ms == T0 + 12 * BUCKET_MS


def test_an_interval_never_finishes_a_bucket_twice_however_far_the_clock_went_back() -> None:
    ahead = Bucket(T0 + 30 * BUCKET_MS, 10, 20, MINUTE_MS)
    finished, current = add(ahead, measured(0, 32 * BUCKET_MS + 1, 32_000))
    starts = [bucket.start_ms for bucket in [*finished, current]]
    assert len(starts) == len(set(starts))
    assert sum(bucket.in_octets for bucket in [*finished, current]) == 32_010


def test_a_clock_that_was_a_year_ahead_does_not_stop_the_series_for_a_year() -> None:
    ahead = Bucket(T0 + 365 * 288 * BUCKET_MS, 10, 20, MINUTE_MS)
    finished, current = add(ahead, measured(0, MINUTE_MS, 1_000))
    assert [b.start_ms for b in finished] == [ahead.start_ms]
    assert (current.start_ms, current.in_octets) == (T0, 1_000)


# ---- any sequence, against a plain model


@dataclass
class World:
    """A router and our clock, told plainly: what flowed, since when it is up, how wrong we are."""

    true_ms: int = T0
    offset_ms: int = 0
    booted_ms: int = T0 - 50 * 86_400_000
    octets: int = 10**6
    restarted: bool = False
    flowed: int = 0  # since the last reading
    stepped: bool = False
    finished: list[Bucket] = field(default_factory=list)
    open: Bucket | None = None
    accepted: int = 0  # octets between accepted readings, by the model's own count
    last: Snapshot | None = None

    def flow(self, seconds: int, octets: int) -> None:
        self.true_ms += seconds * 1000
        self.octets += octets
        self.flowed += octets

    def restart(self) -> None:
        """Only a router that was up an hour restarts; readings come more often than that."""
        if self.true_ms - self.booted_ms > 3_600_000:
            self.booted_ms, self.octets, self.restarted = self.true_ms, 0, True

    def set_clock(self, offset_s: int) -> None:
        if not self.restarted:
            self.offset_ms, self.stepped = offset_s * 1000, True

    def read(self) -> None:
        now = Snapshot(
            self.true_ms + self.offset_ms,
            (self.true_ms - self.booted_ms) // 10,
            self.octets,
            self.octets * 2,
        )
        if self.last is None:
            self._anchor(now)
            return
        found = interval(self.last, now, speed_bps=None)
        if found is None:
            assert now.uptime_ticks <= self.last.uptime_ticks
            return
        if found.in_octets is None:
            assert self.restarted or self.stepped, "an honest interval was thrown away"
        else:
            assert not self.restarted, "octets were counted across a restart"
            self.accepted += self.flowed
        done, self.open = add(self.open, found)
        self.finished += done
        self._anchor(now)

    def _anchor(self, now: Snapshot) -> None:
        self.last, self.flowed, self.restarted, self.stepped = now, 0, False, False


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("flow"), st.integers(1, 3_500), st.integers(0, 10**9)),
        st.tuples(st.just("restart")),
        st.tuples(st.just("clock"), st.integers(-FOLD_MS // 2100, FOLD_MS // 2100)),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(EVENTS)
def test_octets_in_buckets_are_those_between_readings_whatever_happens(
    events: list[tuple[object, ...]],
) -> None:
    world = World()
    world.read()
    for name, *values in events:
        if name == "flow":
            seconds, octets = values
            world.flow(seconds, octets)  # type: ignore[arg-type]
            world.read()
        elif name == "restart":
            world.restart()
        else:
            world.set_clock(values[0])  # type: ignore[arg-type]
    poured = [*world.finished, *([world.open] if world.open else [])]
    assert sum(b.in_octets for b in poured) == world.accepted
    assert sum(b.out_octets for b in poured) == world.accepted * 2
    starts = Counter(b.start_ms for b in poured)
    assert max(starts.values(), default=1) == 1
    assert all(start % BUCKET_MS == 0 for start in starts)
    assert all(b.covered_ms or not (b.in_octets or b.out_octets) for b in poured)


@settings(max_examples=300, deadline=None)
@given(
    start=st.integers(0, 10 * BUCKET_MS),
    span=st.integers(0, 10 * BUCKET_MS),
    octets=st.integers(0, 2**63),
)
def test_an_interval_is_cut_without_losing_an_octet(start: int, span: int, octets: int) -> None:
    finished, current = add(None, measured(start, start + span, octets))
    parts = [*finished, current]
    assert sum(b.in_octets for b in parts) == octets
    assert sum(b.covered_ms for b in parts) == span
