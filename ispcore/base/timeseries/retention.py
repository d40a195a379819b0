"""Forgetting what is older than it is kept, and saying what is there.

On PostgreSQL whole partitions are dropped, one per transaction, and not waited for: a partition
that somebody reads goes at the next call. Elsewhere, and in the last resort, rows are deleted an
hour of them at a time, so that nobody waits long for the lock.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile

from django.conf import settings
from django.db import DatabaseError, connection, models, transaction
from django.db.models import Max, Min

from ispcore.base import clock
from ispcore.base.rls import identity
from ispcore.base.timeseries import partitions, timescale
from ispcore.base.timeseries.models import Series

BITE = timedelta(hours=1)
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Holding:
    """What a series holds now. `rows` is an estimate on PostgreSQL; `size_octets` with indexes.

    `ahead` is for how long partitions are there already, `astray` how many rows lie in none.
    """

    table: str
    rows: int
    oldest: datetime | date | None
    newest: datetime | date | None
    keep_days: int | None
    partitions: int
    ahead: timedelta | None
    astray: int
    size_octets: int | None


def cutoff(series: Series) -> datetime | None:
    """Rows from before this are not kept: a boundary between partitions; None: for ever."""
    if not series.keep:
        return None
    return partitions.slot(series, clock.now() - timedelta(days=getattr(settings, series.keep)))


def tidy() -> str:
    """Partitions ahead, places of their own for rows astray, old rows forgotten, of all series."""
    made, forgotten = partitions.make_ahead(), 0
    for model in partitions.all_series():
        series = partitions.series_of(model)
        made += partitions.drain(series, cutoff(series))
        forgotten += forget(model)
    return f"{len(made)} partitions made, {forgotten} partitions and rows forgotten"


def forget(model: type[models.Model]) -> int:
    """Drop or delete what is not kept any more; returns how many partitions and rows it was."""
    series = partitions.series_of(model)
    before = cutoff(series)
    if before is None:
        return 0
    if timescale.is_hypertable(series):
        with identity.as_owner(), connection.cursor() as cursor:
            for sql in timescale.retention_sql(series):
                cursor.execute(sql)
        return 0
    if not partitions.is_partitioned(series):
        return delete_in_bites(series.table, series.time, before)
    there = partitions.partitions(series)
    old = [p for p in there if p.end is not None and p.end <= before]
    dropped = sum(takewhile(bool, (_drop(series, partition) for partition in old)))
    return dropped + delete_in_bites(partitions.last_resort(series), series.time, before)


def delete_in_bites(table: str, column: str, before: datetime) -> int:
    """Delete rows from before that, oldest first, an hour of them at a time; returns how many."""
    deleted = 0
    while (oldest := _oldest(table, column)) is not None and oldest < before:
        until = connection.ops.adapt_datetimefield_value(min(oldest + BITE, before))
        with connection.cursor() as cursor:
            cursor.execute(f'DELETE FROM "{table}" WHERE "{column}" < %s', [until])  # noqa: S608
            deleted += cursor.rowcount
    return deleted


def oldest(model: type[models.Model]) -> datetime | None:
    """The time of the oldest row that is actually there; of a day, its start in the ISP's zone."""
    series = partitions.series_of(model)
    found = model._default_manager.aggregate(at=Min(series.time))["at"]
    return found if isinstance(found, datetime) or found is None else clock.day_start(found)


def holding(model: type[models.Model]) -> Holding:
    """What the series holds, for people; counts every row where the database has no estimate."""
    series = partitions.series_of(model)
    ends = model._default_manager.aggregate(oldest=Min(series.time), newest=Max(series.time))
    partitioned = partitions.is_partitioned(series)
    there = partitions.partitions(series) if partitioned else []
    rows, size_octets = _size(model, [p.table for p in there] or [series.table])
    return Holding(
        table=series.table,
        rows=rows,
        oldest=ends["oldest"],
        newest=ends["newest"],
        keep_days=getattr(settings, series.keep) if series.keep else None,
        partitions=len(there),
        ahead=partitions.ahead(series),
        astray=_count(partitions.last_resort(series)) if partitioned else 0,
        size_octets=size_octets,
    )


def _drop(series: Series, partition: partitions.Partition) -> int:
    """DROP locks the whole table for a moment. Where it cannot within LOCK_TIMEOUT it is given up,
    and the others with it, for those who write wait behind it."""
    try:
        with identity.as_owner(), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{partitions.LOCK_TIMEOUT}'")
            cursor.execute(f'DROP TABLE "{partition.table}"')
    except DatabaseError as error:
        logger.warning("%s: %s is not dropped yet: %s", series.table, partition.table, error)
        return 0
    logger.info("%s: %s dropped, it was kept long enough", series.table, partition.table)
    return 1


def _oldest(table: str, column: str) -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT min("{column}") FROM "{table}"')  # noqa: S608
        return _instant(cursor.fetchone()[0])


def _instant(value: datetime | str | None) -> datetime | None:
    """SQLite has texts, in UTC."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _size(model: type[models.Model], tables: list[str]) -> tuple[int, int | None]:
    if connection.vendor != "postgresql":
        return model._default_manager.count(), None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(greatest(reltuples, 0))::bigint, sum(pg_total_relation_size(oid))::bigint "
            "FROM pg_class WHERE oid = ANY (SELECT to_regclass(t) FROM unnest(%s::text[]) AS t)",
            [tables],
        )
        rows, size_octets = cursor.fetchone()
    return rows, size_octets


def _count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT count(*) FROM "{table}"')  # noqa: S608
        return int(cursor.fetchone()[0])
