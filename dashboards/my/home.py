"""My home: is anything wrong, how much of the plan is used, today's line, and this month so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, reverse

from dashboards.my import alerts, links
from dashboards.my.sections import Section, reseller_of, tenant_of
from dashboards.queries import on_grid
from ispcore.accounts.pages import account_of
from ispcore.base import clock, units
from ispcore.base.templatetags.isp import level
from ispcore.base.timeseries.buckets import BUCKET_S
from monitoring.models import Alert, Severity
from resellers import queries, usage_queries
from resellers.models import Reseller
from resellers.pages.states import PercentileSpot, month_percentile
from resellers.queries import Current

DAY_SLOTS = 24 * 3600 // BUCKET_S


@dataclass(frozen=True, slots=True)
class Answer:
    """A question answered in one line, and what more is known."""

    kind: str
    words: str
    detail: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Now:
    """Use of the plan now in one direction, in bit/s; `words` say what the figure means."""

    title: str
    bps: int | None
    plan_bps: int | None
    percent: float | None
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Month:
    """This month so far: the 95th percentile, and what was carried."""

    name: str
    p95: PercentileSpot
    down_octets: int | None
    up_octets: int | None


def now_context(reseller: Reseller) -> dict[str, Any]:
    """What may change with every reading."""
    used = queries.current([reseller])[reseller.pk]
    shown = links.context(reseller)
    return shown | {
        "reseller": reseller,
        "used": used,
        "directions": [_now(reseller, used, "down"), _now(reseller, used, "up")],
        "trust": trust(shown["links"]),
        "warning": reseller.warning_percent,
        "critical_percent": reseller.critical_percent,
    }


def alert_context(found: QuerySet[Alert], reseller: Reseller | None) -> dict[str, Any]:
    """What changes with the alerts that one sees."""
    shown = alerts.context(found)
    used = queries.current([reseller])[reseller.pk] if reseller else None
    return shown | {"verdict": verdict(shown["open"], reseller, used)}


def usage_context(reseller: Reseller) -> dict[str, Any]:
    """What changes when 5 minutes are finished."""
    return {
        "reseller": reseller,
        "month": _month(reseller),
        "today_version": int(clock.now().timestamp()) // BUCKET_S,
    }


def verdict(
    open_alerts: Sequence[alerts.AlertRow], reseller: Reseller | None, used: Current | None
) -> Answer:
    """Is anything wrong?"""
    if reseller is None or used is None:
        return Answer("unknown", "Nothing is set up yet", "Your provider adds your plan and links.")
    if open_alerts:
        worst = open_alerts[0]
        kind = "critical" if worst.kind == Severity.CRITICAL else "warning"
        more = len(open_alerts) - 1
        about = worst.about.lower() if worst.about in {alerts.OVER, alerts.CLOSE} else worst.about
        detail = worst.what + (f", and {more} more alert{'' if more == 1 else 's'}" if more else "")
        return Answer(kind, f"Yes: {about}", detail, reverse("my:alerts"))
    if reseller.status != Reseller.Status.ACTIVE:
        words = f"Your service is {reseller.get_status_display().lower()}"
        return Answer("warning", words, "Ask your provider.")
    if not used.total:
        return Answer("unknown", "No link is mapped to you yet", "Your provider maps it.")
    if not used.known:
        return Answer("unknown", "Unknown: no link can be read now", "Your provider sees this too.")
    return Answer("ok", "No: all is normal", "You are told here as soon as that changes.")


def trust(shown: Sequence[links.LinkRow]) -> Answer:
    """Can I trust this picture?"""
    known = sum(link.down_bps is not None for link in shown)
    latest = max((link.read_at for link in shown if link.read_at), default=None)
    if not shown:
        return Answer("unknown", "There is nothing to read yet")
    if latest is None:
        return Answer("unknown", "Not yet: the first reading is awaited")
    age = units.format_duration(clock.now() - latest)
    if not known:
        return Answer(
            "critical", f"No: nothing was read for {age}", "Numbers come back by themselves."
        )
    if known < len(shown):
        words = f"Mostly: {len(shown) - known} of {len(shown)} links {'is' if len(shown) - known == 1 else 'are'} unknown"
        return Answer("warning", words, f"Last reading {age} ago")
    words = "Yes: your link was read" if known == 1 else f"Yes: all {known} links were read"
    return Answer("ok", words, f"Last reading {age} ago")


def today(reseller: Reseller) -> dict[str, Any]:
    """Down of today and of yesterday at the same time of the day, in bit/s."""
    date = clock.isp_date(clock.now())
    start, before = clock.day_start(date), clock.day_start(date - timedelta(days=1))
    points = usage_queries.five_minutes(reseller, before, clock.now())
    known = {p.at: p.down_bps for p in points if p.down_bps is not None}
    plan = reseller.plan
    return {
        "t": [int(start.timestamp()) + BUCKET_S * n for n in range(DAY_SLOTS)],
        "now": on_grid(known, start, DAY_SLOTS),
        "before": on_grid(known, before, DAY_SLOTS),
        "plan_down": plan.down_bps if plan else None,
        "warning": plan.down_bps * reseller.warning_percent // 100 if plan else None,
        "zone": settings.TIME_ZONE,
    }


def _now(reseller: Reseller, used: Current, direction: str) -> Now:
    percent = getattr(used, f"{direction}_percent")
    plan_bps = getattr(used, f"plan_{direction}_bps")
    kind = level(percent, reseller.warning_percent, reseller.critical_percent)
    return Now(
        title=direction.capitalize(),
        bps=getattr(used, f"{direction}_bps"),
        plan_bps=plan_bps,
        percent=percent,
        kind=kind if plan_bps else "calm",
        words=_now_words(used, plan_bps, percent, kind),
    )


def _now_words(used: Current, plan_bps: int | None, percent: float | None, kind: str) -> str:
    if not used.total:
        return "no link yet"
    if used.known < used.total:
        return f"unknown: {used.known} of {used.total} links can be read"
    if plan_bps is None:
        return "no plan, no limit"
    said = units.format_percent(percent)
    return {"critical": f"{said}, over your plan", "warning": f"{said}, close to your plan"}.get(
        kind, f"{said} of your plan"
    )


def _month(reseller: Reseller) -> Month:
    date = clock.isp_date(clock.now())
    start = clock.month_start(date)
    carried = usage_queries.octets(reseller, start, clock.now())
    return Month(
        name=f"{date:%B}",
        p95=month_percentile(reseller),
        down_octets=carried.down_octets if carried else None,
        up_octets=carried.up_octets if carried else None,
    )


class Home(Section):
    """The first page."""

    start, label, icon, key = "index", "Home", "grid", "h"

    def urls(self) -> Sequence[URLPattern]:
        return [
            self.route("", self.home, "index"),
            self.route("today.json", self.today_json, "today"),
        ]

    def home(self, request: HttpRequest) -> HttpResponse:
        tenant, reseller = tenant_of(request), reseller_of(request)
        shown: dict[str, Any] = {"reseller": reseller, "tenant": tenant}
        if reseller is not None:
            shown |= now_context(reseller) | usage_context(reseller)
        shown |= alert_context(alerts.of(account_of(request)), reseller)
        return self.page(request, "my/home/page.html", shown, title="Home")

    def today_json(self, request: HttpRequest) -> HttpResponse:
        reseller = reseller_of(request)
        if reseller is None:
            return JsonResponse({"detail": "there is no usage yet"}, status=404)
        return JsonResponse(today(reseller))
