"""Hours and days made from 5-minute rows: marked when rows come in, summed up whole afterwards.

Who stores rows leaves a mark for each hour they lie in, in the same transaction. `roll_up` then
computes these hours, and the ISP's days they touch, from all their rows, and takes away exactly
the marks it saw before it looked. So nothing is ever added twice, late rows are simply summed up
again with the others, and rows that come in meanwhile leave a mark that is still there. A mark is
a row of its own, not a flag, because two collectors would wait for each other at a flag.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import connection, models, transaction

from ispcore.base import clock
from ispcore.base.models import StaleHour
from ispcore.base.timeseries import partitions, retention

HOUR = timedelta(hours=1)
HOURS_AT_ONCE = 6  # of 50,000 lines: some 4 s in one transaction
SUMS = ("in_octets", "out_octets", "covered_s", "samples")
MAXIMA = ("in_bps_max", "out_bps_max")
COLUMNS = (*SUMS, *MAXIMA)
FROM_SAMPLES = (
    "sum(in_octets), sum(out_octets), sum(covered_s), count(*), max(in_bps), max(out_bps)"
)
FROM_HOURS = ", ".join([f"sum({c})" for c in SUMS] + [f"max({c})" for c in MAXIMA])
REPLACED = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS)


@dataclass(frozen=True, slots=True)
class Rollup:
    """Which table is rolled up into which; `key` is the column that names the line."""

    samples: type[models.Model]
    hourly: type[models.Model]
    daily: type[models.Model]
    key: str


def mark(samples: type[models.Model], buckets: Iterable[datetime]) -> None:
    """Say that these hours have new rows. Call it in the transaction that stores the rows."""
    table, hours = samples._meta.db_table, sorted({_hour(bucket) for bucket in set(buckets)})
    StaleHour.objects.bulk_create(StaleHour(series=table, hour=hour) for hour in hours)


def roll_up(rollup: Rollup) -> int:
    """Bring hours and days up to date with the rows; returns how many hours were computed.

    Any number of processes may call it at any time: one computes, the others wait for it.
    """
    done = 0
    while hours := _batch(rollup):
        done += hours
    return done


def recut(rollup: Rollup, first: date, last: date) -> int:
    """Compute the ISP's days from `first` to `last` anew, after its zone was changed.

    Only days whose rows are all kept still are computed; returns how many.
    """
    floor, done = _floor(rollup), 0
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        if floor is None or clock.day_start(day) >= floor:
            with transaction.atomic():
                _lock(rollup)
                _delete_day(rollup, day)
                _sum_day(rollup, day)
            done += 1
    return done


def stale(samples: type[models.Model]) -> tuple[int, datetime | None]:
    """How many hours wait to be rolled up, and the oldest of them."""
    hours = StaleHour.objects.filter(series=samples._meta.db_table)
    found = hours.aggregate(count=models.Count("hour", distinct=True), oldest=models.Min("hour"))
    return found["count"], found["oldest"]


def _batch(rollup: Rollup) -> int:
    """The oldest hours that are marked, with their days, in one transaction.

    The marks are read before the rows and after the lock: what a mark stands for is seen, and
    nobody writes an older sum over a newer one. Only marks of these hours are taken away: one of an
    earlier hour may have come since the hours were read.
    """
    with transaction.atomic():
        _lock(rollup)
        marks = StaleHour.objects.filter(series=rollup.samples._meta.db_table)
        hours = list(
            marks.order_by("hour").values_list("hour", flat=True).distinct()[:HOURS_AT_ONCE]
        )
        if not hours:
            return 0
        seen = list(marks.filter(hour__in=hours).values_list("pk", flat=True))
        floor = _floor(rollup)
        kept = [hour for hour in hours if floor is None or hour >= floor]
        for hour in kept:
            _sum_hour(rollup, hour)
        for day in _days(kept, floor):
            _sum_day(rollup, day)
        StaleHour.objects.filter(pk__in=seen).delete()
    return len(hours)


def _lock(rollup: Rollup) -> None:
    """SQLite has one writer at a time anyhow."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            name = f"roll up {rollup.samples._meta.db_table}"
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])


