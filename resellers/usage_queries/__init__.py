"""Usage over time: series for charts and CSV, daily peaks, octets, the 95th percentile."""

from resellers.usage_queries.billing import (
    Octets,
    Percentile,
    octets,
    percentile,
    percentiles,
    top,
)
from resellers.usage_queries.charts import Gap, Series, chart, daily_peaks, series
from resellers.usage_queries.points import Point, five_minutes, points
from resellers.usage_queries.steps import UsageRow, steps

__all__ = [
    "Gap",
    "Octets",
    "Percentile",
    "Point",
    "Series",
    "UsageRow",
    "chart",
    "daily_peaks",
    "five_minutes",
    "octets",
    "percentile",
    "percentiles",
    "points",
    "series",
    "steps",
    "top",
]
