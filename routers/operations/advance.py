"""Move an interface's state forward by one reading: plain functions, no database."""

from dataclasses import dataclass

from ispcore.base.timeseries import buckets, counters
from ispcore.base.timeseries.buckets import BUCKET_MS, Bucket
from ispcore.base.timeseries.counters import Interval, Snapshot
from ispcore.base.timeseries.quality import Quality
from ispcore.protocols.interfaces import CounterRow
from routers.models import CounterState


@dataclass(frozen=True, slots=True)
class Step:
    """What a reading did: buckets it finished, and the interval it closed (None: the first)."""

    finished: list[Bucket]
    interval: Interval | None


def snapshot_of(row: CounterRow, *, uptime_step_ticks: int = 1) -> Snapshot | None:
    """The row as a snapshot; None where a counter is missing."""
    if row.in_octets is None or row.out_octets is None:
        return None
    return Snapshot(
        at_ms=int(row.taken_at * 1000),
        uptime_ticks=row.uptime_ticks,
        in_octets=row.in_octets,
        out_octets=row.out_octets,
        bits=row.bits,
        discontinuity_ticks=row.discontinuity_ticks,
        uptime_step_ticks=uptime_step_ticks,
    )


def first(interface_id: int, seen: Snapshot) -> CounterState:
    """The state after the very first reading: an anchor, no rate yet."""
    state = CounterState(interface_id=interface_id)
    _anchor(state, seen)
    state.bucket_ms = seen.at_ms // BUCKET_MS * BUCKET_MS
    return state


def step(state: CounterState, seen: Snapshot, *, speed_bps: int | None) -> Step | None:
    """Advance `state` in place; None where the reading is a duplicate or came late."""
    found = counters.interval(_snapshot(state), seen, speed_bps=speed_bps)
    if found is None:
        return None
    finished, pending = buckets.add(_pending(state), found)
    _anchor(state, seen)
    state.bucket_ms, state.bucket_covered_ms = pending.start_ms, pending.covered_ms
    state.bucket_in_octets, state.bucket_out_octets = pending.in_octets, pending.out_octets
    state.bucket_quality = int(pending.quality)
    return Step(finished, found)


def _anchor(state: CounterState, seen: Snapshot) -> None:
    state.at_ms, state.uptime_ticks = seen.at_ms, seen.uptime_ticks
    state.in_octets, state.out_octets = seen.in_octets, seen.out_octets
    state.bits, state.discontinuity_ticks = seen.bits, seen.discontinuity_ticks


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
