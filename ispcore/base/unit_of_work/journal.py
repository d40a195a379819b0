"""The portal's side of a unit: its row in the journal, by whose gid everything is decided."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from uuid import UUID

from django.db import connection

from ispcore.base import clock, leases, request_ids, statements
from ispcore.base.models import JournalEntry
from ispcore.base.rls import identity
from ispcore.base.unit_of_work import locks
from ispcore.base.unit_of_work.locks import Names
from ispcore.base.unit_of_work.scopes import Scope

# a deferred constraint fails with the statement that breaks it, not at COMMIT: RADIUS would have
# committed by then
CHECK_AT_ONCE = "SET CONSTRAINTS ALL IMMEDIATE"
KEYS_SHOWN = 20
MOST_AT_ONCE = 500
KEEP = timedelta(days=30)
KEEP_DOUBTED = timedelta(days=400)
Outcome = JournalEntry.Outcome


def entry(gid: UUID, what: str, scope: Scope, *, outcome: Outcome, doubt: str = "") -> JournalEntry:
    """A row not yet written. With a `doubt` it is one that decides, here and now."""
    now = clock.now()
    return JournalEntry(
        gid=gid,
        at=now,
        what=what[:100],
        kind=scope.kind[:30],
        keys=list(scope.keys[:KEYS_SHOWN]),
        key_count=len(scope.keys),
        outcome=outcome,
        request_id=request_ids.current(),
        doubt=doubt,
        decided_at=now if doubt else None,
        decided_by=leases.me() if doubt else "",
    )


@identity.acting_for_all()
def open_with(row: JournalEntry, names: Names, *, bulk: bool = False) -> None:
    """Write the row and take the locks, on PostgreSQL in one round trip.

    Waits for a transaction that has written a row of the same gid. Raises IntegrityError where it
    has committed, OperationalError where it or a lock takes too long.
    """
    if connection.vendor != "postgresql":
        row.save(force_insert=True)
        return
    parts = [
        (CHECK_AT_ONCE, []),
        locks.time_outs(bulk=bulk),
        statements.insertion(row),
        locks.taking(names),
    ]
    with connection.cursor() as cursor:
        cursor.execute(*statements.joined(parts))


@identity.acting_for_all()
def outcomes(gids: Iterable[UUID]) -> dict[UUID, str]:
    """What committed rows say of these."""
    asked = list(gids)
    found: dict[UUID, str] = {}
    for part in _parts(asked):
        rows = JournalEntry.objects.filter(gid__in=part)
        found |= dict(rows.values_list("gid", "outcome"))
    return found


@identity.acting_for_all()
def note_doubt(gid: UUID, doubt: str) -> None:
    """A row that stands was in doubt for a while."""
    JournalEntry.objects.filter(gid=gid).update(
        doubt=doubt, decided_at=clock.now(), decided_by=leases.me()
    )


def forget(*, but: Iterable[UUID]) -> int:
    """Delete rows that are old, except those whose marker is still there; returns how many."""
    now = clock.now()
    old = JournalEntry.objects.filter(at__lt=now - KEEP, doubt="")
    doubted = JournalEntry.objects.filter(at__lt=now - KEEP_DOUBTED).exclude(doubt="")
    kept = list(but)
    return sum(rows.exclude(gid__in=kept)._raw_delete(rows.db) for rows in (old, doubted))


def _parts(gids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for at in range(0, len(gids), MOST_AT_ONCE):
        yield gids[at : at + MOST_AT_ONCE]
