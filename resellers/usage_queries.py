"""Usage over time: series for charts and CSV, daily peaks, the 95th percentile."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from django.conf import settings
from django.db.models import Case, Count, Q, Sum, When

from ispcore.base import clock
from ispcore.base.timeseries.buckets import BUCKET_S
from ispcore.base.timeseries.percentile import percentile95
from ispcore.base.timeseries.quality import DISCARDED, Quality
from resellers.models import Mapping, Reseller, Usage

BUCKET = timedelta(seconds=BUCKET_S)
TICK = timedelta(microseconds=1)
HALF_BUCKET_S = BUCKET_S // 2  # a sample counts as received when at least this much was seen
MOST_POINTS = 2_000
ESTIMATED_BELOW_PERCENT = 95
NO_READING = "no reading"
_Sum = tuple[int, int, int, int]  # mappings received, down and up in bit/s, quality
NOTHING: _Sum = (0, 0, 0, 0)


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
    highest 5-minute mean, whatever the step). `partial` are spans with data of which a part had
    to be discarded."""

    start: datetime
    end: datetime
    step_s: int
    points: list[Point]
    gaps: list[Gap] = field(default_factory=list)
    partial: list[Gap] = field(default_factory=list)
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
    """Every 5-minute point from `start` to `end` that the reseller had a mapping in.

    The database adds up the mappings: a month of three is 8,640 sums from 26,000 rows, 0.1 s.
    """
    points: list[Point] = []
    mappings = list(Mapping.objects.filter(reseller=reseller, started_at__lt=end))
    for span in _spans(mappings, _grid(start), _grid(min(end, clock.now()))):
        sums = _sums(span)
        count = len(span.live)
        points += [_point(at, count, sums.get(at, NOTHING)) for at in span.slots()]
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
        gaps=_runs(points, _is_gap),
        partial=_runs(points, _is_partial),
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


@dataclass(frozen=True, slots=True)
class _Span:
    """A stretch of time, on the 5-minute grid, in which the same mappings were live throughout."""

    start: datetime
    end: datetime
    live: Sequence[Mapping]

    def slots(self) -> Iterator[datetime]:
        at = self.start
        while at < self.end:
            yield at
            at += BUCKET


def _spans(mappings: Sequence[Mapping], start: datetime, end: datetime) -> Iterator[_Span]:
    """A bucket in which a mapping began or ended is not wholly its reseller's, and left out."""
    lives = [
        (mapping, _grid(mapping.started_at + BUCKET - TICK), _grid(mapping.ended_at or end))
        for mapping in mappings
    ]
    edges = {start, end} | {at for _, *ends in lives for at in ends if start < at < end}
    for since, until in pairwise(sorted(edges)):
        live = [m for m, first, last in lives if first <= since and until <= last]
        if live and since < until:
            yield _Span(since, until, live)


def _sums(span: _Span) -> dict[datetime, _Sum]:
    """What was received in each bucket of the span, added up by the database."""
    facing = [m.pk for m in span.live if m.side == Mapping.Side.RESELLER]
    received = Q(in_bps__isnull=False, out_bps__isnull=False, covered_s__gte=HALF_BUCKET_S)
    down = Case(When(mapping__in=facing, then="out_bps"), default="in_bps")
    up = Case(When(mapping__in=facing, then="in_bps"), default="out_bps")
    rows = (
        Usage.objects.filter(mapping__in=span.live, bucket__gte=span.start, bucket__lt=span.end)
        .values_list("bucket", "quality")
        .annotate(
            received=Count("mapping", filter=received),
            down=Sum(down, filter=received),
            up=Sum(up, filter=received),
        )
    )
    found: dict[datetime, _Sum] = {}
    for bucket, quality, count, down_bps, up_bps in rows:
        had = found.get(bucket, NOTHING)
        found[bucket] = (
            had[0] + count,
            had[1] + int(down_bps or 0),
            had[2] + int(up_bps or 0),
            had[3] | quality,
        )
    return found


def _point(at: datetime, mappings: int, found: _Sum) -> Point:
    received, down_bps, up_bps, quality = found
    if received < mappings:
        return Point(at, None, None, Quality(quality), mappings - received)
    return Point(at, down_bps, up_bps, Quality(quality))


def _without_pending(points: list[Point]) -> list[Point]:
    """The newest buckets are not missing before the poll that finishes them is overdue."""
    overdue = clock.now() - timedelta(seconds=BUCKET_S + settings.COLLECT_PERIOD_S + 60)
    while points and points[-1].missing and points[-1].at > overdue:
        points.pop()
    return points


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
