"""Roll-ups: whole hours and the ISP's days from 5-minute rows, also of rows that come late."""

import random
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.test import override_settings

from ispcore.base import clock
from ispcore.base.models import StaleHour
from ispcore.base.timeseries import partitions, rollups
from resellers import tasks
from resellers.models import Usage, UsageDaily, UsageHourly
from resellers.operations import usage

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Clock = Callable[[datetime], None]
Totals = tuple[int, ...]


@pytest.fixture(autouse=True)
def noon(db: None, frozen_clock: Clock) -> Clock:
    frozen_clock(NOON)
    return frozen_clock


def row(at: datetime, octets: int | None = 300, *, key: int = 1) -> tuple[Any, ...]:
    rate = None if octets is None else octets * 8 // 300
    return (key, at, octets, octets and octets * 2, rate, rate, 300 if rate else 0, 0, "snmp")


def slot(number: int, start: datetime = NOON) -> datetime:
    return start + timedelta(minutes=5 * number)


def from_rows(cut: Callable[[datetime], Any]) -> dict[tuple[int, Any], Totals]:
    """What the roll-ups should be, computed apart from usage_5m alone."""
    sums: dict[tuple[int, Any], list[int]] = defaultdict(lambda: [0] * 6)
    for each in Usage.objects.exclude(in_bps=None):
        into = sums[each.mapping_id, cut(each.bucket)]
        more = (each.in_octets or 0, each.out_octets or 0, each.covered_s, 1)
        into[:4] = [have + new for have, new in zip(into[:4], more, strict=True)]
        into[4:] = [max(into[4], each.in_bps or 0), max(into[5], each.out_bps or 0)]
    return {key: tuple(values) for key, values in sums.items()}


def stored(model: Any, name: str) -> dict[tuple[int, Any], Totals]:
    rows = model.objects.values_list("mapping_id", name, *rollups.COLUMNS)
    return {(key, at): tuple(values) for key, at, *values in rows}


def hour_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0)


def in_step() -> bool:
    assert stored(UsageHourly, "hour") == from_rows(hour_of)
    assert stored(UsageDaily, "day") == from_rows(clock.isp_date)
    return True


# ---- always the sums of the rows


@pytest.mark.parametrize("zone", ["UTC", "Asia/Dhaka", "Asia/Kolkata", "Asia/Kathmandu"])
@pytest.mark.parametrize("seed", [1, 2])
def test_rollups_are_the_sums_of_the_rows_whenever_they_are_looked_at(zone: str, seed: int) -> None:
    """Rows in any order, twice, late by days, in batches; rolled up now and then."""
    chance = random.Random(seed)
    rows = [
        row(slot(n, NOON - 2 * DAY), chance.choice((None, chance.randrange(10**9))), key=key)
        for n in range(2 * 288)
        for key in (1, 2)
    ]
    late = chance.sample(rows, 200)
    on_time = [each for each in rows if each not in late]
    with override_settings(TIME_ZONE=zone):
        for batch in _batches(chance, on_time + late):
            usage.insert(batch + chance.sample(batch, len(batch) // 3))
            if chance.random() < 0.3:
                usage.roll_up()
                assert in_step()
        usage.roll_up()
        assert in_step()
    assert Usage.objects.count() == len(rows)


def _batches(chance: random.Random, rows: list[Any]) -> Iterator[list[Any]]:
    while rows:
        size = chance.randrange(1, 150)
        yield rows[:size]
        rows = rows[size:]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Asia/Dhaka", date(2026, 2, 27), 24),
        ("Asia/Kolkata", date(2026, 2, 27), 24),
        ("Africa/Cairo", date(2025, 4, 25), 23),  # Egypt's clocks go forward at midnight
        ("Africa/Cairo", date(2025, 10, 30), 25),
    ],
)
def test_a_day_is_the_isps(zone: str, day: date, hours: int) -> None:
    with override_settings(TIME_ZONE=zone):
        first = clock.day_start(day) - DAY
        usage.insert([row(slot(n, first), 300) for n in range(3 * 288)])
        usage.roll_up()
        assert UsageDaily.objects.get(day=day).samples == hours * 12
        assert in_step()


def test_a_late_row_is_summed_up_with_the_others() -> None:
    usage.insert([row(slot(n)) for n in range(11)])
    usage.roll_up()
    usage.insert([row(slot(11), 9_000)])
    assert usage.roll_up() == 1
    hour = UsageHourly.objects.get()
    assert (hour.in_octets, hour.samples, hour.in_bps_max) == (11 * 300 + 9_000, 12, 240)
    assert UsageDaily.objects.get().out_octets == 2 * hour.in_octets


def test_rows_that_were_there_already_leave_nothing_to_do() -> None:
    usage.insert([row(slot(0))])
    usage.roll_up()
    assert usage.insert([row(slot(0), 999)]) == 0
    assert not StaleHour.objects.exists()
    assert usage.roll_up() == 0


