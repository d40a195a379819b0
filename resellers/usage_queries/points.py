"""A reseller's 5-minute points: the sums over its mappings, each known whole or not at all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import BigIntegerField, Case, Count, Func, Q, Sum, When
from django.db.models.functions import Cast

from ispcore.base import clock
from ispcore.base.timeseries.buckets import BUCKET_S
from ispcore.base.timeseries.quality import Quality
from resellers.models import Mapping, Reseller, Usage

BUCKET = timedelta(seconds=BUCKET_S)
TICK = timedelta(microseconds=1)
HALF_BUCKET_S = BUCKET_S // 2  # a sample counts as received when at least this much was seen
RECEIVED = Q(in_bps__isnull=False, out_bps__isnull=False, covered_s__gte=HALF_BUCKET_S)
_Sum = tuple[int, int, int, Quality]  # mappings received, down and up in bit/s
NOTHING: _Sum = (0, 0, 0, Quality.GOOD)


class Point(NamedTuple):
    """A 5-minute sum over a reseller's mappings; rates None where any of them is missing.

    A tuple, for a month has 8,640 of them.
    """

    at: datetime
    down_bps: int | None
    up_bps: int | None
    quality: Quality = Quality.GOOD
    missing: int = 0  # mappings without a sample


def five_minutes(reseller: Reseller, start: datetime, end: datetime) -> list[Point]:
    """Every 5-minute point from `start` to `end` that the reseller had a mapping in."""
    return points(mappings_of(reseller, end), start, end)


def points(mappings: Sequence[Mapping], start: datetime, end: datetime) -> list[Point]:
    """Every 5-minute point from `start` to `end` that any of these mappings was live in.

    The database adds up the mappings: a month of five is 8,640 sums from 43,000 rows, 0.04 s.
    """
    found: list[Point] = []
    for span in spans(mappings, grid(start), grid(min(end, clock.now()))):
        found += _points(span)
    return _without_pending(found)


def mappings_of(reseller: Reseller, end: datetime) -> list[Mapping]:
    """The mappings that the reseller has or had before `end`."""
    return list(Mapping.objects.filter(reseller=reseller, started_at__lt=end))


def grid(at: datetime) -> datetime:
    return datetime.fromtimestamp(int(at.timestamp()) // BUCKET_S * BUCKET_S, UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, on the 5-minute grid, in which the same mappings were live throughout."""

    start: datetime
    end: datetime
    live: Sequence[Mapping]


def spans(mappings: Sequence[Mapping], start: datetime, end: datetime) -> Iterator[Span]:
    """A bucket in which a mapping began or ended is not wholly its reseller's, and left out."""
    lives = [
        (mapping, grid(mapping.started_at + BUCKET - TICK), grid(mapping.ended_at or end))
        for mapping in mappings
    ]
    edges = {start, end} | {at for _, *ends in lives for at in ends if start < at < end}
    for since, until in pairwise(sorted(edges)):
        live = [m for m, first, last in lives if first <= since and until <= last]
        if live and since < until:
            yield Span(since, until, live)


def _points(span: Span) -> list[Point]:
    sums, live = _sums(span), len(span.live)
    found, at = [], span.start
    for slot in range(_slot(span.start), _slot(span.end)):
        received, down_bps, up_bps, quality = sums.get(slot, NOTHING)
        if received < live:
            found.append(Point(at, None, None, quality, live - received))
        else:
            found.append(Point(at, down_bps, up_bps, quality))
        at += BUCKET
    return found


def _sums(span: Span) -> dict[int, _Sum]:
    """What was received in each slot of the span, added up by the database."""
    facing = [m.pk for m in span.live if m.side == Mapping.Side.RESELLER]
    down = Case(When(mapping__in=facing, then="out_bps"), default="in_bps")
    up = Case(When(mapping__in=facing, then="in_bps"), default="out_bps")
    rows = (
        Usage.objects.filter(mapping__in=span.live, bucket__gte=span.start, bucket__lt=span.end)
        .values("bucket", "quality")
        .annotate(
            received=Count("mapping", filter=RECEIVED),
            down=_whole(Sum(down, filter=RECEIVED)),
            up=_whole(Sum(up, filter=RECEIVED)),
        )
        .values_list(_Slot("bucket"), "quality", "received", "down", "up")
    )
    found: dict[int, _Sum] = {}
    for slot, flags, received, down_bps, up_bps in rows:
        entry = (received, down_bps or 0, up_bps or 0, _quality(flags))
        had = found.get(slot)  # samples of one instant may differ in quality
        found[slot] = entry if had is None else _plus(had, entry)
    return found


class _Slot(Func):  # type: ignore[misc]
    """The number of the 5 minutes since the epoch: cheaper to read by thousands than instants."""

    template = "(date_part('epoch', %(expressions)s) / 300)::bigint"
    output_field = BigIntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        template = "CAST(strftime('%%%%s', %(expressions)s) AS integer) / 300"
        return super().as_sql(compiler, connection, template=template, **more)


def _slot(at: datetime) -> int:
    return int(at.timestamp()) // BUCKET_S


def _whole(total: Sum) -> Cast:
    """PostgreSQL adds up bigint as numeric, which is slow to read."""
    return Cast(total, BigIntegerField())


def _plus(one: _Sum, other: _Sum) -> _Sum:
    return (one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] | other[3])


@cache
def _quality(flags: int) -> Quality:
    return Quality(flags)


def overdue() -> datetime:
    """A bucket that starts after this is not missing yet: the poll that finishes it is not due."""
    return clock.now() - timedelta(seconds=BUCKET_S + settings.COLLECT_PERIOD_S + 60)


def _without_pending(found: list[Point]) -> list[Point]:
    """The newest buckets are not missing before the poll that finishes them is overdue."""
    due = overdue()
    while found and found[-1].missing and found[-1].at > due:
        found.pop()
    return found
