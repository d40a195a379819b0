"""Reads for the overview: all traffic, over time, in a few set-based queries."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import BigIntegerField, Case, Count, F, Sum, When

from ispcore.base import clock
from ispcore.base.timeseries.buckets import BUCKET_S
from resellers.models import Mapping, Usage
from resellers.queries import down_up
from routers.queries import current_rates

DAY = timedelta(days=1)
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


def total_now() -> Total:
    """The present total, and how it compares with yesterday over the same mappings."""
    columns = ("pk", "interface_id", "router_id", "side")
    live = list(Mapping.objects.filter(ended_at=None).values_list(*columns))
    rates = current_rates(router_id for _, _, router_id, _ in live)
    down: dict[int, int] = {}
    latest_ms = 0
    for pk, interface_id, _, side in live:
        rate = rates.get(interface_id)
        bps = down_up(side, rate.in_bps, rate.out_bps)[0] if rate else None
        if rate is not None and bps is not None:
            down[pk] = bps
            latest_ms = max(latest_ms, rate.rated_ms or 0)
    at = datetime.fromtimestamp(latest_ms / 1000, UTC) if down else None
    return Total(
        now_bps=sum(down.values()) if down else None,
        at=at,
        versus_yesterday_percent=_versus_yesterday(down, at) if at else None,
        known=len(down),
        total=len(live),
    )


def _versus_yesterday(down: dict[int, int], at: datetime) -> float | None:
    """Only mappings known at both times count, so that a new one is no growth."""
    bucket = bucket_of(at - DAY)
    rows = Usage.objects.filter(bucket=bucket, mapping_id__in=list(down), in_bps__isnull=False)
    before = dict(rows.annotate(down=_DOWN).values_list("mapping_id", "down"))
    then = sum(before.values())
    return 100 * (sum(down[pk] for pk in before) - then) / then if then else None


def totals(start: datetime, end: datetime) -> dict[datetime, int]:
    """The total down of each 5 minutes in which nine tenths of the mappings were seen.

    A sum with more missing would look like less traffic, so it is left out. The newest buckets
    count only once the poll that finishes them can have come, unless they are whole.
    """
    ready = clock.now() - timedelta(seconds=BUCKET_S + settings.COLLECT_PERIOD_S + 60)
    rows = (
        Usage.objects.filter(bucket__gte=start, bucket__lt=end, in_bps__isnull=False)
        .order_by()
        .values("bucket")
        .annotate(down=Sum(_DOWN), seen=Count("mapping_id"))
        .values_list("bucket", "down", "seen")
    )
    live = _live_counts(start, end)
    return {
        bucket: int(down)
        for bucket, down, seen in rows
        if seen >= live(bucket) or (10 * seen >= 9 * live(bucket) and bucket <= ready)
    }


def _live_counts(start: datetime, end: datetime) -> Callable[[datetime], int]:
    """A function that says how many mappings were live for the whole bucket."""
    there = Mapping.objects.filter(started_at__lt=end).exclude(ended_at__lt=start)
    spans = list(there.values_list("started_at", "ended_at"))
    begun = sorted(started_at for started_at, _ in spans)
    over = sorted(ended_at for _, ended_at in spans if ended_at is not None)
    width = timedelta(seconds=BUCKET_S)
    return lambda bucket: bisect_right(begun, bucket) - bisect_left(over, bucket + width)


def on_grid(found: dict[datetime, int], start: datetime, slots: int) -> Sequence[int | None]:
    """The values at `slots` steps of 5 minutes from `start`, None where nothing is known."""
    steps = (start + timedelta(seconds=BUCKET_S * n) for n in range(slots))
    return [found.get(at) for at in steps]
