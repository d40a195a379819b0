"""A reseller as its page and live spots show it: now, this month, over which interfaces."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.urls import reverse

from ispcore.base import clock, units
from ispcore.base.units import utilisation_percent
from monitoring import pages as alert_pages
from monitoring import queries as alert_queries
from monitoring.models import SEVERITY_RANK, Severity
from monitoring.pages import AlertRow
from resellers import queries, usage_queries
from resellers.models import Mapping, PlanChange, Reseller
from resellers.pages import chart
from resellers.queries import Current, down_up
from routers.pages.states import Chip
from routers.queries import current_rates, sparks

SUBJECT = "resellers.reseller"
MOST_CHANGES = 10


@dataclass(frozen=True, slots=True)
class Head:
    pk: int
    name: str
    phone: str
    address: str
    status_word: str
    since: date


@dataclass(frozen=True, slots=True)
class CurrentSpot:
    """What is used now against the plan; `state_words` says since when it is too much."""

    down_bps: int | None
    up_bps: int | None
    at: datetime | None
    known: int
    total: int
    down_percent: float | None
    up_percent: float | None
    plan_down_bps: int | None
    plan_up_bps: int | None
    warning: int
    critical: int
    state_words: str
    down_kind: str
    up_kind: str


@dataclass(frozen=True, slots=True)
class PercentileSpot:
    bps: int | None
    direction: str
    percent: float | None
    completeness_percent: float | None
    missing: int
    expected: int
    month_name: str
    estimated: bool


@dataclass(frozen=True, slots=True)
class MappingRow:
    key: int
    router: str
    router_url: str
    interface: str
    vlan: int | None
    carries: str
    side: str
    spark: Sequence[int | None]
    down_bps: int | None
    up_bps: int | None
    url: str
    gone_at: datetime | None  # since when the router has no such interface


@dataclass(frozen=True, slots=True)
class MappingSum:
    """Sum over the mappings that have a rate: `known` of `total`."""

    down_bps: int | None
    up_bps: int | None
    known: int
    total: int


@dataclass(frozen=True, slots=True)
class PeakRow:
    day: date
    bps: int | None
    at: datetime | None
    percent: float | None


@dataclass(frozen=True, slots=True)
class PlanRow:
    from_at: datetime
    change: str
    by: str


@dataclass(frozen=True, slots=True)
class Thresholds:
    warning: int
    critical: int


def level(percent: float | None, warning: float, critical: float) -> str:
    """ok, warning, critical or unknown."""
    if percent is None:
        return "unknown"
    return "critical" if percent >= critical else "warning" if percent >= warning else "ok"


def level_words(percent: float | None, warning: float, critical: float) -> str:
    """ "over plan", "over 80 %", "normal" or "unknown"."""
    kind = level(percent, warning, critical)
    if kind == "critical":
        return "over plan" if critical == 100 else f"over {critical:g}{units.NBSP}%"
    return {"warning": f"over {warning:g}{units.NBSP}%", "ok": "normal"}.get(kind, "unknown")


def actions(reseller: Reseller) -> dict[str, str]:
    def to(name: str) -> str:
        return reverse(f"admin:resellers_reseller_{name}", args=[reseller.pk])

    return {
        "edit": to("change"),
        "plan": to("plan"),
        "thresholds": to("thresholds"),
        "mapping": f"{reverse('admin:resellers_mapping_add')}?reseller={reseller.pk}",
    }


def spots(reseller: Reseller, *, chart_range: str = chart.DEFAULT) -> dict[str, Any]:
    """All of a reseller's page. Raises chart.NotARange."""
    return now_spots(reseller) | usage_spots(reseller, chart_range=chart_range)


def now_spots(reseller: Reseller) -> dict[str, Any]:
    """What may change with every reading."""
    now_used = queries.current([reseller])[reseller.pk]
    alerts = alert_pages.rows(alert_queries.of_subject(SUBJECT, reseller.pk))
    about_links = alert_pages.rows(queries.mapping_alerts(reseller))
    rows, total = mapping_rows(reseller)
    return alert_pages.always() | {
        "reseller": _head(reseller),
        "actions": actions(reseller),
        "chips": _chips(reseller, now_used),
        "current": _current(reseller, now_used, alerts),
        "mappings": rows,
        "mapping_sum": total,
        "alerts": sorted(alerts + about_links, key=lambda row: SEVERITY_RANK[Severity(row.kind)]),
        "plan_history": _history(_plan_changes(reseller)),
    }


def usage_spots(reseller: Reseller, *, chart_range: str = chart.DEFAULT) -> dict[str, Any]:
    """What changes when 5 minutes are finished; it is made of thousands of samples.

    Raises chart.NotARange.
    """
    return {
        "p95": month_percentile(reseller),
        "chart": chart.spot(reseller, chart_range),
        "daily_peaks": peaks(reseller),
        "thresholds": Thresholds(reseller.warning_percent, reseller.critical_percent),
    }


def _plan_changes(reseller: Reseller) -> list[PlanChange]:
    return list(reseller.plan_changes.order_by("-from_at", "-pk"))


