"""Count a batch of readings: the usual ones all at once as columns, the others one by one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt

from ispcore.base.timeseries.buckets import BUCKET_MS, BUCKET_S, FULL_MS, LATE_MS
from ispcore.base.timeseries.counters import (
    HEADROOM_PERCENT,
    HIGHEST_SPEED_BPS,
    TOLERANCE_MS,
    UNKNOWN_SPEED_CAP_BPS,
)
from ispcore.base.timeseries.quality import Quality
from ispcore.base.timeseries.samples import SAMPLE, Samples
from routers.counter_states import CounterState, pack, unpack
from routers.hooks import FinishedBucket
from routers.operations import advance
from routers.operations.advance import Row
from routers.operations.poll_records import PollRecord, row_of

Table = npt.NDArray[np.void]
Numbers = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
STATE = np.dtype([(each.name, "<u8") for each in fields(CounterState)])
ROW = np.dtype([(name, "<u8") for name in Row._fields])
COUNTERS = ("in_octets", "out_octets")

# of the usual readings no product may exceed 64 bits: what is larger is counted one by one
MOST_TICKS = (LATE_MS + TOLERANCE_MS) // 10
MOST_TOLD_BPS = (2**64 - 1) // (HEADROOM_PERCENT * MOST_TICKS)  # 3.6 Tbit/s
MOST_GROWN = (2**64 - 1) // (10 * MOST_TICKS)  # octets: 720 Gbit/s
MOST_OPEN = 2**49  # octets, or ms, in the open bucket


@dataclass(slots=True)
class Counted:
    """What counting made: finished buckets by interface, the states of the routers that brought
    anything new, packed, and which routers have interfaces that were never read before."""

    finished: Samples
    states: dict[int, bytes]
    first_seen_router_ids: set[int]


def count(records: Sequence[PollRecord], states: Mapping[int, bytes], *, late: bool) -> Counted:
    """Advance the packed states of routers by what was read of them, in its order.

    With `late`, what is older than the state is passed over.
    """
    batch = _Batch.of(records, states)
    usual, closed = batch.count_usual()
    others = batch.count_others(np.flatnonzero(~usual), late=late)
    finished = Samples.together([closed, Samples.of(others)])
    return Counted(finished, batch.packed(), batch.first_seen)


@dataclass(slots=True)
class _Batch:
    """Rows of all records, and the states of all routers, one after another.

    `record_of` says of each row whose it is, `place_of` where its interface's state stands, -1
    where it has none. `added` are states of interfaces that are new, packed.
    """

    records: Sequence[PollRecord]
    rows: Table
    states: Table
    parts: Mapping[int, slice]  # of the states, by router
    record_of: Places
    place_of: Places
    added: dict[int, bytes] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)  # routers
    first_seen: set[int] = field(default_factory=set)  # routers

    @classmethod
    def of(cls, records: Sequence[PollRecord], states: Mapping[int, bytes]) -> "_Batch":
        rows = np.frombuffer(b"".join(record.rows for record in records), ROW)
        router_ids = list(dict.fromkeys(record.router_id for record in records))
        known = np.frombuffer(b"".join(states[pk] for pk in router_ids), STATE).copy()
        parts = dict(zip(router_ids, _parts([states[pk] for pk in router_ids], STATE), strict=True))
        own = _parts([record.rows for record in records], ROW)
        sizes = [part.stop - part.start for part in own]
        places = [
            _places(known["interface_id"], parts[record.router_id], rows["interface_id"][mine])
            for record, mine in zip(records, own, strict=True)
        ]
        record_of = np.repeat(np.arange(len(records)), sizes)
        place_of = np.concatenate([np.empty(0, np.intp), *places])
        return cls(records, rows, known, parts, record_of, place_of)

    def count_usual(self) -> tuple[Mask, Samples]:
        """Count the first reading of each interface where it is a usual one; says of each row
        whether it was, and what buckets these closed."""
        usual = np.zeros(len(self.rows), np.bool_)
        usual[np.unique(self.place_of, return_index=True)[1]] = True
        steps = np.array([record.uptime_step_ticks for record in self.records], np.int64)
        usual &= (self.place_of >= 0) & (steps[self.record_of] == 1)
        usual[usual] = _are_usual(self.states[self.place_of[usual]], self.rows[usual])
        states, rows = self.states[self.place_of[usual]], self.rows[usual]
        closed, which = _advance(states, rows)
        self.states[self.place_of[usual]] = states
        whose = self.record_of[usual]
        sources = np.array([record.source for record in self.records], "S4")
        closed["source"] = sources[whose[which]]
        self.changed.update(self.records[n].router_id for n in np.unique(whose).tolist())
        return usual, Samples(closed)

    def count_others(self, others: Places, *, late: bool) -> list[FinishedBucket]:
        """Count these rows one by one; returns the buckets they finished."""
        whose, starts = np.unique(self.record_of[others], return_index=True)
        finished: list[FinishedBucket] = []
        for n, mine in zip(whose.tolist(), np.split(others, starts[1:]), strict=False):
            record = self.records[n]
            places = np.unique(self.place_of[mine])
            places = places[places >= 0]
            packed = self.states[places].tobytes()
            known = unpack(packed + self.added.get(record.router_id, b""))
            rows = map(row_of, self.rows[mine].tolist())
            finished += chain.from_iterable(self._one_by_one(record, rows, known, late=late))
            counted = pack(known.values())
            self.states[places] = np.frombuffer(counted[: len(packed)], STATE)
            self.added[record.router_id] = counted[len(packed) :]
        return finished

    def _one_by_one(
        self, record: PollRecord, rows: Iterator[Row], known: dict[int, CounterState], *, late: bool
    ) -> Iterator[Sequence[FinishedBucket]]:
        step_ticks, source = record.uptime_step_ticks, record.source
        for row in rows:
            state = known.get(row.interface_id)
            if state is None:
                known[row.interface_id] = advance.first(row)
                self.first_seen.add(record.router_id)
            elif late and row.at_ms <= state.at_ms:
                continue
            else:
                done = advance.count(state, row, uptime_step_ticks=step_ticks, source=source)
                if done is None:
                    continue
                yield done
            self.changed.add(record.router_id)

    def packed(self) -> dict[int, bytes]:
        """The states of the routers that changed."""
        return {
            pk: self.states[self.parts[pk]].tobytes() + self.added.get(pk, b"")
            for pk in self.changed
        }


def _parts(packed: Sequence[bytes], kind: np.dtype[np.void]) -> list[slice]:
    """Where each of these lies when they stand one after another."""
    ends = np.cumsum([0, *(len(each) // kind.itemsize for each in packed)]).tolist()
    return [slice(start, end) for start, end in pairwise(ends)]


def _places(known: Numbers, part: slice, wanted: Numbers) -> Places:
    """Where each of the wanted interfaces stands in a router's part of those known, else -1."""
    if np.array_equal(known[part], wanted):
        return np.arange(part.start, part.stop)
    at = dict(zip(known[part].tolist(), range(part.start, part.stop), strict=True))
    return np.array([at.get(key, -1) for key in wanted.tolist()], np.intp)


