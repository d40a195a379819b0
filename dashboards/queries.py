"""Reads for the overview: all traffic, over time, in a few set-based queries."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Rates
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.cache import caches
from django.db.models import BigIntegerField, Case, Count, F, Q, Sum, When

from ispcore.base import clock
from ispcore.base.timeseries.buckets import BUCKET_S
from resellers.models import Mapping, Usage
from resellers.queries import Line, down_up
from routers.counter_states import Rate

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LATE = HOUR  # a collection that waited for the database brings what is older, now and then
KEPT_S = 600
Sum5m = tuple[int, int]  # bit/s down, mappings seen
# what the reseller receives: out of the interface that faces it, into the one that faces the uplink
_DOWN = Case(
    When(mapping__side=Mapping.Side.RESELLER, then=F("out_bps")),
    default=F("in_bps"),
    output_field=BigIntegerField(),
)


@dataclass(frozen=True, slots=True)
class Total:
    """All traffic down now: the sum over `known` of `total` live mappings, None without any."""

    now_bps: int | None
    at: datetime | None
    versus_yesterday_percent: float | None
    known: int
    total: int


def bucket_of(at: datetime) -> datetime:
    """The start of the 5 minutes that `at` lies in."""
    return datetime.fromtimestamp(int(at.timestamp()) // BUCKET_S * BUCKET_S, UTC)


def total_now(live: Sequence[Line], rates: Rates[int, Rate]) -> Total:
    """The present total, and how it compares with yesterday over the same mappings."""
    down: dict[int, int] = {}
    latest_ms = 0
    for line in live:
        rate = rates.get(line.interface_id)
        bps = down_up(line.side, rate.in_bps, rate.out_bps)[0] if rate else None
        if rate is not None and bps is not None:
            down[line.pk] = bps
            latest_ms = max(latest_ms, rate.rated_ms)
    at = datetime.fromtimestamp(latest_ms / 1000, UTC) if down else None
    return Total(
        now_bps=sum(down.values()) if down else None,
        at=at,
        versus_yesterday_percent=_versus_yesterday(down, live, at) if at else None,
        known=len(down),
        total=len(live),
    )


def _versus_yesterday(down: dict[int, int], live: Sequence[Line], at: datetime) -> float | None:
    """Only mappings known at both times count, so that a new one is no growth."""
    bucket = bucket_of(at - DAY)
    rows = Usage.objects.filter(bucket=bucket, in_bps__isnull=False).order_by()
    rates = {pk: each for pk, *each in rows.values_list("mapping_id", "in_bps", "out_bps")}
    both = [line for line in live if line.pk in down and line.pk in rates]
    then = sum(down_up(line.side, *rates[line.pk])[0] or 0 for line in both)
    return 100 * (sum(down[line.pk] for line in both) - then) / then if then else None


def totals(start: datetime, end: datetime) -> dict[datetime, int]:
    """The total down of each 5 minutes in which nine tenths of the mappings were seen.

    A sum with more missing would look like less traffic, so it is left out. The newest buckets
    count only once the poll that finishes them can have come, unless they are whole.
    """
    ready = clock.now() - timedelta(seconds=BUCKET_S + settings.COLLECT_PERIOD_S + 60)
    live = _live_counts(start, end)
    return {
        bucket: down
        for bucket, (down, seen) in _sums(start, end).items()
        if seen >= live(bucket) or (10 * seen >= 9 * live(bucket) and bucket <= ready)
    }


def _sums(start: datetime, end: datetime) -> dict[datetime, Sum5m]:
    """(total down, mappings seen) of each 5 minutes.

    A day of 4,000 mappings is a million rows: the sums of whole hours are kept for a while, so
    that what comes late to an hour long past is seen a few minutes later. The last hours, to
    which all comes, are read each time.
    """
    first, fresh = _hour_after(start), _hour_of(clock.now()) - LATE
    hours = [first + HOUR * n for n in range(max(int((min(end, fresh) - first) / HOUR), 0))]
    memory = caches["process"]
    kept = memory.get_many([_key(hour) for hour in hours])
    found: dict[datetime, Sum5m] = {}
    for since, until in _stretches(start, end, [hour for hour in hours if _key(hour) in kept]):
        found |= _sums_from_rows(since, until)
    new = {_key(hour): _within(found, hour) for hour in hours if _key(hour) not in kept}
    memory.set_many(new, KEPT_S)
    for sums in kept.values():
        found |= sums
    return found


def _stretches(
    start: datetime, end: datetime, known: Sequence[datetime]
) -> Iterator[tuple[datetime, datetime]]:
    """What of start to end lies in none of the known hours."""
    at = start
    for hour in known:
        if at < hour:
            yield at, hour
        at = hour + HOUR
    if at < end:
        yield at, end


def _sums_from_rows(start: datetime, end: datetime) -> dict[datetime, Sum5m]:
    rows = (
        Usage.objects.filter(bucket__gte=start, bucket__lt=end, in_bps__isnull=False)
        .order_by()
        .values("bucket")
        .annotate(down=Sum(_DOWN), seen=Count("mapping_id"))
        .values_list("bucket", "down", "seen")
    )
    return {bucket: (int(down), seen) for bucket, down, seen in rows}


def _within(found: Rates[datetime, Sum5m], hour: datetime) -> dict[datetime, Sum5m]:
    return {bucket: each for bucket, each in found.items() if hour <= bucket < hour + HOUR}


def _key(hour: datetime) -> str:
    return f"total-5m:{int(hour.timestamp())}"


def _hour_of(at: datetime) -> datetime:
    return datetime.fromtimestamp(int(at.timestamp()) // 3600 * 3600, UTC)


def _hour_after(at: datetime) -> datetime:
    """The first hour that begins at `at` or later."""
    return _hour_of(at + HOUR - timedelta(microseconds=1))


def _live_counts(start: datetime, end: datetime) -> Callable[[datetime], int]:
    """A function that says how many mappings were live for a whole bucket from start to end."""
    there = Mapping.objects.filter(started_at__lt=end).exclude(ended_at__lt=start).order_by()
    before = there.filter(started_at__lte=start).count()
    spans = there.filter(Q(started_at__gt=start) | Q(ended_at__isnull=False))
    times = list(spans.values_list("started_at", "ended_at"))
    begun = sorted(started_at for started_at, _ in times if started_at > start)
    over = sorted(ended_at for _, ended_at in times if ended_at is not None)
    width = timedelta(seconds=BUCKET_S)
    return lambda at: before + bisect_right(begun, at) - bisect_left(over, at + width)


def on_grid(found: dict[datetime, int], start: datetime, slots: int) -> Sequence[int | None]:
    """The values at `slots` steps of 5 minutes from `start`, None where nothing is known."""
    steps = (start + timedelta(seconds=BUCKET_S * n) for n in range(slots))
    return [found.get(at) for at in steps]