def mapping_rows(reseller: Reseller) -> tuple[list[MappingRow], MappingSum]:
    """The live mappings with their present rates, and the sum of what is known."""
    live = reseller.mappings.filter(ended_at=None).select_related("router", "interface")
    mappings = list(live.order_by("router__name", "vlan_id", "pk"))
    ids = [mapping.interface_id for mapping in mappings]
    rates, lines = current_rates(mapping.router_id for mapping in mappings), sparks(ids)
    rows = []
    for m in mappings:
        rate = rates.get(m.interface_id)
        down, up = down_up(m.side, rate.in_bps, rate.out_bps) if rate else (None, None)
        line = [down_up(m.side, *pair)[0] for pair in lines.get(m.interface_id, [])]
        rows.append(_mapping_row(m, down, up, line))
    known = [row for row in rows if row.down_bps is not None and row.up_bps is not None]
    return rows, MappingSum(
        down_bps=sum(row.down_bps or 0 for row in known) if known else None,
        up_bps=sum(row.up_bps or 0 for row in known) if known else None,
        known=len(known),
        total=len(rows),
    )


def _mapping_row(
    mapping: Mapping, down: int | None, up: int | None, line: Sequence[int | None]
) -> MappingRow:
    return MappingRow(
        key=mapping.pk,
        router=mapping.router.name,
        router_url=reverse("admin:routers_router_page", args=[mapping.router_id]),
        interface=mapping.interface.name,
        vlan=mapping.vlan_id,
        carries=mapping.carries,
        side=mapping.get_side_display(),
        spark=line,
        down_bps=down,
        up_bps=up,
        url=reverse("admin:resellers_mapping_change", args=[mapping.pk]),
        gone_at=mapping.interface.gone_at,
    )


def _head(reseller: Reseller) -> Head:
    return Head(
        pk=reseller.pk,
        name=reseller.name,
        phone=reseller.phone,
        address=reseller.address,
        status_word=reseller.get_status_display(),
        since=clock.isp_date(reseller.created_at),
    )


def _chips(reseller: Reseller, used: Current) -> list[Chip]:
    chips = []
    if reseller.status != Reseller.Status.ACTIVE:
        chips.append(Chip("low", reseller.get_status_display()))
    if reseller.plan is None:
        return [*chips, Chip("plain", "no plan")]
    percent, thresholds = used.percent, (reseller.warning_percent, reseller.critical_percent)
    kind = level(percent, *thresholds)
    words = level_words(percent, *thresholds).capitalize()
    if kind == "unknown":
        words = "Use unknown" if used.total else "Not mapped"
    return [*chips, Chip(kind, words), Chip("plain", reseller.plan.name)]


def _current(reseller: Reseller, used: Current, alerts: Sequence[AlertRow]) -> CurrentSpot:
    warning, critical = reseller.warning_percent, reseller.critical_percent
    kind = level(used.down_percent, warning, critical)
    words = ""
    if kind in {"warning", "critical"}:
        words = level_words(used.down_percent, warning, critical)
        if alerts:
            lasting = clock.now() - min(row.opened_at for row in alerts)
            words += f", alert for {units.format_duration(lasting)}"
    return CurrentSpot(
        down_bps=used.down_bps,
        up_bps=used.up_bps,
        at=used.at,
        known=used.known,
        total=used.total,
        down_percent=used.down_percent,
        up_percent=used.up_percent,
        plan_down_bps=used.plan_down_bps,
        plan_up_bps=used.plan_up_bps,
        warning=warning,
        critical=critical,
        state_words=words,
        down_kind=kind,
        up_kind=level(used.up_percent, warning, critical),
    )


def month_percentile(reseller: Reseller) -> PercentileSpot:
    """The 95th percentile of this month so far."""
    today = clock.isp_date(clock.now())
    start, end = clock.month_start(today), clock.day_start(clock.next_month(today))
    found = usage_queries.percentile(reseller, start, end)
    plan, complete = reseller.plan, found.completeness_percent  # 99.7 % is not complete
    capacity = (plan.up_bps if found.direction == "up" else plan.down_bps) if plan else None
    return PercentileSpot(
        bps=found.bps,
        direction=found.direction if found.bps is not None else "",
        percent=utilisation_percent(found.bps, capacity),
        completeness_percent=None if complete is None else math.floor(complete),
        missing=found.missing,
        expected=found.expected,
        month_name=f"{today:%B}",
        estimated=found.is_estimated,
    )


def peaks(reseller: Reseller) -> list[PeakRow]:
    """The highest 5-minute mean of each of the last days, against the plan of its time."""
    found, history = usage_queries.daily_peaks(reseller), _plan_changes(reseller)
    rows = []
    for day, point in found:
        bps = point.down_bps if point else None
        at = point.at if point else None
        plan_bps = _plan_at(at, history) if at else None
        if plan_bps is None and reseller.plan:
            plan_bps = reseller.plan.down_bps
        rows.append(PeakRow(day, bps, at, utilisation_percent(bps, plan_bps)))
    return rows if any(row.bps is not None for row in rows) else []


def _plan_at(at: datetime, history: Sequence[PlanChange]) -> int | None:
    """What the reseller could use down at that time; `history` is newest first."""
    return next((change.down_bps for change in history if change.from_at <= at), None)


def _history(history: Sequence[PlanChange]) -> list[PlanRow]:
    rows = []
    for place, change in enumerate(history[:MOST_CHANGES]):
        before = history[place + 1] if place + 1 < len(history) else None
        rows.append(PlanRow(change.from_at, _change_words(before, change), change.by))
    return rows


def _change_words(before: PlanChange | None, change: PlanChange) -> str:
    """ "400 Mbps → 500 Mbps", "first plan, 300 Mbps", "no plan any more"."""
    if change.down_bps is None:
        return "no plan any more" if before and before.down_bps is not None else "no plan"
    rate = units.format_bps(change.down_bps)
    if before is None or before.down_bps is None:
        return f"{change.plan_name}, {rate}"
    return f"{units.format_bps(before.down_bps)} → {rate}"
