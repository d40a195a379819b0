"""Keep what a discovery found changed, so that pages can show it after the moment has gone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from routers.models import Interface, InterfaceChange, Router

Kind = InterfaceChange.Kind
Outcome = InterfaceChange.Outcome
PPP = 23  # ifType of a subscriber's session: they come and go by the thousand


@dataclass(frozen=True, slots=True)
class Found:
    """The interfaces that a discovery found changed; of renames (the old one, the new one).
    `moved` are those renumbered, with the index that they had."""

    new: Sequence[Interface] = ()
    gone: Sequence[Interface] = ()
    back: Sequence[Interface] = ()
    renamed: Sequence[tuple[Interface, Interface]] = ()
    moved: Sequence[tuple[Interface, int]] = ()


def traced(router: Router, found: Found) -> Found:
    """The same with renames led back to where they began.

    A name that changed twice before anybody confirmed is one rename, from the name that the
    mapping hangs on; one that changed back is none.
    """
    origins = {change.other_id: change.interface for change in _open(router)}
    pairs = [(origins.get(old.pk, old), new) for old, new in found.renamed]
    undone = {new.pk for old, new in pairs if old.pk == new.pk}
    back = [new for _, new in found.renamed if new.pk in undone]
    gone = [old for old, new in found.renamed if new.pk in undone]
    return Found(
        new=found.new,
        gone=[*found.gone, *gone],
        back=[*found.back, *back],
        renamed=[(old, new) for old, new in pairs if new.pk not in undone],
        moved=found.moved,
    )


def record(router: Router, found: Found, *, at: datetime) -> None:
    """Store what changed, and close the suspicions that it overtakes."""
    back = {row.pk for row in found.back}
    ended = {row.pk for row in found.gone} | {old.pk for old, _ in found.renamed}
    for change in _open(router):
        if change.interface_id in back | ended or change.other_id in ended or _was_taken_up(change):
            change.outcome, change.resolved_at = Outcome.OVERTAKEN, at
            change.save(update_fields=["outcome", "resolved_at"])
    InterfaceChange.objects.bulk_create(_rows(router, found, at), batch_size=500)


def _was_taken_up(change: InterfaceChange) -> bool:
    """The new name has gone, whatever became of it."""
    return change.other is not None and change.other.gone_at is not None


def _open(router: Router) -> list[InterfaceChange]:
    rows = InterfaceChange.objects.select_for_update(of=("self",))
    suspicions = rows.filter(router=router, kind=Kind.RENAMED, resolved_at=None)
    return list(suspicions.select_related("interface", "other").order_by("pk"))


def _rows(router: Router, found: Found, at: datetime) -> Iterable[InterfaceChange]:
    for kind, rows in ((Kind.NEW, found.new), (Kind.GONE, found.gone), (Kind.BACK, found.back)):
        for row in rows:
            if row.if_type != PPP:
                yield InterfaceChange(router=router, at=at, kind=kind, interface=row)
    for old, new in found.renamed:
        yield InterfaceChange(router=router, at=at, kind=Kind.RENAMED, interface=old, other=new)
    for row, before in found.moved:
        if row.if_type != PPP:
            yield InterfaceChange(
                router=router,
                at=at,
                kind=Kind.RENUMBERED,
                interface=row,
                index_before=before,
                index_after=row.index,
            )
