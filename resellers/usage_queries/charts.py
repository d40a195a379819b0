"""Points over a span as they are drawn: thinned, with gaps, peaks of days."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from ispcore.base import clock
from ispcore.base.timeseries.buckets import BUCKET_S
from ispcore.base.timeseries.quality import DISCARDED, Quality
from resellers.models import Mapping, Reseller
from resellers.usage_queries.points import Point, five_minutes, mappings_of, points

MOST_POINTS = 2_000
NO_READING = "no reading"


@dataclass(frozen=True, slots=True)
class Gap:
    """A span without data, and why."""

    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Series:
    """Points from `start` to `end`, `step_s` apart, each the mean over its step (the peak is the
    highest 5-minute mean, whatever the step). `partial` are spans with data of which a part had
    to be discarded."""

    start: datetime
    end: datetime
    step_s: int
    points: list[Point]
    gaps: list[Gap] = field(default_factory=list)
    partial: list[Gap] = field(default_factory=list)
    peak: Point | None = None


def series(reseller: Reseller, start: datetime, end: datetime) -> Series:
    """The reseller's points to draw."""
    return chart(mappings_of(reseller, end), start, end)


def chart(mappings: Sequence[Mapping], start: datetime, end: datetime) -> Series:
    """The points to draw: 5-minute means, or means of several where there would be too many."""
    found = points(mappings, start, end)
    per_point = -(-len(found) // MOST_POINTS) or 1
    known = [p for p in found if p.down_bps is not None]
    peak = max(known, key=lambda p: p.down_bps or 0, default=None)
    return Series(
        start=start,
        end=end,
        step_s=per_point * BUCKET_S,
        points=_thinned(found, per_point),
        gaps=_runs(found, _is_gap),
        partial=_runs(found, _is_partial),
        peak=peak,
    )


def daily_peaks(reseller: Reseller, days: int = 7) -> list[tuple[date, Point | None]]:
    """The highest 5-minute mean (down) of each of the last days in the ISP's zone, newest first."""
    today = clock.isp_date(clock.now())
    first = today - timedelta(days=days - 1)
    best: dict[date, Point] = {}
    for point in five_minutes(reseller, clock.day_start(first), clock.now()):
        day = clock.isp_date(point.at)
        if point.down_bps is not None and point.down_bps > (
            best[day].down_bps or 0 if day in best else -1
        ):
            best[day] = point
    return [(day, best.get(day)) for day in (today - timedelta(days=n) for n in range(days))]


def _thinned(points: list[Point], per_point: int) -> list[Point]:
    if per_point == 1:
        return points
    groups = (points[i : i + per_point] for i in range(0, len(points), per_point))
    return [_mean(group) for group in groups]


def _mean(group: Sequence[Point]) -> Point:
    known = [p for p in group if p.down_bps is not None and p.up_bps is not None]
    quality = Quality.GOOD
    for point in group:
        quality |= point.quality
    if not known:
        return Point(group[0].at, None, None, quality, group[0].missing)
    return Point(
        group[0].at,
        sum(p.down_bps or 0 for p in known) // len(known),
        sum(p.up_bps or 0 for p in known) // len(known),
        quality,
    )


def _is_gap(point: Point) -> bool:
    return point.down_bps is None


def _is_partial(point: Point) -> bool:
    return point.down_bps is not None and bool(point.quality & DISCARDED)


def _runs(points: Sequence[Point], belongs: Callable[[Point], bool]) -> list[Gap]:
    """Runs of points that belong together, each with the worst reason met in it."""
    gaps: list[Gap] = []
    run: list[Point] = []
    for point in [*points, None]:
        if point is not None and belongs(point):
            run.append(point)
        elif run:
            gaps.append(_gap(run))
            run = []
    return gaps


def _gap(run: Sequence[Point]) -> Gap:
    quality = Quality.GOOD
    for point in run:
        quality |= point.quality
    reasons = (quality & ~(Quality.PARTIAL | Quality.INTERPOLATED)).reasons
    end = run[-1].at + timedelta(seconds=BUCKET_S)
    return Gap(run[0].at, end, reasons[0] if reasons else NO_READING)
