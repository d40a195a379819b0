"""Partitions of the series on PostgreSQL: made ahead of time, and found again by their bounds.

A partition holds whole days (UTC). Days, because each new sample is put into the index beside the
last one of its own line: the index of one day stays in memory, that of a year does not; and
because retention can then drop a day as a whole. A row that no partition is there for (late, or
from a clock that was wrong) lands in the table's last resort, the DEFAULT partition, so that it
undoes nobody's collection; `drain` gives it a partition of its own as soon as one may be made.
Elsewhere than on PostgreSQL a series is one table, and all of this does nothing.
"""

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.apps import apps
from django.db import DatabaseError, connection, models, transaction

from ispcore.base import clock
from ispcore.base.rls import identity, upkeep
from ispcore.base.timeseries.models import Series

AHEAD = timedelta(days=14)  # a job that makes them may be down for days
LOCK_TIMEOUT = "2s"  # no collection waits longer for us; what failed is tried again in an hour
# rows are never changed: without this PostgreSQL would not vacuum, and then freeze all at once
STORAGE = "autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_scale_factor = 0.05"
_BOUNDS = re.compile(r"FROM \('([^']+)'\) TO \('([^']+)'\)")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: rows from `start` until before `end`; the last resort has neither."""

    table: str
    start: datetime | None
    end: datetime | None


def all_series() -> list[type[models.Model]]:
    """Every model that is a series, by the name of its table."""
    found = [m for m in apps.get_models() if isinstance(getattr(m, "series", None), Series)]
    return sorted(found, key=lambda model: model._meta.db_table)


def series_of(model: type[models.Model]) -> Series:
    series: Series = model.series  # type: ignore[attr-defined]
    return series


def is_partitioned(series: Series) -> bool:
    """False for a plain table: on SQLite, and where TimescaleDB does it instead."""
    if connection.vendor != "postgresql" or not series.partition_days:
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_class WHERE oid = to_regclass(%s) AND relkind = 'p'", [series.table]
        )
        return cursor.fetchone() is not None


def partitions(series: Series) -> list[Partition]:
    """What the table consists of, oldest first; the last resort comes last."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i "
            "JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = %s::regclass",
            [series.table],
        )
        found = [_partition(name, bounds) for name, bounds in cursor.fetchall()]
    return sorted(found, key=lambda each: each.start or datetime.max.replace(tzinfo=UTC))


def slot(series: Series, at: datetime) -> datetime:
    """The start of the partition that `at` belongs in."""
    width = timedelta(days=series.partition_days or 1)
    return EPOCH + (at - EPOCH) // width * width


def ensure(series: Series, since: datetime, until: datetime) -> list[str]:
    """Make what is missing from the partition of `since` to that of `until`; returns their names.

    One transaction each. ATTACH takes a lock that stops neither readers nor writers of the
    table; only the last resort is locked, from which the new partition takes its rows. Raises
    DatabaseError where a lock is held for longer than LOCK_TIMEOUT.
    """
    return [name for start in _missing(series, since, until) if (name := _make(series, start))]


def make_ahead() -> list[str]:
    """Partitions for all series from yesterday to AHEAD of now; returns the new ones' names.

    One that cannot be made now (a lock is held for long) is logged and tried at the next call.
    """
    now, made = clock.now(), []
    for series in map(series_of, all_series()):
        for start in _missing(series, now - timedelta(days=1), now + AHEAD):
            try:
                made.append(_make(series, start))
            except DatabaseError as error:
                logger.warning("%s: no partition for %s yet: %s", series.table, start.date(), error)
    return list(filter(None, made))


def ahead(series: Series) -> timedelta | None:
    """For how long from now there are partitions without a hole; None where there are none."""
    if not is_partitioned(series):
        return None
    now = clock.now()
    starts = {partition.start for partition in partitions(series)}
    end = slot(series, now)
    while end in starts:
        end += timedelta(days=series.partition_days)
    return max(end - now, timedelta())


def waiting(series: Series) -> list[datetime]:
    """The slots of rows that lie in the last resort, oldest first."""
    sql = (
        f'SELECT DISTINCT floor(extract(epoch FROM "{series.time}") / %s) '  # noqa: S608
        f'FROM "{last_resort(series)}" ORDER BY 1'
    )
    width_s = series.partition_days * 86_400
    with connection.cursor() as cursor:
        cursor.execute(sql, [width_s])
        return [EPOCH + timedelta(seconds=int(n) * width_s) for (n,) in cursor.fetchall()]


def drain(series: Series, oldest: datetime | None) -> list[str]:
    """Give rows of the last resort partitions of their own, if not older than `oldest`.

    Those from further ahead than partitions are made wait there: the clock that wrote them is
    wrong, and a partition for each date it may have told would never be dropped.
    """
    if not is_partitioned(series):
        return []
    until = clock.now() + AHEAD
    made = []
    for start in waiting(series):
        if (oldest is None or oldest <= start) and start <= until:
            made += ensure(series, start, start)
    return made


def last_resort(series: Series) -> str:
    return f"{series.table}_rest"


def create_sql(series: Series) -> list[str]:
    """Statements that complete a table made with PARTITION BY: its last resort."""
    return [
        f'CREATE TABLE "{last_resort(series)}" PARTITION OF "{series.table}" DEFAULT '
        f"WITH ({STORAGE})"
    ]


def _make(series: Series, start: datetime) -> str:
    """One partition, with the rows of its days that lie in the last resort."""
    end = start + timedelta(days=series.partition_days)
    name, rest, column = f"{series.table}_{start:%Y%m%d}", last_resort(series), series.time
    bounds = [start.isoformat(), end.isoformat()]
    with identity.as_owner(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"partitions {series.table}"])
        if start in {partition.start for partition in partitions(series)}:
            return ""  # another process was first
        cursor.execute(f'LOCK TABLE "{rest}" IN SHARE ROW EXCLUSIVE MODE')
        cursor.execute(
            f'CREATE TABLE "{name}" (LIKE "{series.table}" INCLUDING DEFAULTS) WITH ({STORAGE})'
        )
        cursor.execute(
            f'WITH moved AS (DELETE FROM "{rest}" WHERE "{column}" >= %s AND "{column}" < %s '  # noqa: S608
            f'RETURNING *) INSERT INTO "{name}" SELECT * FROM moved',
            bounds,
        )
        cursor.execute(
            f'ALTER TABLE "{series.table}" ATTACH PARTITION "{name}" FOR VALUES FROM (%s) TO (%s)',
            bounds,
        )
        for sql in upkeep.protect_partition(series.table, name):
            cursor.execute(sql)
    return name


def _missing(series: Series, since: datetime, until: datetime) -> list[datetime]:
    if not is_partitioned(series):
        return []
    there = {partition.start for partition in partitions(series)}
    width = timedelta(days=series.partition_days)
    first = slot(series, since)
    count = (slot(series, until) - first) // width + 1
    return [start for n in range(count) if (start := first + n * width) not in there]


def _partition(name: str, bounds: str) -> Partition:
    found = _BOUNDS.search(bounds)
    if found is None:
        return Partition(name, None, None)
    start, end = (datetime.fromisoformat(text).astimezone(UTC) for text in found.groups())
    return Partition(name, start, end)
