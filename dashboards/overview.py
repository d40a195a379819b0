"""The overview: is anything wrong, and can this picture be trusted?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from dashboards import fleet, news, queries
from ispcore.accounts.models import Account
from ispcore.base import clock
from ispcore.base.timeseries.buckets import BUCKET_S
from ispcore.base.urls import urls_of
from monitoring import pages as alert_pages
from monitoring import queries as alert_queries
from monitoring.models import SEVERITY_RANK, Alert
from resellers import queries as reseller_queries
from resellers.pages.states import level
from resellers.queries import Line, Standing
from routers.counter_states import Rate
from routers.queries import current_rates

MOST_ALERTS = 9
MOST_CLOSEST = 8
SPARK_SLOTS = 72  # six hours
DAY_SLOTS = 288


@dataclass(frozen=True, slots=True)
class Verdict:
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class SeverityCount:
    kind: str
    count: int
    url: str


@dataclass(frozen=True, slots=True)
class Traffic:
    now_bps: int | None
    at: datetime | None
    versus_yesterday_percent: float | None
    known: int
    total: int
    spark: Sequence[int | None]
    url: str


@dataclass(frozen=True, slots=True)
class ResellersTile:
    over_80: int
    total: int
    cells: Sequence[fleet.Cell]
    detail: str
    url: str


@dataclass(frozen=True, slots=True)
class Closest:
    """A reseller by use of its plan, in its fuller direction."""

    name: str
    url: str
    bps: int | None
    plan_bps: int
    percent: float | None
    warning: int
    critical: int


def context() -> dict[str, Any]:
    """Everything on the overview but the frame of the page."""
    counts = alert_queries.counts(alert_queries.live())
    routers = fleet.look()
    live = reseller_queries.lines()
    rates = current_rates(line.router_id for line in live)
    resellers = reseller_queries.standings(live, rates)
    traffic = _traffic(live, rates)
    trust = fleet.trust(routers, known=traffic.known, total=traffic.total)
    alerts = alert_queries.worst_first(alert_queries.live())[:MOST_ALERTS]
    return {
        "verdict": verdict(counts, seen=trust.kind in {"ok", "warning"}),
        "severities": _severities(counts),
        "trust": trust,
        "traffic": traffic,
        "routers": fleet.tile(routers),
        "resellers": _resellers_tile(resellers),
        "collection": fleet.collection(routers),
        "alerts": alert_pages.rows(alerts),
        "closest": _closest(resellers),
        "changes": news.changes(),
        "today_chart_url": reverse("admin:today"),
        "chart_version": int(queries.bucket_of(traffic.at or clock.now()).timestamp()),
    }


def today_json(request: HttpRequest) -> HttpResponse:
    """Total down of today and of yesterday, at the same time of the day, in bit/s."""
    if not isinstance(request.user, Account) or not request.user.sees_all:
        raise PermissionDenied
    today = clock.isp_date(clock.now())
    start, before = clock.day_start(today), clock.day_start(today - timedelta(days=1))
    span = timedelta(seconds=BUCKET_S * DAY_SLOTS)
    return JsonResponse(
        {
            "t": [int(start.timestamp()) + BUCKET_S * n for n in range(DAY_SLOTS)],
            "now": queries.on_grid(queries.totals(start, start + span), start, DAY_SLOTS),
            "before": queries.on_grid(queries.totals(before, before + span), before, DAY_SLOTS),
            "zone": settings.TIME_ZONE,
        }
    )


def verdict(counts: dict[tuple[str, str], int], *, seen: bool) -> Verdict:
    """Is anything wrong? `counts` are live alerts by (state, severity); `seen`: readings come in."""
    for severity in sorted(SEVERITY_RANK, key=lambda s: SEVERITY_RANK[s]):
        free = counts.get((Alert.State.OPEN, severity), 0)
        taken = counts.get((Alert.State.ACKNOWLEDGED, severity), 0)
        if free or taken:
            kind = "critical" if severity == "critical" else "warning"
            words = f"Yes: {free + taken} {severity}, {_taken_words(taken, free + taken)}"
            return Verdict(kind, words)
    if not seen:
        return Verdict("unknown", "Unknown: nothing can be seen now")
    return Verdict("ok", "No: nothing is wrong")


def _taken_words(taken: int, total: int) -> str:
    if total == 1:
        return "taken" if taken else "not taken yet"
    if not taken:
        return "neither taken yet" if total == 2 else "none taken yet"
    if taken == total:
        return "both taken" if total == 2 else "all taken"
    return f"{taken} of them taken"


def _severities(counts: dict[tuple[str, str], int]) -> list[SeverityCount]:
    console = reverse("admin:monitoring_alert_changelist")
    return [
        SeverityCount(
            str(severity),
            sum(count for (_, of), count in counts.items() if of == severity),
            f"{console}?severity={severity}",
        )
        for severity in sorted(SEVERITY_RANK, key=lambda s: SEVERITY_RANK[s])
    ]


def _traffic(live: Sequence[Line], rates: Mapping[int, Rate]) -> Traffic:
    now = queries.total_now(live, rates)
    end = queries.bucket_of(clock.now())
    start = end - timedelta(seconds=BUCKET_S * SPARK_SLOTS)
    return Traffic(
        now_bps=now.now_bps,
        at=now.at,
        versus_yesterday_percent=now.versus_yesterday_percent,
        known=now.known,
        total=now.total,
        spark=queries.on_grid(queries.totals(start, end), start, SPARK_SLOTS),
        url=reverse("admin:resellers_reseller_changelist"),
    )


def _resellers_tile(resellers: Sequence[Standing]) -> ResellersTile:
    url = urls_of("admin:resellers_reseller_page")
    cells, kinds = [], []
    for reseller in resellers:
        percent = reseller.used.percent
        thresholds = (reseller.warning_percent, reseller.critical_percent)
        kind = level(percent, *thresholds) if reseller.has_plan else "low"
        word = f"{percent:.0f} % of plan" if percent is not None else "unknown"
        word = word if reseller.has_plan else "no plan"
        cells.append(fleet.Cell(reseller.name, kind, word, url(reseller.pk)))
        kinds.append(kind)
    over, unknown = kinds.count("critical"), kinds.count("unknown")
    notes = [f"{over} over {'its' if over == 1 else 'their'} plan"] if over else []
    notes += [f"{unknown} unknown"] if unknown else []
    return ResellersTile(
        over_80=over + kinds.count("warning"),
        total=len(resellers),
        cells=fleet.strip(cells),
        detail=", ".join(notes),
        url=reverse("admin:resellers_reseller_changelist"),
    )


def _closest(resellers: Sequence[Standing]) -> list[Closest]:
    """Those with a plan, fullest first; unknown ones come last."""
    fullest = sorted(
        ((r.used.percent, r) for r in resellers if r.has_plan),
        key=lambda each: (each[0] is None, -(each[0] or 0), each[1].name),
    )
    return [_closest_row(reseller) for _, reseller in fullest[:MOST_CLOSEST]]


def _closest_row(reseller: Standing) -> Closest:
    used = reseller.used
    up = (used.up_percent or 0) > (used.down_percent or 0)
    return Closest(
        name=reseller.name,
        url=reverse("admin:resellers_reseller_page", args=[reseller.pk]),
        bps=used.up_bps if up else used.down_bps,
        plan_bps=(used.plan_up_bps if up else used.plan_down_bps) or 0,
        percent=used.percent,
        warning=reseller.warning_percent,
        critical=reseller.critical_percent,
    )