def test_rows_that_are_undone_leave_no_mark() -> None:
    with transaction.atomic():
        usage.insert([row(slot(0))])
        transaction.set_rollback(True)
    assert rollups.stale(Usage) == (0, None)


def test_an_earlier_hour_that_is_marked_meanwhile_is_summed_up_too() -> None:
    """By another collector, after the hours to do were read and before their marks were."""
    usage.insert([row(slot(12))])
    came: list[str] = []

    def meanwhile(execute: Any, sql: str, *rest: Any) -> Any:
        result = execute(sql, *rest)
        if "SELECT DISTINCT" in sql and not came:
            came.append(sql)
            usage.insert([row(slot(0))])
        return result

    with connection.execute_wrapper(meanwhile):
        usage.roll_up()
    assert came
    assert in_step()


def test_one_collection_leaves_one_mark_per_hour() -> None:
    usage.insert([row(slot(n), key=key) for n in (0, 11, 12) for key in range(1, 50)])
    assert rollups.stale(Usage) == (2, NOON)
    assert StaleHour.objects.count() == 2


def test_a_backlog_is_worked_off() -> None:
    usage.insert([row(NOON - n * HOUR) for n in range(50)])
    assert tasks.roll_up() == "50 hours rolled up"
    assert in_step()


def test_a_gap_has_no_sum() -> None:
    usage.insert([row(slot(0), None)])
    usage.roll_up()
    assert not UsageHourly.objects.exists()
    assert not UsageDaily.objects.exists()


# ---- beside retention


def test_a_row_later_than_rows_are_kept_spoils_no_sum(noon: Clock) -> None:
    usage.insert([row(slot(n)) for n in range(12)])
    usage.roll_up()
    noon(NOON + 402 * DAY)
    Usage.objects.all().delete()  # as retention does it
    usage.insert([row(slot(3), 7)])
    assert usage.roll_up() == 1
    assert UsageHourly.objects.get().samples == UsageDaily.objects.get().samples == 12
    assert rollups.stale(Usage) == (0, None)


def test_keeping_rows_for_longer_brings_no_smaller_sum(noon: Clock) -> None:
    usage.insert([row(slot(n)) for n in range(12)])
    usage.roll_up()
    noon(NOON + 402 * DAY)
    Usage.objects.all().delete()
    with override_settings(USAGE_KEEP_DAYS=1000):
        usage.insert([row(slot(12)), row(slot(3))])
        usage.roll_up()
    assert UsageHourly.objects.get(hour=NOON).samples == 12


# ---- another zone


def test_days_can_be_cut_anew_after_the_zone_was_changed() -> None:
    with override_settings(TIME_ZONE="UTC"):
        usage.insert([row(slot(n, NOON - 3 * DAY)) for n in range(3 * 288)])
        usage.roll_up()
    with override_settings(TIME_ZONE="Asia/Kolkata"):
        out = StringIO()
        call_command("recut_days", "2026-02-26", "2026-03-02", stdout=out)
        assert out.getvalue() == "5 days cut in Asia/Kolkata\n"
        assert in_step()


@pytest.mark.parametrize("given", [["yesterday"], ["2026-03-03"], ["2026-03-02", "2026-03-01"]])
def test_days_that_are_none_are_refused(given: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("recut_days", *given)


# ---- beside others at work


@pytest.fixture
def committed(transactional_db: None) -> Iterator[None]:
    yield
    connections.close_all()


def test_two_collectors_and_two_rollers_leave_nothing_out(committed: None) -> None:
    """Each stores its rows and rolls up at once, as after a collection."""
    partitions.ensure(Usage.series, NOON, NOON)
    start, failures = threading.Barrier(2), []

    def collect(key: int) -> None:
        start.wait()
        try:
            for n in range(30):
                usage.insert([row(slot(n), 300 + n, key=key)])
                usage.roll_up()
        except Exception as error:  # noqa: BLE001 - told by the test below
            failures.append(error)
        connection.close()

    threads = [threading.Thread(target=collect, args=(key,)) for key in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert rollups.stale(Usage) == (0, None)
    assert in_step()


def test_rows_that_come_in_during_a_roll_up_are_not_missed(
    committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored after the rows of the hour were read, and before the roll-up commits."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    usage.insert([row(slot(0))])
    summed = rollups._sum_day

    def meanwhile(rollup: rollups.Rollup, day: date) -> None:
        summed(rollup, day)
        if Usage.objects.count() == 1:
            writer = threading.Thread(target=_store_apart)
            writer.start()
            writer.join()

    def _store_apart() -> None:
        usage.insert([row(slot(1))])
        connection.close()

    monkeypatch.setattr(rollups, "_sum_day", meanwhile)
    assert usage.roll_up() == 2  # the hour, and the hour once more
    assert UsageHourly.objects.get().samples == 2
    assert in_step()
