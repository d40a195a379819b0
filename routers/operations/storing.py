"""Store what a collection read: states, 5-minute buckets, polls. One transaction, each once."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from django.db import transaction

from ispcore.base import clock
from ispcore.base.timeseries import store
from ispcore.base.timeseries.buckets import BUCKET_S, Bucket
from ispcore.base.timeseries.counters import Snapshot
from ispcore.protocols.interfaces import CounterReading
from routers import hooks
from routers.hooks import Collected, FinishedBucket
from routers.models import CounterState, Interface, InterfaceUsage, Poll, Router
from routers.operations import advance
from routers.operations.reading import Attempt
from routers.queries import polled_still

STATE_COLUMNS = [f.name for f in CounterState._meta.concrete_fields if not f.primary_key]
USAGE_COLUMNS = (
    "interface_id", "bucket", "in_octets", "out_octets", "in_bps", "out_bps", "covered_s",
    "quality", "source",
)  # fmt: skip


def store_attempts(attempts: Sequence[Attempt]) -> Collected:
    """Advance every interface that was read, and hand the finished buckets to the listeners.

    The states are locked first, so that two collectors that read the same router at the same
    time cannot count an octet twice. Routers that were removed or switched off while they were
    read are left out: they would undo it all for everybody.
    """
    with transaction.atomic():
        still = polled_still(attempt.work.router.pk for attempt in attempts)
        attempts = [attempt for attempt in attempts if attempt.work.router.pk in still]
        states = _locked_states([a for a in attempts if a.reading])
        touched: list[CounterState] = []
        finished: list[FinishedBucket] = []
        for attempt in attempts:
            if attempt.reading:
                _advance(attempt, attempt.reading, states, touched, finished)
        _save_states(touched)
        rows = [usage_row(f.interface_id, f) for f in finished]
        store.insert(InterfaceUsage, USAGE_COLUMNS, rows)
        _save_routers(attempts)
        brought = Collected(
            finished,
            [s.interface_id for s in touched],
            frozenset(_new_routers(attempts, states, touched)),
        )
        for listener in hooks.collected_in_transaction:
            listener(brought)
    return brought


def _new_routers(
    attempts: Sequence[Attempt], known: dict[int, CounterState], touched: Sequence[CounterState]
) -> set[int]:
    new = {state.interface_id for state in touched} - known.keys()
    return {a.work.router.pk for a in attempts for i in a.work.interfaces if i.pk in new}


def usage_row(key: int, finished: FinishedBucket) -> tuple[object, ...]:
    """A row of a 5-minute usage table, columns as USAGE_COLUMNS; `key` is its first column."""
    bucket = finished.bucket
    seen = bucket.covered_ms > 0
    return (
        key,
        datetime.fromtimestamp(bucket.start_ms / 1000, UTC),
        bucket.in_octets if seen else None,
        bucket.out_octets if seen else None,
        bucket.in_bps,
        bucket.out_bps,
        min(round(bucket.covered_ms / 1000), BUCKET_S),
        int(bucket.quality),
        finished.source,
    )


def _locked_states(attempts: Iterable[Attempt]) -> dict[int, CounterState]:
    ids = [interface.pk for attempt in attempts for interface in attempt.work.interfaces]
    rows = CounterState.objects.select_for_update().filter(interface_id__in=ids)
    return {state.interface_id: state for state in rows.order_by("interface_id")}


def _advance(
    attempt: Attempt,
    reading: CounterReading,
    states: dict[int, CounterState],
    touched: list[CounterState],
    finished: list[FinishedBucket],
) -> None:
    rows = {row.name: row for row in reading.rows}
    moved: list[Interface] = []
    for interface in attempt.work.interfaces:
        row = rows.get(interface.name)
        if row is None:
            continue
        if row.oper_state and row.oper_state != interface.oper_state:
            interface.oper_state = row.oper_state
            moved.append(interface)
        seen = advance.snapshot_of(row, uptime_step_ticks=reading.uptime_step_ticks)
        state, done = _advance_one(interface, seen, states.get(interface.pk))
        if state is not None:
            touched.append(state)
        finished += [FinishedBucket(interface.pk, bucket, attempt.source) for bucket in done]
    Interface.objects.bulk_update(moved, ["oper_state"])


def _advance_one(
    interface: Interface, seen: Snapshot | None, state: CounterState | None
) -> tuple[CounterState | None, list[Bucket]]:
    if seen is None:
        return None, []
    if state is None:
        return advance.first(interface.pk, seen), []
    moved = advance.step(state, seen, speed_bps=interface.limit_bps)
    if moved is None or moved.interval is None:
        return None, []
    state.in_bps, state.out_bps = moved.interval.in_bps, moved.interval.out_bps
    known = state.in_bps is not None
    state.rated_at = datetime.fromtimestamp(seen.at_ms / 1000, UTC) if known else None
    return state, moved.finished


def _save_states(states: Sequence[CounterState]) -> None:
    CounterState.objects.bulk_create(
        states,
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["interface"],
        update_fields=STATE_COLUMNS,
    )


def _save_routers(attempts: Sequence[Attempt]) -> None:
    now = clock.now()
    Poll.objects.bulk_create([_poll(attempt, now) for attempt in attempts], batch_size=500)
    routers = [attempt.work.router for attempt in attempts]
    for attempt in attempts:
        router = attempt.work.router
        router.polled_at = now
        if attempt.reading:
            router.read_at = datetime.fromtimestamp(attempt.reading.taken_at, UTC)
            router.booted_at = _booted_at(router, attempt.reading)
    Router.objects.bulk_update(routers, ["polled_at", "read_at", "booted_at"], batch_size=500)


def _booted_at(router: Router, reading: CounterReading) -> datetime:
    """When the router started; kept as it was while readings agree within some seconds."""
    at = datetime.fromtimestamp(reading.taken_at - reading.uptime_ticks / 100, UTC)
    before = router.booted_at
    return before if before and abs(at - before) < timedelta(seconds=10) else at


def _poll(attempt: Attempt, now: datetime) -> Poll:
    wanted = len(attempt.work.interfaces)
    reading = attempt.reading
    if reading is None:
        error = attempt.error
        return Poll(
            router=attempt.work.router,
            at=now,
            source=attempt.source,
            result=error.kind if error else Poll.Result.UNREACHABLE,
            wanted=wanted,
            detail=_why(attempt)[:250],
        )
    names = {i.name for i in attempt.work.interfaces}
    got = [r for r in reading.rows if r.in_octets is not None and r.name in names]
    missing = sorted(names - {r.name for r in got})
    notes = (
        [f"{', '.join(missing[:3])}{' …' if len(missing) > 3 else ''} missing"] if missing else []
    )
    if attempt.snmp_error:
        notes.append(f"by the API, since SNMP failed: {attempt.snmp_error}")
    return Poll(
        router=attempt.work.router,
        at=now,
        took_ms=reading.took_ms,
        source=attempt.source,
        result=Poll.Result.PARTIAL if missing else Poll.Result.OK,
        wanted=wanted,
        got=len(got),
        detail="; ".join(notes)[:250],
    )


def _why(attempt: Attempt) -> str:
    """What each method that was asked said."""
    said = [("SNMP", attempt.snmp_error), ("API", attempt.api_error)]
    return "; ".join(f"{method}: {error}" for method, error in said if error)
