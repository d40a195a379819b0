"""The short way that the usual reading takes does the same sums as the long one."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ispcore.base.timeseries.buckets import BUCKET_MS
from routers.counter_states import CounterState, pack, unpack
from routers.operations import advance
from routers.operations.advance import Row

DAY_MS = 86_400_000
octets = st.integers(0, 2**64 - 1)
small = st.integers(0, 10**9)
maybe = st.none() | st.integers(0, 2**40)


@st.composite
def states(draw: st.DrawFn) -> CounterState:
    at_ms = DAY_MS + draw(st.integers(0, 3 * BUCKET_MS))
    bucket_ms = at_ms // BUCKET_MS * BUCKET_MS - draw(st.sampled_from([0, 0, 0, BUCKET_MS]))
    return CounterState(
        interface_id=7,
        at_ms=at_ms,
        uptime_ticks=draw(st.integers(0, 2**32 - 1)),
        in_octets=draw(st.integers(0, 2**63)),
        out_octets=draw(octets),
        bits=draw(st.sampled_from([64, 64, 64, 32, 0])),
        discontinuity_ticks=draw(st.sampled_from([None, None, 5, 6])),
        in_bps=draw(maybe),
        out_bps=draw(maybe),
        rated_ms=draw(maybe),
        bucket_ms=bucket_ms,
        bucket_in_octets=draw(small),
        bucket_out_octets=draw(small),
        bucket_covered_ms=draw(st.integers(0, BUCKET_MS)),
        bucket_quality=draw(st.sampled_from([0, 0, 1, 2, 64])),
    )


@st.composite
def readings(draw: st.DrawFn, state: CounterState) -> Row:
    wall_ms = draw(
        st.integers(1, BUCKET_MS * 8 // 5)
        | st.integers(-BUCKET_MS, 3 * BUCKET_MS)
        | st.sampled_from([BUCKET_MS, state.bucket_ms + BUCKET_MS - state.at_ms])
    )
    drift_ms = draw(st.sampled_from([0, 0, 300, -300, 5_000, -5_000, 7_000]))
    ticks = max(0, state.uptime_ticks + (wall_ms + drift_ms) // 10) % 2**32
    grown = draw(st.integers(0, 10**10))
    return Row(
        7,
        draw(st.sampled_from([None, 10**9, 10**10])),
        state.at_ms + wall_ms,
        ticks,
        (state.in_octets + grown) % 2**64,
        (state.out_octets + draw(st.integers(-5, 10**9))) % 2**64,
        draw(st.sampled_from([64, 64, 64, 32])),
        draw(st.sampled_from([None, None, 5, 6])),
    )


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_both_ways_agree(data: st.DataObject) -> None:
    state = data.draw(states())
    row = data.draw(readings(state))
    short, long = replace(state), replace(state)
    found = advance._count_usual(short, row, 1, "snmp")
    if found is None:
        assert short == state
        return
    moved = advance.step(long, advance._snapshot_of(row, 1), speed_bps=row.limit_bps)
    assert moved is not None
    assert moved.interval is not None
    assert list(found) == [advance.finished(7, bucket, "snmp") for bucket in moved.finished]
    long.in_bps, long.out_bps = moved.interval.in_bps, moved.interval.out_bps
    long.rated_ms = row.at_ms
    assert short == long


def test_the_usual_reading_does_take_the_short_way() -> None:
    state = CounterState(7, DAY_MS + 1_000, 10_000, 5, 5, 64, bucket_ms=DAY_MS)
    for n in range(1, 5):
        at_ms = DAY_MS + 1_000 + n * BUCKET_MS
        row = Row(7, None, at_ms, 10_000 + n * BUCKET_MS // 10, 5 + n * 10**6, 5, 64, None)
        found = advance._count_usual(state, row, 1, "snmp")
        assert found is not None
        (bucket,) = found
        assert bucket.bucket.timestamp() * 1000 == DAY_MS + (n - 1) * BUCKET_MS


@given(st.lists(states(), max_size=5))
def test_states_come_back_from_their_packed_form_as_they_were(some: list[CounterState]) -> None:
    numbered = [replace(state, interface_id=n) for n, state in enumerate(some)]
    assert list(unpack(pack(numbered)).values()) == numbered
