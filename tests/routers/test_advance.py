"""Counting many readings at once does the same sums as counting them one by one."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ispcore.base.timeseries.buckets import BUCKET_MS
from routers.counter_states import CounterState, pack, unpack
from routers.hooks import FinishedBucket
from routers.operations import advance, counting, poll_records
from routers.operations.advance import Row
from routers.operations.poll_records import PollRecord

DAY_MS = 86_400_000
ROUTERS = (1, 2)
MOST = counting.MOST_GROWN
octets = st.integers(0, 2**64 - 1)
# what lies in the open bucket: mostly little, now and then at an edge of what is counted at once
small = st.integers(0, 10**9) | st.sampled_from([2**49 - 1, 2**49, 2**49 + 1, 2**53])
maybe = st.none() | st.integers(0, 2**40)
SPEEDS = (None, None, 0, 10**9, 10**10, 4 * 10**11, counting.MOST_TOLD_BPS, 10**14, 10**14 + 1)


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
        bits=draw(st.sampled_from([64, 64, 64, 64, 32, 0])),
        discontinuity_ticks=draw(st.sampled_from([None, None, None, 5, 6])),
        in_bps=draw(maybe),
        out_bps=draw(maybe),
        rated_ms=draw(maybe),
        bucket_ms=bucket_ms,
        bucket_in_octets=draw(small),
        bucket_out_octets=draw(small),
        bucket_covered_ms=draw(st.sampled_from([0, 2**49, 2**50]) | st.integers(0, BUCKET_MS)),
        bucket_quality=draw(st.sampled_from([0, 0, 1, 2, 64])),
    )


@st.composite
def readings(draw: st.DrawFn, state: CounterState) -> Row:
    """Of the interface that has this state: in its next minutes mostly, and growing."""
    wall_ms = draw(
        st.integers(1, BUCKET_MS * 8 // 5)
        | st.integers(-BUCKET_MS, 3 * BUCKET_MS)
        | st.sampled_from([BUCKET_MS, state.bucket_ms + BUCKET_MS - state.at_ms])
    )
    drift_ms = draw(st.sampled_from([0, 0, 0, 300, -300, 5_000, -5_000, 5_010, -5_010]))
    ticks = max(0, state.uptime_ticks + (wall_ms + drift_ms) // 10) % 2**32
    grown = st.integers(-5, 10**10) | st.sampled_from([MOST - 1, MOST, MOST + 1])
    return Row(
        state.interface_id,
        draw(st.sampled_from(SPEEDS)),
        state.at_ms + wall_ms,
        ticks,
        (state.in_octets + draw(grown)) % 2**64,
        (state.out_octets + draw(grown)) % 2**64,
        draw(st.sampled_from([64, 64, 64, 64, 32])),
        draw(st.sampled_from([None, None, None, 5, 6])),
    )


@st.composite
def fleets(draw: st.DrawFn) -> dict[int, list[CounterState]]:
    """The states of each router's interfaces; interfaces are numbered throughout."""
    drawn = {router: draw(st.lists(states(), max_size=4)) for router in ROUTERS}
    return {
        router: [replace(state, interface_id=10 * router + n) for n, state in enumerate(some)]
        for router, some in drawn.items()
    }


@st.composite
def records(draw: st.DrawFn, fleet: dict[int, list[CounterState]]) -> PollRecord:
    """What was read of a router: not of all, in any order, now and then twice, or a new one."""
    router = draw(st.sampled_from(ROUTERS))
    new = replace(draw(states()), interface_id=10 * router + 9)
    known = [state for state in fleet[router] if draw(st.sampled_from([True, True, True, False]))]
    read = draw(st.permutations(known)) if draw(st.booleans()) else known
    read = read + ([*read[:1], new] if draw(st.integers(0, 3)) == 0 else [])
    rows = [draw(readings(state)) for state in read]
    source, step_ticks = draw(st.sampled_from([("snmp", 1), ("snmp", 1), ("api", 100)]))
    return PollRecord(
        router, 1.0, source, "ok", 9, uptime_step_ticks=step_ticks, rows=poll_records.pack(rows)
    )


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_both_ways_agree(data: st.DataObject) -> None:
    fleet = data.draw(fleets())
    said = data.draw(st.lists(records(fleet), max_size=4))
    late = data.draw(st.booleans())
    packed = {router: pack(some) for router, some in fleet.items()}
    counted = counting.count(said, packed, late=late)
    finished, changed, new = _one_by_one(said, fleet, late=late)
    assert set(counted.states) == changed
    assert counted.first_seen_router_ids == new
    for router in changed:
        assert unpack(counted.states[router]) == {s.interface_id: s for s in fleet[router]}
        assert counted.states[router] == pack(fleet[router])
    of_each = sorted(counted.finished, key=lambda bucket: bucket[0])  # each in its own order
    assert of_each == sorted(finished, key=lambda bucket: bucket.interface_id)


def _one_by_one(
    said: list[PollRecord], fleet: dict[int, list[CounterState]], *, late: bool
) -> tuple[list[FinishedBucket], set[int], set[int]]:
    """Finished buckets, routers with news, routers with interfaces never read before."""
    finished: list[FinishedBucket] = []
    changed, new = set(), set()
    for record in said:
        for row in poll_records.unpack(record.rows):
            known = {state.interface_id: state for state in fleet[record.router_id]}
            state = known.get(row.interface_id)
            if state is None:
                fleet[record.router_id].append(advance.first(row))
                new.add(record.router_id)
            elif late and row.at_ms <= state.at_ms:
                continue
            else:
                step_ticks, source = record.uptime_step_ticks, record.source
                done = advance.count(state, row, uptime_step_ticks=step_ticks, source=source)
                if done is None:
                    continue
                finished += done
            changed.add(record.router_id)
    return finished, changed, new


def test_the_usual_reading_is_counted_with_all_others() -> None:
    packed = pack(
        CounterState(key, DAY_MS + 1_000, 10_000, 5, 5, 64, bucket_ms=DAY_MS) for key in (7, 8)
    )
    for n in range(1, 5):
        at_ms = DAY_MS + 1_000 + n * BUCKET_MS
        ticks = 10_000 + n * BUCKET_MS // 10
        rows = [Row(key, None, at_ms, ticks, 5 + n * 10**6, 5, 64, None) for key in (7, 8)]
        record = PollRecord(1, 1.0, "snmp", "ok", 2, rows=poll_records.pack(rows))
        batch = counting._Batch.of([record], {1: packed})
        usual, closed = batch.count_usual()
        assert usual.all()
        assert {at.timestamp() * 1000 for at in closed.instants} == {DAY_MS + (n - 1) * BUCKET_MS}
        assert closed.keys == [7, 8]
        packed = batch.packed()[1]


def test_nothing_is_counted_of_nothing() -> None:
    counted = counting.count([], {}, late=False)
    assert (len(counted.finished), counted.states) == (0, {})


@given(st.lists(states(), max_size=5))
def test_states_come_back_from_their_packed_form_as_they_were(some: list[CounterState]) -> None:
    numbered = [replace(state, interface_id=n) for n, state in enumerate(some)]
    assert list(unpack(pack(numbered)).values()) == numbered
