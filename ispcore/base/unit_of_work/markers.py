"""The RADIUS side of a unit: a marker that is committed with the rows it stands for.

The table is FreeRADIUS' neighbour, and its model that app's; this floor knows it by its name only.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.apps import apps
from django.db import IntegrityError, models

from ispcore.base import clock
from ispcore.base.unit_of_work.scopes import Scope

MODEL = "radius.Marker"
MOST_AT_ONCE = 200
# units of this process whose portal's COMMIT was answered: their markers have done their work
_done_with: deque[UUID] = deque(maxlen=10_000)


@dataclass(frozen=True, slots=True)
class Marker:
    """RADIUS has committed the unit `gid`, which wrote `scope`."""

    gid: UUID
    scope: Scope


class Committed(Exception):
    """A marker of this gid is there: what it stands for was committed."""


def put(marker: Marker) -> None:
    """Write it in the present transaction; first of all, so that whoever puts the same one waits.

    Raises Committed.
    """
    row = _model()(gid=str(marker.gid), scope=marker.scope.text, at=clock.now())
    try:
        row.save(force_insert=True)
    except IntegrityError:
        raise Committed from None


def hold(marker: Marker) -> bool:
    """Keep it where it is until the present transaction ends; False: it is gone.

    Waits for another one that holds it. On SQLite the transaction itself holds the whole file.
    """
    rows = _rows().filter(gid=str(marker.gid)).select_for_update()
    return bool(rows.values_list("gid", flat=True).first())


def pending() -> list[Marker]:
    """All that are there: of units in flight, done with, or in doubt."""
    rows = _rows().values_list("gid", "scope")
    return [Marker(UUID(gid), Scope.read(scope)) for gid, scope in rows]


def drop(gids: Iterable[UUID]) -> None:
    """Take markers away of which the journal says how they ended, and that is committed."""
    texts = sorted(str(gid) for gid in gids)
    for at in range(0, len(texts), MOST_AT_ONCE):
        rows = _rows().filter(gid__in=texts[at : at + MOST_AT_ONCE])
        rows._raw_delete(rows.db)  # type: ignore[attr-defined] # no collector, which reads first


def is_done_with(gid: UUID) -> bool:
    """Whether this process knows that the unit stands in both databases."""
    return gid in _done_with


def done_with(gid: UUID) -> None:
    """The unit stands in both: the next one takes its marker along."""
    _done_with.append(gid)


def drop_done_with() -> None:
    """In the present transaction, whose COMMIT is due anyhow: markers of earlier units go.

    If it fails, recovery finds them.
    """
    gone = []
    while _done_with and len(gone) < MOST_AT_ONCE:
        gone.append(_done_with.popleft())
    if gone:
        drop(gone)


def _model() -> type[models.Model]:
    return apps.get_model(MODEL)


def _rows() -> "models.QuerySet[models.Model]":
    return _model()._default_manager.order_by()
