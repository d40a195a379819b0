"""What discoveries found changed on a router: suspicions first, then what is settled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.urls import reverse

from ispcore.base.units import format_bps
from routers.hooks import Carried
from routers.models import Interface, InterfaceChange, Router
from routers.pages.states import carried_by

MOST_ROWS = 12
MOST_NAMES = 3
MOST_READ = 400  # a router that restarted may have renumbered thousands
Kind = InterfaceChange.Kind
Outcome = InterfaceChange.Outcome
_KINDS = {
    Kind.NEW: "info",
    Kind.GONE: "unknown",
    Kind.BACK: "ok",
    Kind.RENAMED: "info",
    Kind.RENUMBERED: "low",
}


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """What one discovery found of one kind. `names` are the first of `total`."""

    key: str
    at: datetime
    kind: str
    word: str
    names: Sequence[str]
    words: str
    total: int

    @property
    def more(self) -> int:
        return self.total - len(self.names)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """An interface that seems to be renamed, and where to say so."""

    key: str
    at: datetime
    old: str
    new: str
    carries: str
    confirm_url: str
    dismiss_url: str


def change_spots(router: Router) -> dict[str, Any]:
    """The panel of changes: open suspicions, and what was found lately, newest first."""
    rows = router.interface_changes.select_related("interface", "other").order_by("-at", "-pk")
    open_ones = list(rows.filter(kind=Kind.RENAMED, resolved_at=None))
    carried = carried_by([change.interface_id for change in open_ones])
    lately = list(rows.exclude(kind=Kind.RENAMED, resolved_at=None)[:MOST_READ])
    groups = [list(group) for _, group in groupby(lately, key=_together)]
    return {
        "suspicions": [_suspicion(each, carried.get(each.interface_id)) for each in open_ones],
        "changes": [_row(group) for group in groups[:MOST_ROWS]],
    }


def evidence(change: InterfaceChange) -> list[dict[str, str]]:
    """What speaks for a rename and against it: the old one beside the new one."""
    old, new = change.interface, change.other or change.interface
    return [
        {"label": label, "old": before, "new": after}
        for label, before, after in (
            ("Name", old.name, new.name),
            ("ifIndex", str(old.index), str(new.index)),
            ("MAC", old.mac or "none", new.mac or "none"),
            ("Alias", old.alias or "none", new.alias or "none"),
            ("VLAN", _vlan(old), _vlan(new)),
            ("Speed", _speed(old), _speed(new)),
        )
    ]


def _vlan(interface: Interface) -> str:
    if interface.vlan_id is not None:
        return str(interface.vlan_id)
    by_name = interface.vlan_by_name
    return "none" if by_name is None else f"{by_name} by its name"


def _speed(interface: Interface) -> str:
    return "not told" if interface.speed_bps is None else format_bps(interface.speed_bps)


def _together(change: InterfaceChange) -> tuple[datetime, str, int]:
    """Renames stand for themselves."""
    return change.at, change.kind, change.pk if change.kind == Kind.RENAMED else 0


def _row(group: Sequence[InterfaceChange]) -> ChangeRow:
    first = group[0]
    kind = Kind(first.kind)
    names = sorted(change.interface.name for change in group)
    return ChangeRow(
        key=f"change-{first.pk}",
        at=first.at,
        kind=_KINDS[kind],
        word=str(kind.label),
        names=names[:MOST_NAMES],
        words=_words(first, single=len(group) == 1),
        total=len(names),
    )


def _words(change: InterfaceChange, *, single: bool) -> str:
    if change.kind == Kind.RENAMED:
        by = f" by {change.resolved_by}" if change.resolved_by else ""
        return f"to {change.other}: {change.get_outcome_display()}{by}"
    if change.kind == Kind.RENUMBERED and single:
        return f"ifIndex {change.index_before} → {change.index_after}"
    return ""


def _suspicion(change: InterfaceChange, carried: Carried | None) -> Suspicion:
    def to(answer: str) -> str:
        return reverse(f"admin:routers_router_{answer}_rename", args=[change.pk])

    return Suspicion(
        key=f"rename-{change.pk}",
        at=change.at,
        old=change.interface.name,
        new=str(change.other),
        carries=carried.name if carried else "",
        confirm_url=to("confirm"),
        dismiss_url=to("dismiss"),
    )
