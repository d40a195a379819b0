"""Reads of resellers that several surfaces share: now, over time, and as it is billed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import QuerySet
from django.urls import reverse

from ispcore.base.units import utilisation_percent
from monitoring.models import Alert
from monitoring.queries import live as live_alerts
from monitoring.queries import worst_first
from resellers.models import Mapping, Reseller
from routers.counter_states import Rate
from routers.hooks import Carried
from routers.queries import current_rates

Side = Mapping.Side


@dataclass(frozen=True, slots=True)
class Current:
    """What a reseller uses now, summed over its live mappings, in bit/s from its own side.

    The rates are None (unknown) unless every one of its `total` mappings has a current rate:
    a sum with a part missing would look like less traffic.
    """

    down_bps: int | None
    up_bps: int | None
    at: datetime | None
    known: int
    total: int
    plan_down_bps: int | None
    plan_up_bps: int | None

    @property
    def down_percent(self) -> float | None:
        return utilisation_percent(self.down_bps, self.plan_down_bps)

    @property
    def up_percent(self) -> float | None:
        return utilisation_percent(self.up_bps, self.plan_up_bps)

    @property
    def percent(self) -> float | None:
        """Use of the plan in the fuller direction; None where unknown or without a plan."""
        known = [p for p in (self.down_percent, self.up_percent) if p is not None]
        return max(known, default=None)


def down_up(
    side: str, in_value: int | None, out_value: int | None
) -> tuple[int | None, int | None]:
    """(in, out) as the router counts, turned into (down, up) as the reseller sees it."""
    return (out_value, in_value) if side == Side.RESELLER else (in_value, out_value)


class Line(NamedTuple):
    """A live mapping."""

    pk: int
    reseller_id: int
    interface_id: int
    router_id: int
    side: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A reseller and what it uses now of its plan."""

    pk: int
    name: str
    has_plan: bool
    warning_percent: int
    critical_percent: int
    used: Current


def lines(mappings: QuerySet[Mapping] | None = None) -> list[Line]:
    """The live ones of these mappings, or of all."""
    rows = (Mapping.objects.all() if mappings is None else mappings).filter(ended_at=None)
    return [Line(*row) for row in rows.order_by().values_list(*Line._fields)]


def current(resellers: Iterable[Reseller]) -> dict[int, Current]:
    """What each of these uses now (by primary key), in two queries. `plan` must be loaded."""
    chosen = list(resellers)
    theirs = _by_reseller(lines(Mapping.objects.filter(reseller__in=chosen)))
    rates = current_rates(line.router_id for each in theirs.values() for line in each)
    return {
        r.pk: _sum(
            theirs.get(r.pk, ()),
            rates,
            r.plan.down_bps if r.plan else None,
            r.plan.up_bps if r.plan else None,
        )
        for r in chosen
    }


def standings(live: Iterable[Line], rates: Dictionary[int, Rate]) -> list[Standing]:
    """All resellers that have not ended, by name; for 2,000 of them, rows of the database are made
    into no more than is needed."""
    theirs = _by_reseller(live)
    rows = Reseller.objects.exclude(status=Reseller.Status.ENDED).values_list(
        *("pk", "tenant__name", "plan__down_bps", "plan__up_bps"),
        *("warning_percent", "critical_percent"),
    )
    return [
        Standing(
            pk,
            name,
            down_bps is not None,
            warning,
            critical,
            _sum(theirs.get(pk, ()), rates, down_bps, up_bps),
        )
        for pk, name, down_bps, up_bps, warning, critical in rows
    ]


def _by_reseller(found: Iterable[Line]) -> dict[int, list[Line]]:
    theirs: dict[int, list[Line]] = defaultdict(list)
    for line in found:
        theirs[line.reseller_id].append(line)
    return theirs


def _sum(
    theirs: Sequence[Line],
    rates: Dictionary[int, Rate],
    plan_down_bps: int | None,
    plan_up_bps: int | None,
) -> Current:
    known = [(line.side, rates[line.interface_id]) for line in theirs if line.interface_id in rates]
    both = [down_up(side, rate.in_bps, rate.out_bps) for side, rate in known]
    whole = bool(theirs) and len(known) == len(theirs)
    oldest = min((rate for _, rate in known), key=lambda rate: rate.rated_ms, default=None)
    return Current(
        down_bps=sum(down or 0 for down, _ in both) if whole else None,
        up_bps=sum(up or 0 for _, up in both) if whole else None,
        at=oldest.rated_at if oldest else None,
        known=len(known),
        total=len(theirs),
        plan_down_bps=plan_down_bps,
        plan_up_bps=plan_up_bps,
    )


def mapping_alerts(reseller: Reseller) -> QuerySet[Alert]:
    """Live alerts on the reseller's mappings, worst first."""
    own = reseller.mappings.values("pk")
    rows = live_alerts().filter(subject_kind="resellers.mapping", subject_id__in=own)
    return worst_first(rows)


def carried_by(interface_ids: Sequence[int]) -> dict[int, Carried]:
    """Which reseller is behind each of these interfaces, for the router's page."""
    live = Mapping.objects.filter(interface_id__in=interface_ids, ended_at=None)
    return {
        m.interface_id: Carried(
            name=m.reseller.name,
            url=reverse("admin:resellers_reseller_page", args=[m.reseller_id]),
            capacity_bps=m.reseller.plan.down_bps if m.reseller.plan else None,
            faces_uplink=m.side == Side.UPLINK,
            vlan_id=m.vlan_id,
            carries=m.carries,
        )
        for m in live.select_related("reseller__tenant", "reseller__plan")
    }
