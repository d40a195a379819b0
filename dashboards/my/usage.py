"""My usage: the chart over a range, peaks of the days, and all of it as CSV."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, reverse
from django.utils.text import slugify

from dashboards.my import home
from dashboards.my.sections import Section, reseller_of
from ispcore.base import clock
from resellers import usage_queries
from resellers.models import Reseller
from resellers.pages import chart, states
from resellers.pages.chart import ChartSpot, NotARange, Span

STEPS = {"5m": "5 minutes", "hour": "Hours", "day": "Days"}
HEAD = ("from", "down_bps", "up_bps", "seen_percent", "note")
MOST_MONTHS = 13  # 5-minute rows are kept somewhat longer than a year
Row = tuple[datetime, int | None, int | None, float, str]


def context(reseller: Reseller, key: str = chart.DEFAULT) -> dict[str, Any]:
    """What the page needs for a range. Raises NotARange."""
    return {
        "reseller": reseller,
        "chart": _spot(reseller, key),
        "months": _months(reseller, key),
        "daily_peaks": states.peaks(reseller),
        "thresholds": states.Thresholds(reseller.warning_percent, reseller.critical_percent),
    }


def _spot(reseller: Reseller, key: str) -> ChartSpot:
    span = chart.span_of(key)
    shown = usage_queries.series(reseller, span.start, span.end)
    page = reverse("my:usage")
    return ChartSpot(
        url=f"{reverse('my:usage_json')}?range={key}",
        csv_url=f"{reverse('my:usage_csv')}?range={key}&step=",
        range=key,
        ranges=[
            (k, label, page if k == chart.DEFAULT else f"{page}?range={k}")
            for k, label in chart.labels()
        ],
        version=int(shown.points[-1].at.timestamp()) if shown.points else 0,
        foot=chart.foot(shown),
        default=key == chart.DEFAULT,
    )


def _months(reseller: Reseller, current: str) -> list[tuple[str, str, bool]]:
    """(key, words, whether it is shown) of the months before this one that it was there in."""
    first = clock.isp_date(reseller.created_at).replace(day=1)
    month, found = clock.isp_date(clock.now()).replace(day=1), []
    for _ in range(MOST_MONTHS):
        month = _before(month)
        if month < first:
            break
        key = f"{month:%Y-%m}"
        found.append((key, f"{month:%B %Y}", key == current))
    return found


def _before(month: date) -> date:
    year, number = (month.year - 1, 12) if month.month == 1 else (month.year, month.month - 1)
    return date(year, number, 1)


def as_csv(reseller: Reseller, span: Span, step: str) -> str:
    """One row per step: its start in the ISP's zone, mean rates in bit/s (empty where unknown),
    how much of it was seen, and why not all."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(HEAD)
    zone = clock.isp_zone()
    for at, down_bps, up_bps, seen_percent, note in _rows(reseller, span, step):
        rates = ["" if bps is None else bps for bps in (down_bps, up_bps)]
        start = at.astimezone(zone).isoformat(timespec="seconds")
        rows.writerow([start, *rates, seen_percent, note])
    return text.getvalue()


def _rows(reseller: Reseller, span: Span, step: str) -> Iterator[Row]:
    if step != "5m":
        for each in usage_queries.steps(reseller, span.start, span.end, step):
            yield each.at, each.down_bps, each.up_bps, each.complete_percent, ""
        return
    for point in usage_queries.five_minutes(reseller, span.start, span.end):
        seen = 100.0 if point.down_bps is not None else 0.0
        yield point.at, point.down_bps, point.up_bps, seen, chart.note(point)


class Usage(Section):
    """Usage over time."""

    start, label, icon, key = "usage", "Usage", "chart", "u"

    def urls(self) -> Sequence[URLPattern]:
        return [
            self.route("usage/", self.usage, "usage"),
            self.route("usage.json", self.usage_json, "usage_json"),
            self.route("usage.csv", self.usage_csv, "usage_csv"),
        ]

    def usage(self, request: HttpRequest) -> HttpResponse:
        reseller = reseller_of(request)
        shown: dict[str, Any] = {"reseller": reseller, "steps": STEPS}
        if reseller is not None:
            try:
                shown |= context(reseller, request.GET.get("range", chart.DEFAULT))
            except NotARange as error:
                messages.error(request, f"{error}. 24 h are shown.")
                shown |= context(reseller)
            shown |= home.usage_context(reseller)
        return self.page(request, "my/usage/page.html", shown, title="Usage")

    def usage_json(self, request: HttpRequest) -> HttpResponse:
        reseller, span = self._asked(request)
        if reseller is None or span is None:
            return _refused(request, reseller)
        return JsonResponse(chart.as_json(reseller, span))

    def usage_csv(self, request: HttpRequest) -> HttpResponse:
        reseller, span = self._asked(request)
        step = request.GET.get("step", "5m")
        if reseller is None or span is None or step not in STEPS:
            return _refused(request, reseller)
        text = as_csv(reseller, span, step)
        response = HttpResponse(text, content_type="text/csv; charset=utf-8")
        name = f"{slugify(reseller.name) or 'usage'}-{span.key}-{step}.csv"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def _asked(self, request: HttpRequest) -> tuple[Reseller | None, Span | None]:
        try:
            span = chart.span_of(request.GET.get("range", chart.DEFAULT))
        except NotARange:
            span = None
        return reseller_of(request), span


def _refused(request: HttpRequest, reseller: Reseller | None) -> HttpResponse:
    """The answer that says what is wrong with an address."""
    if reseller is None:
        return JsonResponse({"detail": "there is no usage yet"}, status=404)
    words = "range: 24h, 7d, 30d, month or a month as 2026-11; step: 5m, hour or day"
    return JsonResponse({"detail": words}, status=400)
