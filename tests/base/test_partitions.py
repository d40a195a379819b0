"""Series on PostgreSQL: partitions made ahead, rows astray, whole days dropped."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import override_settings

from ispcore.base import checks
from ispcore.base.tasks import tidy_series
from ispcore.base.timeseries import partitions, retention, store, timescale
from resellers.models import Usage, UsageDaily, UsageHourly
from routers.models import InterfaceUsage
from routers.operations.storing import USAGE_COLUMNS
from tests.harness import environment

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SERIES = InterfaceUsage.series
Clock = Callable[[datetime], None]

pytestmark = [
    pytest.mark.skipif(environment.VENDOR != "postgresql", reason="partitions are PostgreSQL's"),
    pytest.mark.usefixtures("noon"),
]


@pytest.fixture
def noon(db: None, frozen_clock: Clock) -> Clock:
    """It is noon, and there are partitions from yesterday on; those of the real now are gone."""
    _drop_all()
    frozen_clock(NOON)
    return frozen_clock


def _drop_all() -> None:
    with connection.cursor() as cursor:
        for model in partitions.all_series():
            for each in partitions.partitions(partitions.series_of(model)):
                if each.start is not None:
                    cursor.execute(f'DROP TABLE "{each.table}"')


def rows_at(*instants: datetime, key: int = 1) -> list[tuple[Any, ...]]:
    return [(key, at, 1, 1, 1, 1, 300, 0, "snmp") for at in instants]


def insert(*instants: datetime, key: int = 1) -> None:
    with transaction.atomic():
        store.insert(InterfaceUsage, USAGE_COLUMNS, rows_at(*instants, key=key))


def where() -> dict[str, int]:
    """How many rows of interfaces lie in which partition."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text, count(*) FROM interface_usage_5m GROUP BY 1"
        )
        return dict(cursor.fetchall())


def names() -> list[str]:
    return [each.table for each in partitions.partitions(SERIES)]


# ---- ahead of time


def test_a_migrated_database_has_partitions_for_the_days_ahead(fresh_databases: Any) -> None:
    """What a first start finds: rows of now have a place before any job ran."""
    code = (
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "from ispcore.base.timeseries import partitions as p\n"
        "call_command('migrate', verbosity=0)\n"
        "print(*(p.ahead(p.series_of(m)) for m in p.all_series()), sep='|')"
    )
    ahead = environment_python(code, fresh_databases)
    found = dict(zip([m._meta.db_table for m in partitions.all_series()], ahead, strict=True))
    assert found["usage_daily"] == "None"
    for table in ("interface_usage_5m", "usage_5m", "usage_hourly"):
        assert int(found[table].split(" days")[0]) >= partitions.AHEAD.days


def environment_python(code: str, databases: dict[str, str]) -> list[str]:
    import os
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **databases, "DJANGO_SETTINGS_MODULE": "ispcore.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip().splitlines()[-1].split("|")


def test_the_job_makes_what_is_missing_and_nothing_twice() -> None:
    assert partitions.ahead(SERIES) == timedelta()
    partitions.make_ahead()
    assert names()[0] == "interface_usage_5m_20260301"
    assert partitions.ahead(SERIES) == timedelta(days=14, hours=12)
    assert partitions.make_ahead() == []


def test_a_job_that_did_not_run_for_days_harms_nothing(noon: Clock) -> None:
    partitions.make_ahead()
    noon(NOON + 13 * DAY)
    insert(NOON + 13 * DAY)
    assert where() == {"interface_usage_5m_20260315": 1}
    partitions.make_ahead()
    assert partitions.ahead(SERIES) == timedelta(days=14, hours=12)


def test_weeks_of_hours_begin_where_days_do() -> None:
    partitions.ensure(UsageHourly.series, NOON, NOON + 8 * DAY)
    found = partitions.partitions(UsageHourly.series)[:-1]
    assert [each.end - each.start for each in found if each.end and each.start] == [7 * DAY] * 2
    assert (found[0].start or NOON + DAY) <= NOON < (found[0].end or NOON)


def test_each_partition_has_the_keys_and_indexes_of_the_table() -> None:
    (name,) = partitions.ensure(Usage.series, NOON, NOON)
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = %s", [name])
        found = " ".join(sorted(row[0] for row in cursor.fetchall()))
    assert "UNIQUE" in found
    assert "(mapping_id, bucket) INCLUDE (in_bps, out_bps, covered_s, quality)" in found
    assert "USING btree (bucket)" in found


# ---- rows astray


@pytest.mark.parametrize("off", [-400 * DAY, -2 * DAY, 40 * DAY, 366 * DAY])
def test_a_row_without_a_partition_undoes_nothing(off: timedelta) -> None:
    partitions.make_ahead()
    insert(NOON, NOON + off)
    assert where() == {"interface_usage_5m_20260302": 1, "interface_usage_5m_rest": 1}


def test_a_row_astray_is_still_there_only_once() -> None:
    insert(NOON)
    with transaction.atomic():
        again = store.insert(InterfaceUsage, USAGE_COLUMNS, rows_at(NOON, NOON + DAY))
    assert [row[1] for row in again] == [NOON + DAY]
    tidy_series()
    insert(NOON, NOON + DAY)
    assert where() == {"interface_usage_5m_20260302": 1, "interface_usage_5m_20260303": 1}


def test_the_job_gives_rows_astray_a_partition_of_their_own() -> None:
    insert(NOON - 3 * DAY, NOON - 3 * DAY + timedelta(hours=11, minutes=55), NOON)
    tidy_series()
    assert where() == {"interface_usage_5m_20260227": 2, "interface_usage_5m_20260302": 1}


