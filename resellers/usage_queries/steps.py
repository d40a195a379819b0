"""Usage in steps of 5 minutes, an hour or a day, as other systems and spreadsheets want it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, F, Max, QuerySet, Sum, When

from ispcore.base import clock
from ispcore.base.timeseries.buckets import BUCKET_S
from resellers.models import Mapping, Reseller, UsageDaily, UsageHourly
from resellers.usage_queries.points import five_minutes

SECONDS = {"5m": BUCKET_S, "hour": 3600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Mean rates over one step from `at` on. `complete_percent`: the share of it that was seen."""

    at: datetime
    down_bps: int | None
    up_bps: int | None
    complete_percent: float


def steps(reseller: Reseller, start: datetime, end: datetime, resolution: str) -> list[UsageRow]:
    """Usage by 5 minutes (null in gaps), hour (UTC) or day (the ISP's zone; only what was seen)."""
    if resolution == "5m":
        return [
            UsageRow(p.at, p.down_bps, p.up_bps, 100.0 if p.down_bps is not None else 0.0)
            for p in five_minutes(reseller, start, end)
        ]
    if resolution == "hour":
        rows = UsageHourly.objects.filter(hour__gte=start, hour__lt=end)
        return [_rolled(row, row["hour"], 3600) for row in _sums(rows, reseller, "hour")]
    first, last = clock.isp_date(start), clock.isp_date(end - timedelta(microseconds=1))
    daily = UsageDaily.objects.filter(day__gte=first, day__lte=last)
    return [
        _rolled(row, clock.day_start(row["day"]), _day_s(row["day"]))
        for row in _sums(daily, reseller, "day")
    ]


def _sums(rows: QuerySet[Any], reseller: Reseller, by: str) -> Any:
    """Octets per direction and seconds seen, summed over the reseller's mappings."""
    own = Case(
        When(mapping__side=Mapping.Side.RESELLER, then=F("out_octets")), default=F("in_octets")
    )
    other = Case(
        When(mapping__side=Mapping.Side.RESELLER, then=F("in_octets")), default=F("out_octets")
    )
    return (
        rows.filter(mapping__reseller=reseller)
        .order_by(by)
        .values(by)
        .annotate(down=Sum(own), up=Sum(other), seen_s=Max("covered_s"))
    )


def _rolled(row: dict[str, Any], at: datetime, span_s: int) -> UsageRow:
    """Means over the time that was seen (of the mapping that was seen longest)."""
    seen_s = row["seen_s"]
    return UsageRow(
        at,
        row["down"] * 8 // seen_s if seen_s else None,
        row["up"] * 8 // seen_s if seen_s else None,
        round(min(100 * seen_s / span_s, 100), 1),
    )


def _day_s(day: Any) -> int:
    """A day in the ISP's zone may have 23 or 25 hours."""
    return int((clock.day_start(day + timedelta(days=1)) - clock.day_start(day)).total_seconds())