def _floor(rollup: Rollup) -> datetime | None:
    """From when on all rows are there: an hour of which a part was dropped keeps its old sum."""
    return retention.cutoff(partitions.series_of(rollup.samples))


def _days(hours: Sequence[datetime], floor: datetime | None) -> list[date]:
    """The ISP's days that these hours lie in; where its zone has half hours, one may lie in two."""
    ends = [*hours, *(hour + HOUR - timedelta(seconds=1) for hour in hours)]
    days = {clock.isp_date(at) for at in ends}
    return sorted(day for day in days if floor is None or clock.day_start(day) >= floor)


def _sum_hour(rollup: Rollup, hour: datetime) -> None:
    """Rows are never changed, only added: where no more are there than last time, nothing moved.

    The same condition keeps what was summed up before rows were dropped.
    """
    hourly, key = rollup.hourly._meta.db_table, rollup.key
    _execute(
        f'INSERT INTO "{hourly}" ({key}, hour, {", ".join(COLUMNS)}) '
        f"SELECT {key}, %s, {FROM_SAMPLES} {_from_samples(rollup)} GROUP BY {key} "
        f"ON CONFLICT ({key}, hour) DO UPDATE SET {REPLACED} "
        f'WHERE "{hourly}".samples < excluded.samples',
        [hour, hour, hour + HOUR],
    )


def _sum_day(rollup: Rollup, day: date) -> None:
    daily, key = rollup.daily._meta.db_table, rollup.key
    parts, values = _parts_of_day(rollup, day)
    stored = ", ".join(f'"{daily}".{column}' for column in COLUMNS)
    new = ", ".join(f"excluded.{column}" for column in COLUMNS)
    differ = "IS NOT" if connection.vendor == "sqlite" else "IS DISTINCT FROM"
    _execute(
        f'INSERT INTO "{daily}" ({key}, day, {", ".join(COLUMNS)}) '  # noqa: S608
        f"SELECT {key}, %s, {FROM_HOURS} FROM ({parts}) AS parts WHERE true GROUP BY {key} "
        f"ON CONFLICT ({key}, day) DO UPDATE SET {REPLACED} WHERE ({stored}) {differ} ({new})",
        [day, *values],
    )


def _parts_of_day(rollup: Rollup, day: date) -> tuple[str, list[datetime]]:
    """The hours that lie wholly in the day, and the 5-minute rows of the halves at its two ends."""
    start, end = clock.day_start(day), clock.day_start(day + timedelta(days=1))
    first, last = _hour(start + HOUR - timedelta(microseconds=1)), _hour(end)
    parts = [
        f"SELECT {rollup.key}, {', '.join(COLUMNS)} "  # noqa: S608
        f'FROM "{rollup.hourly._meta.db_table}" WHERE hour >= %s AND hour < %s'
    ]
    values = [first, last]
    for since, until in ((start, first), (last, end)):
        if since < until:
            columns = "in_octets, out_octets, covered_s, 1, in_bps, out_bps"
            parts.append(f"SELECT {rollup.key}, {columns} {_from_samples(rollup)}")
            values += [since, until]
    return " UNION ALL ".join(parts), values


def _delete_day(rollup: Rollup, day: date) -> None:
    rollup.daily._default_manager.filter(day=day).delete()


def _from_samples(rollup: Rollup) -> str:
    """The 5-minute rows with a rate, from one instant to another (two values)."""
    table = rollup.samples._meta.db_table
    return f'FROM "{table}" WHERE bucket >= %s AND bucket < %s AND in_bps IS NOT NULL'


def _execute(sql: str, values: Sequence[date]) -> None:
    ops = connection.ops
    adapted = [
        ops.adapt_datetimefield_value(value)
        if isinstance(value, datetime)
        else ops.adapt_datefield_value(value)
        for value in values
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql, adapted)


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
