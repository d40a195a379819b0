"""Move an interface's state forward by one reading: plain functions, no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from ispcore.base.timeseries import buckets, counters
from ispcore.base.timeseries.buckets import BUCKET_MS, BUCKET_S, Bucket
from ispcore.base.timeseries.counters import Interval, Snapshot
from ispcore.base.timeseries.quality import Quality
from routers.counter_states import CounterState
from routers.hooks import FinishedBucket


class Row(NamedTuple):
    """One interface in one reading, its counters complete; `limit_bps` is what it cannot exceed."""

    interface_id: int
    limit_bps: int | None
    at_ms: int
    uptime_ticks: int
    in_octets: int
    out_octets: int
    bits: int
    discontinuity_ticks: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """What a reading did: buckets it finished, and the interval it closed (None: the first)."""

    finished: list[Bucket]
    interval: Interval | None


def first(row: Row) -> CounterState:
    """The state after the very first reading: an anchor, no rate yet."""
    return CounterState(
        row.interface_id,
        row.at_ms,
        row.uptime_ticks,
        row.in_octets,
        row.out_octets,
        row.bits,
        row.discontinuity_ticks,
        bucket_ms=row.at_ms // BUCKET_MS * BUCKET_MS,
    )


def count(
    state: CounterState, row: Row, *, uptime_step_ticks: int, source: str
) -> Sequence[FinishedBucket] | None:
    """Advance `state` in place by a reading; the buckets that this finished, None where the reading
    is a duplicate or came late. Many at once are counting.py's."""
    moved = step(state, _snapshot_of(row, uptime_step_ticks), speed_bps=row.limit_bps)
    if moved is None or moved.interval is None:
        return None
    state.in_bps, state.out_bps = moved.interval.in_bps, moved.interval.out_bps
    state.rated_ms = row.at_ms if state.in_bps is not None else None
    return [finished(row.interface_id, bucket, source) for bucket in moved.finished]


def step(state: CounterState, seen: Snapshot, *, speed_bps: int | None) -> Step | None:
    """Advance `state` in place, its rate aside; None where the reading is a duplicate or late."""
    found = counters.interval(_snapshot(state), seen, speed_bps=speed_bps)
    if found is None:
        return None
    done, pending = buckets.add(_pending(state), found)
    state.at_ms, state.uptime_ticks = seen.at_ms, seen.uptime_ticks
    state.in_octets, state.out_octets = seen.in_octets, seen.out_octets
    state.bits, state.discontinuity_ticks = seen.bits, seen.discontinuity_ticks
    state.bucket_ms, state.bucket_covered_ms = pending.start_ms, pending.covered_ms
    state.bucket_in_octets, state.bucket_out_octets = pending.in_octets, pending.out_octets
    state.bucket_quality = int(pending.quality)
    return Step(done, found)


def finished(interface_id: int, bucket: Bucket, source: str) -> FinishedBucket:
    """A bucket that nothing will be added to, as listeners hear of it."""
    seen = bucket.covered_ms > 0
    return FinishedBucket(
        interface_id,
        _instant(bucket.start_ms),
        bucket.in_octets if seen else None,
        bucket.out_octets if seen else None,
        bucket.in_bps,
        bucket.out_bps,
        _seconds(bucket.covered_ms),
        int(bucket.quality),
        source,
    )


@lru_cache(maxsize=1_000)
def _instant(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


def _seconds(covered_ms: int) -> int:
    """Of a bucket's five minutes; time that was folded into it is more."""
    return BUCKET_S if covered_ms >= BUCKET_MS else round(covered_ms / 1000)


def _snapshot_of(row: Row, uptime_step_ticks: int) -> Snapshot:
    return Snapshot(
        at_ms=row.at_ms,
        uptime_ticks=row.uptime_ticks,
        in_octets=row.in_octets,
        out_octets=row.out_octets,
        bits=row.bits,
        discontinuity_ticks=row.discontinuity_ticks,
        uptime_step_ticks=uptime_step_ticks,
    )


def _snapshot(state: CounterState) -> Snapshot:
    return Snapshot(
        state.at_ms,
        state.uptime_ticks,
        state.in_octets,
        state.out_octets,
        state.bits,
        state.discontinuity_ticks,
    )


def _pending(state: CounterState) -> Bucket:
    return Bucket(
        state.bucket_ms,
        state.bucket_in_octets,
        state.bucket_out_octets,
        state.bucket_covered_ms,
        Quality(state.bucket_quality),
    )