def _are_usual(states: Table, rows: Table) -> Mask:
    """A 64-bit counter that grew, a little later, within one bucket or into the next.

    Unsigned numbers wrap where they would be negative; other conditions catch what is false then.
    """
    at_ms, was_ms = rows["at_ms"], states["at_ms"]
    wall_ms, ticks = at_ms - was_ms, rows["uptime_ticks"] - states["uptime_ticks"]
    span_ms, turn_ms = ticks * 10, states["bucket_ms"] + BUCKET_MS
    told_bps = rows["limit_bps"].copy()
    told_bps[(told_bps == 0) | (told_bps > HIGHEST_SPEED_BPS)] = UNKNOWN_SPEED_CAP_BPS
    most = np.minimum(told_bps * HEADROOM_PERCENT * ticks // 80_000, MOST_GROWN)
    usual: Mask = (was_ms < at_ms) & (wall_ms <= LATE_MS)
    usual &= (states["uptime_ticks"] < rows["uptime_ticks"]) & (ticks <= MOST_TICKS)
    usual &= (span_ms <= wall_ms + TOLERANCE_MS) & (wall_ms <= span_ms + TOLERANCE_MS)
    usual &= (rows["bits"] == 64) & (states["bits"] == 64)
    usual &= rows["discontinuity_ticks"] == states["discontinuity_ticks"]
    usual &= told_bps <= MOST_TOLD_BPS
    for name in COUNTERS:
        usual &= (states[name] <= rows[name]) & (rows[name] - states[name] <= most)
        usual &= states[f"bucket_{name}"] <= MOST_OPEN
    usual &= states["bucket_covered_ms"] <= MOST_OPEN
    usual &= (states["bucket_ms"] <= was_ms) & (was_ms < turn_ms) & (at_ms <= turn_ms + BUCKET_MS)
    is_seen = (states["bucket_covered_ms"] > 0) | (span_ms * (turn_ms - was_ms) >= wall_ms)
    usual &= (at_ms <= turn_ms) | is_seen  # else nothing was seen of the bucket that ends here
    return usual


def _advance(states: Table, rows: Table) -> tuple[Table, Places]:
    """Advance states in place by usual readings: the fast form of `advance.count`, which is the
    law. Returns the buckets that were closed, but for their source, and by which rows."""
    wall_ms = rows["at_ms"] - states["at_ms"]
    span_ms = (rows["uptime_ticks"] - states["uptime_ticks"]) * 10
    turn_ms = states["bucket_ms"] + BUCKET_MS
    turns = turn_ms < rows["at_ms"]
    which = np.flatnonzero(turns)
    closed = np.zeros(len(which), SAMPLE)
    # what lies in the open bucket: all of it, or the part before the turn
    before_ms = np.where(turns, span_ms * (turn_ms - states["at_ms"]) // wall_ms, span_ms)
    covered_ms = states["bucket_covered_ms"] + before_ms
    for name, rate in (("in_octets", "in_bps"), ("out_octets", "out_bps")):
        grown = rows[name] - states[name]
        before = grown * before_ms // span_ms
        poured = states[f"bucket_{name}"] + before
        closed[name] = poured[which]
        closed[rate] = poured[which] * 8000 // covered_ms[which]
        states[f"bucket_{name}"] = np.where(turns, grown - before, poured)
        states[rate] = grown * 8000 // span_ms
        states[name] = rows[name]
    closed["key"], closed["bucket_ms"] = rows["interface_id"][which], states["bucket_ms"][which]
    _judge(closed, states["bucket_quality"][which], covered_ms[which])
    states["bucket_covered_ms"] = np.where(turns, span_ms - before_ms, covered_ms)
    states["bucket_ms"] = np.where(turns, turn_ms, states["bucket_ms"])
    states["bucket_quality"][which] = 0
    states["at_ms"], states["uptime_ticks"] = rows["at_ms"], rows["uptime_ticks"]
    states["rated_ms"] = rows["at_ms"]
    return closed, which


def _judge(closed: Table, quality: Numbers, covered_ms: Numbers) -> None:
    """Time that was folded into a bucket is more than its five minutes, and not said."""
    seconds = np.rint(covered_ms / 1000)
    closed["covered_s"] = np.where(covered_ms >= BUCKET_MS, BUCKET_S, seconds)
    partial = np.where(covered_ms >= FULL_MS, 0, int(Quality.PARTIAL))
    closed["quality"] = quality | partial.astype(np.uint64)
