"""The RADIUS side of a unit: a marker that is committed with the rows it stands for.

The table is FreeRADIUS' neighbour, and its model that app's; this floor knows it by its name only.
Plain SQL, since every change of what is provisioned comes through here.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import IntegrityError, connections

from ispcore.base import clock
from ispcore.base.unit_of_work.faults import RADIUS
from ispcore.base.unit_of_work.scopes import Scope

TABLE = "ispcore_markers"
PUT = f"INSERT INTO {TABLE} (gid, scope, at) VALUES (%s, %s, %s)"  # noqa: S608 - ours
LOOK = f"SELECT gid, scope FROM {TABLE}"  # noqa: S608
SINCE = f"SELECT gid, at FROM {TABLE}"  # noqa: S608
MOST_AT_ONCE = 200
DROP_FROM = 16  # so many of a process are dropped together: a statement less for the others
Rows = Iterable[tuple[str, str]]
# units of this process whose portal's COMMIT was answered: their markers have done their work
_done_with: dict[str, None] = {}


@dataclass(frozen=True, slots=True)
class Marker:
    """RADIUS has committed the unit `gid`, which wrote `scope`."""

    gid: UUID
    scope: Scope
    what: str

    @property
    def text(self) -> str:
        """Its scope, and what the unit was about, as the table keeps them."""
        return json.dumps({"what": self.what, "kind": self.scope.kind, "keys": self.scope.keys})

    @classmethod
    def read(cls, gid: str, text: str) -> "Marker":
        """What `text` gave."""
        found = json.loads(text)
        scope = Scope(str(found["kind"]), tuple(found["keys"]))
        return cls(UUID(gid), scope, str(found.get("what", "")))


class Committed(Exception):
    """A marker of this gid is there: what it stands for was committed."""


def put(marker: Marker) -> list[Marker]:
    """Write it in the present transaction, first of all: whoever puts the same one waits.

    Returns the others that are there and may be of a unit in doubt. Raises Committed.
    """
    connection = connections[RADIUS]
    at = connection.ops.adapt_datetimefield_value(clock.now())
    values = [str(marker.gid), marker.text, at]
    with connection.cursor() as cursor:
        try:
            if connection.vendor == "mysql":  # both in one round trip
                cursor.execute(f"{PUT}; {LOOK}", values)
                cursor.nextset()
            else:
                cursor.execute(PUT, values)
                cursor.execute(LOOK)
        except IntegrityError:
            raise Committed from None
        return [each for each in _read(cursor.fetchall()) if each.gid != marker.gid]


def hold(marker: Marker) -> bool:
    """Keep it where it is until the present transaction ends; False: it is gone.

    Waits for another one that holds it. On SQLite the transaction itself holds the whole file.
    """
    connection = connections[RADIUS]
    locking = (
        f" {connection.ops.for_update_sql()}" if connection.features.has_select_for_update else ""
    )
    with connection.cursor() as cursor:
        cursor.execute(f"{LOOK} WHERE gid = %s{locking}", [str(marker.gid)])
        return cursor.fetchone() is not None


def pending() -> list[Marker]:
    """All that are there: of units in flight, or in doubt, or done with by other processes."""
    with connections[RADIUS].cursor() as cursor:
        cursor.execute(LOOK)
        return _read(cursor.fetchall())


def since() -> dict[UUID, datetime]:
    """When each that is there was put, also those of this process' units that stand."""
    with connections[RADIUS].cursor() as cursor:
        cursor.execute(SINCE)
        return {UUID(gid): _instant(at) for gid, at in cursor.fetchall()}


def drop(gids: Iterable[UUID | str]) -> None:
    """Take markers away of which the journal says how they ended, and that is committed."""
    texts = sorted(str(gid) for gid in gids)
    with connections[RADIUS].cursor() as cursor:
        for at in range(0, len(texts), MOST_AT_ONCE):
            part = texts[at : at + MOST_AT_ONCE]
            marks = ", ".join(["%s"] * len(part))
            cursor.execute(f"DELETE FROM {TABLE} WHERE gid IN ({marks})", part)  # noqa: S608


def done_with(gid: UUID) -> None:
    """The unit stands in both: its marker may go."""
    _done_with[str(gid)] = None


def drop_done_with(*, at_least: int = DROP_FROM) -> None:
    """In the present transaction, whose COMMIT is due anyhow: markers of earlier units go, once they
    are some. If that fails, recovery finds them.
    """
    if len(_done_with) >= at_least:
        gone = list(_done_with)[:MOST_AT_ONCE]
        drop(gone)
        for gid in gone:
            _done_with.pop(gid, None)


def _instant(at: datetime | str) -> datetime:
    """Stored in UTC, and read without a zone, on SQLite as text."""
    found = datetime.fromisoformat(at) if isinstance(at, str) else at
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _read(rows: Rows) -> list[Marker]:
    return [Marker.read(gid, text) for gid, text in rows if gid not in _done_with]
