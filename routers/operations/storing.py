"""Store what polls brought: states, 5-minute buckets, polls. One transaction, each once."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from django.db import transaction

from ispcore.base.bulk import update_rows
from ispcore.base.timeseries import store
from routers import hooks
from routers.hooks import Collected, FinishedBucket
from routers.models import Interface, InterfaceUsage, Poll, Router
from routers.operations import counting
from routers.operations.poll_records import PollRecord
from routers.operations.states import Memory

POLL_COLUMNS = ("router_id", "at", "took_ms", "source", "result", "wanted", "got", "detail")
SAME_BOOT = timedelta(seconds=10)


def store_records(
    records: Sequence[PollRecord], *, memory: Memory | None = None, late: bool = False
) -> Collected:
    """Advance every interface that was read, and hand the finished buckets to the listeners.

    The states are locked first, so that two collectors that read the same router at the same
    time cannot count an octet twice. Routers that were removed or switched off while they were
    read are left out: they would undo it all for everybody. `late` says that the records waited
    for the database: what is older than a reading that was stored meanwhile is passed over.
    """
    memory = memory or Memory()
    try:
        with transaction.atomic():
            return _store(records, memory, late=late)
    except BaseException:
        memory.forget(record.router_id for record in records)
        raise


def _store(records: Sequence[PollRecord], memory: Memory, *, late: bool) -> Collected:
    routers = _polled_still(records)
    kept = [record for record in records if record.router_id in routers]
    locked = memory.lock(record.router_id for record in kept if record.rows)
    # a router may be removed between the two looks: its row of states is gone with it
    kept = [each for each in kept if not each.rows or each.router_id in locked.of_router]
    counted = counting.count([each for each in kept if each.rows], locked.of_router, late=late)
    locked.save(counted.states)
    counted.finished.insert(InterfaceUsage, FinishedBucket._fields)
    _move_states(kept)
    _save_polls(kept)
    _save_routers(kept, routers)
    brought = Collected(
        counted.finished, frozenset(counted.states), frozenset(counted.first_seen_router_ids)
    )
    for listener in hooks.listeners:
        listener.record(brought)
    return brought


def _polled_still(records: Iterable[PollRecord]) -> dict[int, tuple[datetime | None, ...]]:
    """(read_at, booted_at, polled_at) of those that are there and polled, by primary key."""
    found = Router.objects.filter(pk__in={r.router_id for r in records}, is_polled=True)
    rows = found.values_list("pk", "read_at", "booted_at", "polled_at")
    return {pk: times for pk, *times in rows}  # type: ignore[misc]


def _move_states(records: Iterable[PollRecord]) -> None:
    """Operational states that are others than before: few, and mostly the same."""
    by_state: dict[str, list[int]] = {}
    for record in records:
        for interface_id, state in record.moved:
            by_state.setdefault(state, []).append(interface_id)
    for state, interface_ids in sorted(by_state.items()):
        Interface.objects.filter(pk__in=interface_ids).update(oper_state=state)


def _save_polls(records: Iterable[PollRecord]) -> None:
    rows = [
        (r.router_id, _at(r.at_s), r.took_ms, r.source, r.result, r.wanted, r.got, r.detail)
        for r in records
    ]
    store.insert(Poll, POLL_COLUMNS, rows)


def _save_routers(
    records: Iterable[PollRecord], known: dict[int, tuple[datetime | None, ...]]
) -> None:
    """Times of the last attempt and reading; never back, for records may come late."""
    rows: dict[int, tuple[int, datetime | None, datetime | None, datetime | None]] = {}
    for record in records:
        read_at, booted_at, polled_at = known[record.router_id]
        if record.router_id in rows:
            _, polled_at, read_at, booted_at = rows[record.router_id]
        at = _at(record.at_s)
        if record.taken_at_s is not None and (read_at is None or _at(record.taken_at_s) > read_at):
            read_at = _at(record.taken_at_s)
            booted_at = _booted_at(booted_at, record)
        polled_at = at if polled_at is None else max(polled_at, at)
        rows[record.router_id] = (record.router_id, polled_at, read_at, booted_at)
    columns = ["polled_at", "read_at", "booted_at"]
    update_rows(Router, columns, [rows[pk] for pk in sorted(rows)])


def _at(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)


def _booted_at(before: datetime | None, record: PollRecord) -> datetime:
    """When the router started; kept as it was while readings agree within some seconds."""
    at = _at((record.taken_at_s or 0.0) - record.uptime_ticks / 100)
    return before if before and abs(at - before) < SAME_BOOT else at