def test_rows_of_a_wrong_clock_wait_until_their_day_is_near(noon: Clock) -> None:
    far = NOON + 366 * DAY
    insert(far)
    tidy_series()
    assert where() == {"interface_usage_5m_rest": 1}
    noon(far - 10 * DAY)
    tidy_series()
    assert where() == {"interface_usage_5m_20270303": 1}


def test_rows_astray_that_are_too_old_are_deleted() -> None:
    insert(NOON - 9 * DAY, NOON - 30 * DAY, datetime(1970, 1, 1, tzinfo=UTC))
    tidy_series()
    assert where() == {}


# ---- retention


def test_whole_days_are_dropped_when_all_of_them_is_old(noon: Clock) -> None:
    partitions.make_ahead()
    insert(NOON, NOON + timedelta(hours=11, minutes=55), NOON + DAY)
    noon(NOON + 7 * DAY + timedelta(hours=11, minutes=59))
    assert retention.forget(InterfaceUsage) == 1  # the empty one of the day before
    assert retention.oldest(InterfaceUsage) == NOON
    noon(NOON + 8 * DAY)
    assert retention.forget(InterfaceUsage) == 1
    assert "interface_usage_5m_20260302" not in names()
    assert retention.oldest(InterfaceUsage) == NOON + DAY


@override_settings(USAGE_KEEP_DAYS=100)
def test_the_setting_decides_how_long_rows_are_kept() -> None:
    partitions.ensure(Usage.series, NOON - 102 * DAY, NOON - 99 * DAY)
    assert retention.forget(Usage) == 2
    assert retention.cutoff(Usage.series) == datetime(2025, 11, 22, tzinfo=UTC)
    assert retention.cutoff(UsageDaily.series) is None


# ---- told


def test_the_check_says_when_partitions_run_short(noon: Clock) -> None:
    def said() -> list[str]:
        found = checks.series_have_partitions(None, databases=["default"])
        return [f"{each.id} {each.msg}" for each in found]

    tidy_series()
    assert said() == []
    noon(NOON + 9 * DAY)
    assert "base.W001 interface_usage_5m: partitions are there for 5 more days only" in said()
    insert(NOON + 365 * DAY)
    assert any(
        each.startswith("base.W002 interface_usage_5m: rows of 2027-03-02") for each in said()
    )
    assert checks.series_have_partitions(None, databases=["radius"]) == []


def test_the_command_shows_what_is_really_there() -> None:
    tidy_series()
    insert(NOON, NOON + 366 * DAY)
    out = StringIO()
    call_command("series", stdout=out)
    line = next(line for line in out.getvalue().splitlines() if "interface_usage" in line)
    assert "2026-03-02 12:00  2027-03-03 12:00  7 d" in line
    assert "14 d   1  " in line


# ---- beside others at work


@contextmanager
def a_neighbour(sql: str, *values: Any) -> Iterator[None]:
    """Another connection that has done `sql` in a transaction that stays open meanwhile."""
    ready, done = threading.Event(), threading.Event()

    def work() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, values)
            ready.set()
            done.wait(20)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(20)
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.fixture
def committed(transactional_db: None, frozen_clock: Clock) -> Iterator[Clock]:
    _drop_all()
    frozen_clock(NOON)
    partitions.make_ahead()
    yield frozen_clock
    _drop_all()
    partitions.make_ahead()
    connections.close_all()


WRITE = (
    "INSERT INTO interface_usage_5m (interface_id, bucket, covered_s, quality, source) "
    "VALUES (1, %s, 0, 0, 'snmp')"
)


def test_partitions_are_made_while_somebody_writes(committed: Clock) -> None:
    with a_neighbour(WRITE, NOON):
        assert partitions.ensure(SERIES, NOON + 20 * DAY, NOON + 20 * DAY)


def test_a_partition_in_use_is_dropped_at_the_next_call(committed: Clock) -> None:
    insert(NOON)
    committed(NOON + 9 * DAY)
    with a_neighbour("SELECT * FROM interface_usage_5m WHERE bucket = %s", NOON):
        began = datetime.now(UTC)
        assert retention.forget(InterfaceUsage) < 3
        assert datetime.now(UTC) - began < timedelta(seconds=15)
    assert retention.forget(InterfaceUsage) >= 1
    assert where() == {}


def test_two_processes_make_the_same_partition_once(committed: Clock) -> None:
    made: list[str] = []
    start = threading.Barrier(2)

    def work() -> None:
        start.wait()
        made.extend(partitions.ensure(SERIES, NOON + 30 * DAY, NOON + 33 * DAY))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [f"interface_usage_5m_2026040{n}" for n in range(1, 5)]


# ---- TimescaleDB


def test_without_the_extension_it_is_not_chosen() -> None:
    assert not timescale.is_installed()
    assert not timescale.is_hypertable(SERIES)
    assert partitions.is_partitioned(SERIES)


def test_the_extension_is_told_chunks_compression_and_retention() -> None:
    assert timescale.create_sql(SERIES, "interface_id") == [
        "SELECT create_hypertable('interface_usage_5m', by_range('bucket', INTERVAL '1 days'))",
        'ALTER TABLE "interface_usage_5m" SET (timescaledb.compress, '
        "timescaledb.compress_segmentby = 'interface_id', "
        "timescaledb.compress_orderby = 'bucket')",
        "SELECT add_compression_policy('interface_usage_5m', "
        "compress_after => INTERVAL '7 days', if_not_exists => true)",
    ]
    assert timescale.retention_sql(SERIES) == [
        "SELECT remove_retention_policy('interface_usage_5m', if_exists => true)",
        "SELECT add_retention_policy('interface_usage_5m', drop_after => INTERVAL '7 days')",
    ]
