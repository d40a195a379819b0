"""The usage chart of a reseller: which span, which points, as JSON and as CSV."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse

from ispcore.base import clock, units
from ispcore.base.timeseries.quality import Quality
from resellers.models import Reseller
from resellers.usage_queries import Gap, Point, Series, percentile, series

DEFAULT = "24h"
_SPANS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
_LABELS = {"24h": "24 h", "7d": "7 d", "30d": "30 d", "month": "Month"}
_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])")


class NotARange(ValueError):
    """The range is none of those that can be shown."""


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time to show; `key` is how the address names it."""

    key: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class ChartSpot:
    """What the chart's panel needs; `default` is false where a live frame would not fit."""

    url: str
    csv_url: str
    range: str
    ranges: Sequence[tuple[str, str, str]]
    version: int
    foot: str
    default: bool


def span_of(key: str) -> Span:
    """24h, 7d, 30d, month (this one, so far), or a month as 2026-11. Raises NotARange."""
    now = clock.now()
    if key in _SPANS:
        return Span(key, now - _SPANS[key], now)
    if key == "month":
        return Span(key, clock.month_start(clock.isp_date(now)), now)
    if not _MONTH.fullmatch(key):
        raise NotARange(f"range: {key[:20]!r} is none of 24h, 7d, 30d, month or a month as 2026-11")
    first = date(int(key[:4]), int(key[5:]), 1)
    end = clock.day_start(clock.next_month(first))
    return Span(key, clock.day_start(first), min(end, max(now, clock.day_start(first))))


def spot(reseller: Reseller, key: str = DEFAULT) -> ChartSpot:
    """The chart's panel for a span. Raises NotARange."""
    span = span_of(key)
    shown = series(reseller, span.start, span.end)
    page = reverse("admin:resellers_reseller_page", args=[reseller.pk])
    ranges = [(k, label, page if k == DEFAULT else f"{page}?range={k}") for k, label in labels()]
    return ChartSpot(
        url=f"{reverse('admin:resellers_reseller_usage', args=[reseller.pk])}?range={key}",
        csv_url=f"{reverse('admin:resellers_reseller_usage_csv', args=[reseller.pk])}?range={key}",
        range=key,
        ranges=ranges,
        version=int(shown.points[-1].at.timestamp()) if shown.points else 0,
        foot=foot(shown),
        default=key == DEFAULT,
    )


def as_json(reseller: Reseller, span: Span) -> dict[str, Any]:
    """The chart as its script wants it: bit/s, epoch seconds, null where nothing is known.

    `warning` and `p95` are lines for the direction down; the percentile is that of the span.
    """
    shown = series(reseller, span.start, span.end)
    plan = reseller.plan
    p95 = percentile(reseller, span.start, span.end)
    return {
        "t": [int(p.at.timestamp()) for p in shown.points],
        "down": [p.down_bps for p in shown.points],
        "up": [p.up_bps for p in shown.points],
        "plan_down": plan.down_bps if plan else None,
        "plan_up": plan.up_bps if plan else None,
        "warning": plan.down_bps * reseller.warning_percent // 100 if plan else None,
        "p95": p95.down_bps,
        "gaps": [
            [int(g.start.timestamp()), int(g.end.timestamp()), gap_words(g)] for g in shown.gaps
        ],
        "partial": [
            [int(g.start.timestamp()), int(g.end.timestamp()), partial_words(g)]
            for g in shown.partial
        ],
        "interpolated": _interpolated(shown),
        "zone": settings.TIME_ZONE,
        "resolution_s": shown.step_s,
        "foot": foot(shown),
    }


def as_csv(reseller: Reseller, span: Span) -> str:
    """The points of the chart, one per row: time in the ISP's zone, bit/s, empty where unknown."""
    shown = series(reseller, span.start, span.end)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(["from", "down_bps", "up_bps", "seconds", "note"])
    zone = clock.isp_zone()
    for point in shown.points:
        rate = ["" if v is None else v for v in (point.down_bps, point.up_bps)]
        at = point.at.astimezone(zone).isoformat(timespec="seconds")
        rows.writerow([at, *rate, shown.step_s, note(point)])
    return text.getvalue()


def gap_words(gap: Gap) -> str:
    """ "no data 03:10–04:25: the router restarted"; with days where it spans more than one."""
    return f"no data {_when(gap)}: {gap.reason}"


def partial_words(gap: Gap) -> str:
    """ "part missing 03:40–03:45: the router restarted"."""
    return f"part missing {_when(gap)}: {gap.reason}"


def _when(gap: Gap) -> str:
    start, end = (at.astimezone(clock.isp_zone()) for at in (gap.start, gap.end))
    if start.date() == end.date():
        return f"{start:%H:%M}–{end:%H:%M}"
    return f"{start.day} {start:%b %H:%M} – {end.day} {end:%b %H:%M}"


def foot(shown: Series) -> str:
    """The line under the chart: resolution, zone, peak, gaps."""
    if not shown.points:
        return f"No data in this span. Times in {settings.TIME_ZONE}."
    step = units.format_duration(timedelta(seconds=shown.step_s))
    parts = [f"Means of {step}, times in {settings.TIME_ZONE}"]
    if shown.peak is not None:
        at = shown.peak.at.astimezone(clock.isp_zone())
        parts.append(
            f"highest 5-minute mean down {units.format_bps(shown.peak.down_bps)}, "
            f"{at:%a} {at.day} {at:%b %H:%M}"
        )
    if shown.gaps:
        lost = sum((gap.end - gap.start for gap in shown.gaps), timedelta())
        count = f"{len(shown.gaps)} gap{'' if len(shown.gaps) == 1 else 's'}"
        parts.append(f"{count}, {units.format_duration(lost)} without data")
    else:
        parts.append("no gaps")
    if shown.partial:
        parts.append(partial_words(shown.partial[-1]))
    return "; ".join(parts) + "."


def labels() -> Iterator[tuple[str, str]]:
    yield from _LABELS.items()
    this_month = clock.isp_date(clock.now()).replace(day=1)
    last = (this_month - timedelta(days=1)).replace(day=1)
    yield f"{last:%Y-%m}", f"{last:%b}"


def _interpolated(shown: Series) -> list[list[int]]:
    """Spans whose points were spread from one late reading."""
    spans: list[list[int]] = []
    for point in shown.points:
        if Quality.INTERPOLATED not in point.quality or point.down_bps is None:
            continue
        start = int(point.at.timestamp())
        if spans and spans[-1][1] == start:
            spans[-1][1] = start + shown.step_s
        else:
            spans.append([start, start + shown.step_s])
    return spans


def note(point: Point) -> str:
    reasons = list(point.quality.reasons)
    if point.down_bps is None and not reasons:
        reasons = ["no reading"]
    if Quality.DEMO in point.quality:
        reasons.append("made up for the demo")
    return "; ".join(reasons)
