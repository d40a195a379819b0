"""What is older than it is kept goes, on each vendor; what is there is told as it is."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from ispcore.base import checks, clock
from ispcore.base.tasks import tidy_series
from ispcore.base.timeseries import retention
from resellers.models import Usage, UsageDaily, UsageHourly
from resellers.operations import usage
from routers.models import InterfaceUsage

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
Clock = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def noon(db: None, frozen_clock: Clock) -> Clock:
    frozen_clock(NOON)
    return frozen_clock


def row(at: datetime) -> tuple[Any, ...]:
    return (1, at, 300, 300, 8, 8, 300, 0, "snmp")


def kept() -> list[datetime]:
    return list(Usage.objects.order_by("bucket").values_list("bucket", flat=True))


def test_rows_go_with_the_end_of_their_day_and_sums_stay(noon: Clock) -> None:
    usage.insert([row(NOON), row(NOON + timedelta(hours=11, minutes=55)), row(NOON + DAY)])
    usage.roll_up()
    noon(NOON + 400 * DAY + timedelta(hours=11, minutes=59))
    tidy_series()
    assert len(kept()) == 3
    noon(NOON + 401 * DAY)
    tidy_series()
    assert kept() == [NOON + DAY]
    assert UsageHourly.objects.count() == 3
    noon(NOON + 1_110 * DAY)
    tidy_series()
    assert not UsageHourly.objects.exists()
    assert UsageDaily.objects.count() == 2


def test_days_of_rows_are_deleted_in_bites_of_an_hour() -> None:
    usage.insert([row(NOON - n * timedelta(hours=6)) for n in range(12)])
    with override_settings(USAGE_KEEP_DAYS=70):
        deleted = retention.delete_in_bites("usage_5m", "bucket", NOON - DAY)
    assert deleted == 7
    assert kept()[0] == NOON - DAY


def test_nothing_goes_before_its_time() -> None:
    usage.insert([row(NOON - 399 * DAY), row(NOON)])
    tidy_series()
    assert len(kept()) == 2
    assert retention.oldest(Usage) == NOON - 399 * DAY


@override_settings(TIME_ZONE="Asia/Dhaka")
def test_the_oldest_row_is_the_one_that_is_there() -> None:
    assert retention.oldest(Usage) is retention.oldest(UsageDaily) is None
    usage.insert([row(NOON - 5 * DAY), row(NOON)])
    usage.roll_up()
    assert retention.oldest(UsageHourly) == NOON - 5 * DAY
    assert retention.oldest(UsageDaily) == clock.day_start(date(2026, 2, 25))
    Usage.objects.filter(bucket=NOON - 5 * DAY).delete()
    assert retention.oldest(Usage) == NOON
    held = retention.holding(UsageDaily)
    assert (held.oldest, held.newest, held.keep_days) == (date(2026, 2, 25), date(2026, 3, 2), None)


def test_the_command_tells_every_series_and_can_tidy() -> None:
    usage.insert([row(NOON - 500 * DAY), row(NOON)])
    out = StringIO()
    call_command("series", "--tidy", stdout=out)
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines[2:]] == [
        "interface_usage_5m",
        "usage_5m",
        "usage_daily",
        "usage_hourly",
    ]
    assert "2026-03-02 12:00  2026-03-02 12:00  400 d" in lines[3]
    assert kept() == [NOON]


def test_a_database_without_partitions_is_not_warned_of() -> None:
    if connection.vendor == "postgresql":
        pytest.skip("there they are checked: test_partitions.py")
    assert checks.series_have_partitions(None, databases=["default"]) == []
    assert not InterfaceUsage.objects.exists()
