"""TimescaleDB, where its extension is installed in the portal's database: the calls, and no more.

Hypertables then stand in for our partitions: the extension makes chunks, compresses those of more
than a week ago, and drops old ones. It could not be installed where this was written, so what it
does with these calls is unverified; they are those of its reference (create_hypertable with
by_range of 2.13 and newer; compression and retention policies of the Community edition).
"""

from datetime import timedelta

from django.conf import settings
from django.db import connection

from ispcore.base.timeseries.models import Series

COMPRESS_AFTER = timedelta(days=7)


def is_installed() -> bool:
    """The extension is in this database (not merely available on the server)."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'")
        return cursor.fetchone() is not None


def is_hypertable(series: Series) -> bool:
    """Chunks of this table are the extension's to make and to drop."""
    return series.table in hypertables()


def hypertables() -> set[str]:
    """The names of all tables that are."""
    if not is_installed():
        return set()
    with connection.cursor() as cursor:
        cursor.execute("SELECT hypertable_name FROM timescaledb_information.hypertables")
        return {name for (name,) in cursor.fetchall()}


def create_sql(series: Series, key: str) -> list[str]:
    """Statements that turn the plain, empty table into a hypertable; `key` names the line."""
    return [
        f"SELECT create_hypertable('{series.table}', "
        f"by_range('{series.time}', INTERVAL '{series.partition_days} days'))",
        f'ALTER TABLE "{series.table}" SET (timescaledb.compress, '
        f"timescaledb.compress_segmentby = '{key}', "
        f"timescaledb.compress_orderby = '{series.time}')",
        f"SELECT add_compression_policy('{series.table}', "
        f"compress_after => INTERVAL '{COMPRESS_AFTER.days} days', if_not_exists => true)",
    ]


def retention_sql(series: Series) -> list[str]:
    """Statements that set how long the extension keeps the table's chunks, whatever it was."""
    statements = [f"SELECT remove_retention_policy('{series.table}', if_exists => true)"]
    if series.keep:
        days = getattr(settings, series.keep)
        statements.append(
            f"SELECT add_retention_policy('{series.table}', drop_after => INTERVAL '{days} days')"
        )
    return statements
