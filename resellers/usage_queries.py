"""Usage over time: series for charts and CSV, daily peaks, the 95th percentile."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.conf import settings

from ispcore.base import clock
from ispcore.base.timeseries.buckets import BUCKET_S
from ispcore.base.timeseries.percentile import percentile95
from ispcore.base.timeseries.quality import Quality
from resellers.models import Mapping, Reseller, Usage
from resellers.queries import down_up

HALF_BUCKET_S = BUCKET_S // 2  # a sample counts as received when at least this much was seen
MOST_POINTS = 2_000
ESTIMATED_BELOW_PERCENT = 95
NO_READING = "no reading"


@dataclass(frozen=True, slots=True)
class Point:
    """A 5-minute sum over a reseller's mappings; rates None where any of them is missing."""

    at: datetime
    down_bps: int | None
    up_bps: int | None
    quality: Quality = Quality.GOOD
    missing: int = 0  # mappings without a sample


@dataclass(frozen=True, slots=True)
class Gap:
    """A span without data, and why."""

    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Series:
    """Points from `start` to `end`, `step_s` apart, each the mean over its step (the peak is the
    highest 5-minute mean, whatever the step)."""

    start: datetime
    end: datetime
    step_s: int
    points: list[Point]
    gaps: list[Gap] = field(default_factory=list)
    peak: Point | None = None


@dataclass(frozen=True, slots=True)
class Percentile:
    """The 95th percentile of a period so far: nearest rank, each direction for itself.

    `expected` counts the 5-minute samples the period should have up to now, `received` those
    that are there; below 95 % complete it is an estimate.
    """

    down_bps: int | None
    up_bps: int | None
    received: int
    expected: int

    @property
    def bps(self) -> int | None:
        """The larger of the two: what is billed."""
        known = [v for v in (self.down_bps, self.up_bps) if v is not None]
        return max(known, default=None)

    @property
    def direction(self) -> str:
        return "up" if (self.up_bps or 0) > (self.down_bps or 0) else "down"

    @property
    def completeness_percent(self) -> float | None:
        return 100 * self.received / self.expected if self.expected else None

    @property
    def is_estimated(self) -> bool:
        complete = self.completeness_percent
        return complete is not None and complete < ESTIMATED_BELOW_PERCENT

    @property
    def missing(self) -> int:
        return max(self.expected - self.received, 0)


def five_minutes(reseller: Reseller, start: datetime, end: datetime) -> list[Point]:
    """Every 5-minute point from `start` to `end` that the reseller had a mapping in."""
    mappings = list(Mapping.objects.filter(reseller=reseller, started_at__lt=end))
    rows = Usage.objects.filter(
        mapping__in=mappings, bucket__gte=_grid(start), bucket__lt=end
    ).values_list("mapping_id", "bucket", "in_bps", "out_bps", "covered_s", "quality")
    found: dict[datetime, dict[int, tuple[int | None, int | None, int, int]]] = defaultdict(dict)
    for mapping_id, bucket, *values in rows:
        found[bucket][mapping_id] = tuple(values)  # type: ignore[assignment]
    points = []
    for at in _slots(mappings, start, end):
        live = [m for m in mappings if _covers(m, at)]
        if live:
            points.append(_point(at, live, found.get(at, {})))
    return _without_pending(points)


def series(reseller: Reseller, start: datetime, end: datetime) -> Series:
    """The points to draw: 5-minute means, or means of several where there would be too many."""
    points = five_minutes(reseller, start, end)
    per_point = -(-len(points) // MOST_POINTS) or 1
    known = [p for p in points if p.down_bps is not None]
    peak = max(known, key=lambda p: p.down_bps or 0, default=None)
    return Series(
        start=start,
        end=end,
        step_s=per_point * BUCKET_S,
        points=_thinned(points, per_point),
        gaps=_gaps(points),
        peak=peak,
    )


def percentile(reseller: Reseller, start: datetime, end: datetime) -> Percentile:
    """The 95th percentile from `start` up to `end` or now, whichever is first."""
    until = min(end, _grid(clock.now()))
    points = five_minutes(reseller, start, until) if until > start else []
    received = [p for p in points if p.down_bps is not None and p.up_bps is not None]
    return Percentile(
        percentile95(p.down_bps for p in received if p.down_bps is not None),
        percentile95(p.up_bps for p in received if p.up_bps is not None),
        len(received),
        len(points),
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


def _grid(at: datetime) -> datetime:
    return datetime.fromtimestamp(int(at.timestamp()) // BUCKET_S * BUCKET_S, UTC)


def _slots(mappings: Sequence[Mapping], start: datetime, end: datetime) -> list[datetime]:
    if not mappings:
        return []
    first = max(_grid(start), _grid(min(m.started_at for m in mappings)))
    last = min(end, _grid(clock.now()))  # the bucket of now is still open
    count = max(int((last - first).total_seconds()) // BUCKET_S, 0)
    return [first + timedelta(seconds=BUCKET_S * n) for n in range(count)]


def _covers(mapping: Mapping, at: datetime) -> bool:
    """Whether the mapping was live for the whole bucket that starts at `at`."""
    end = at + timedelta(seconds=BUCKET_S)
    return mapping.started_at <= at and (mapping.ended_at is None or mapping.ended_at >= end)


def _without_pending(points: list[Point]) -> list[Point]:
    """The newest buckets are not missing before the poll that finishes them is overdue."""
    overdue = clock.now() - timedelta(seconds=BUCKET_S + settings.COLLECT_PERIOD_S + 60)
    while points and points[-1].missing and points[-1].at > overdue:
        points.pop()
    return points


def _point(
    at: datetime,
    live: Sequence[Mapping],
    rows: dict[int, tuple[int | None, int | None, int, int]],
) -> Point:
    down_bps = up_bps = missing = 0
    quality = Quality.GOOD
    for mapping in live:
        in_bps, out_bps, covered_s, flags = rows.get(mapping.pk, (None, None, 0, 0))
        quality |= Quality(flags)
        if in_bps is None or out_bps is None or covered_s < HALF_BUCKET_S:
            missing += 1
            continue
        down, up = down_up(mapping.side, in_bps, out_bps)
        down_bps, up_bps = down_bps + (down or 0), up_bps + (up or 0)
    if missing:
        return Point(at, None, None, quality, missing)
    return Point(at, down_bps, up_bps, quality)


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


def _gaps(points: Sequence[Point]) -> list[Gap]:
    """Runs of points without data, each with the worst reason met in it."""
    gaps: list[Gap] = []
    run: list[Point] = []
    for point in [*points, None]:
        if point is not None and point.down_bps is None:
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
