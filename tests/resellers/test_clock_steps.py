"""Our clock is set forward and back, and the ISP's days have 23, 24 and 25 hours.

Rates come from the router's uptime, octets are counted once, buckets and days stay those of the
zone, whatever the clock of our own host says.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db.models import Sum
from django.test import override_settings

from ispcore.base import clock
from ispcore.base.timeseries.quality import Quality
from ispcore.protocols.interfaces import CounterReading, CounterRow
from resellers import usage_queries
from resellers.models import Mapping, Reseller, Usage, UsageDaily, UsageHourly
from resellers.operations import usage
from resellers.pages import chart
from routers.models import Router
from routers.operations import plan, poll_records
from routers.operations.reading import Attempt
from routers.operations.storing import store_records
from routers.queries import current_rates
from tests.counter_states import states
from tests.resellers.conftest import NOON, Clock, five, mapped, sample, store

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
OCTETS_A_MINUTE, BPS = 750_000, 100_000
ZONES = ["Asia/Dhaka", "Africa/Cairo", "Asia/Kolkata"]


@dataclass
class Polls:
    """A router with one mapped line that carries 100 kbit/s, asked every minute by our clock."""

    router: Router
    mapping: Mapping
    at: datetime = NOON - timedelta(hours=6)  # the true time
    off: timedelta = field(default_factory=timedelta)  # how wrong our clock is
    octets: int = 10**9

    def go_on(self, minutes: int) -> None:
        for _ in range(minutes):
            self.at += MINUTE
            self.octets += OCTETS_A_MINUTE
            self.poll()

    def poll(self) -> None:
        now = (self.at + self.off).timestamp()
        ticks = round((self.at - NOON + timedelta(days=40)).total_seconds() * 100)
        row = CounterRow(
            self.mapping.interface.name, self.octets, 2 * self.octets, 64, "up", None, ticks, now
        )
        reading = CounterReading(ticks, 1, now, 9.0, (row,), renumbered=False)
        attempt = Attempt(plan.load([self.router.pk])[0], reading, "snmp", snmp_asked=True)
        with clock.frozen(self.at + self.off):
            store_records([poll_records.of(attempt, at_s=now)])

    @property
    def counted(self) -> int:
        """Octets in buckets, finished and open."""
        rows = Usage.objects.filter(mapping=self.mapping)
        stored = rows.aggregate(sum=Sum("in_octets"))["sum"] or 0
        return int(stored) + states()[self.mapping.interface_id].bucket_in_octets


@pytest.fixture
def polls(dhaka: Reseller, router: Router) -> Polls:
    made = Polls(router, mapped(dhaka, router, "vlan-312"))
    made.poll()
    return made


@pytest.mark.one_database
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_a_clock_that_is_wrong_for_an_hour_changes_no_rate_and_loses_no_octet(
    polls: Polls, step: timedelta, zone: str
) -> None:
    began = polls.octets
    with override_settings(TIME_ZONE=zone):
        polls.go_on(72)
        polls.off = step
        polls.go_on(71)
        polls.off = timedelta()
        polls.go_on(90)
        usage.roll_up()
        assert polls.counted == polls.octets - began
        rows = list(Usage.objects.order_by("bucket"))
        assert {row.in_bps for row in rows} <= {BPS - 1, BPS, BPS + 1}
        assert {row.out_bps for row in rows} <= {2 * BPS - 1, 2 * BPS, 2 * BPS + 1}
        stepped = [row for row in rows if row.quality & Quality.CLOCK_STEPPED]
        assert 1 <= len(stepped) <= 2
        _rolled_up_as_stored(rows)


def _rolled_up_as_stored(rows: list[Usage]) -> None:
    by_hour = {row.hour: row.in_octets for row in UsageHourly.objects.all()}
    by_day = {row.day: row.in_octets for row in UsageDaily.objects.all()}
    hours: dict[datetime, int] = {}
    days: dict[date, int] = {}
    for row in rows:
        hour = row.bucket.replace(minute=0)
        hours[hour] = hours.get(hour, 0) + (row.in_octets or 0)
        day = clock.isp_date(row.bucket)
        days[day] = days.get(day, 0) + (row.in_octets or 0)
    assert (by_hour, by_day) == (hours, days)


def test_buckets_that_a_clock_skipped_are_missing_and_not_made_up(
    polls: Polls, dhaka: Reseller
) -> None:
    polls.go_on(60)
    polls.off = HOUR
    start, end = polls.at - HOUR, polls.at + 2 * HOUR
    polls.go_on(62)
    with clock.frozen(polls.at + polls.off + timedelta(minutes=10)):
        found = usage_queries.percentile(dhaka, start, end)
    assert (found.expected, found.missing) == (36, 12)
    assert found.down_bps == 2 * BPS


def test_a_rate_of_before_the_clock_was_set_back_is_not_current(polls: Polls) -> None:
    """It would count as current for an hour, though the router may be dead by then."""
    polls.go_on(10)
    with clock.frozen(polls.at):
        assert set(current_rates([polls.router.pk])) == {polls.mapping.interface_id}
    with clock.frozen(polls.at - HOUR):
        assert current_rates([polls.router.pk]) == {}
    polls.off = -HOUR
    polls.go_on(1)
    with clock.frozen(polls.at - HOUR):
        assert current_rates([polls.router.pk])[polls.mapping.interface_id].in_bps == BPS


# ---- days and months of the zone

DAYS = [
    # Egypt's clocks go forward at the start of the last Friday of April: 23 hours
    ("Africa/Cairo", date(2026, 4, 24), 276, 30 * 288 - 12),
    # and back at the end of the last Thursday of October: 25 hours
    ("Africa/Cairo", date(2026, 10, 29), 300, 31 * 288 + 12),
    ("Asia/Dhaka", date(2026, 4, 24), 288, 30 * 288),
    ("Asia/Kolkata", date(2026, 10, 29), 288, 31 * 288),  # half an hour off the hours of UTC
]


@pytest.mark.parametrize(("zone", "day", "of_day", "of_month"), DAYS)
def test_a_day_and_a_month_expect_the_samples_they_have(
    dhaka: Reseller, router: Router, noon: Clock, zone: str, day: date, of_day: int, of_month: int
) -> None:
    noon(datetime(2027, 1, 1, tzinfo=UTC))
    with override_settings(TIME_ZONE=zone):
        month, after = clock.month_start(day), clock.day_start(clock.next_month(day))
        line = mapped(dhaka, router, "vlan-312", started_at=month - timedelta(days=2))
        slots = (after - month) // timedelta(minutes=5)
        assert slots == of_month
        # a day more at each end, twice as fast: none of it is this month's
        store(
            [
                sample(line, month + five(slot), 100, 1_000 if 0 <= slot < slots else 2_000)
                for slot in range(-288, slots + 288)
            ]
        )
        usage.roll_up()
        found = usage_queries.percentile(dhaka, month, after)
        assert (found.received, found.expected, found.down_bps) == (of_month, of_month, 1_000)
        assert usage_queries.percentiles(month, after)[dhaka.pk] == found
        start, end = clock.day_start(day), clock.day_start(day + timedelta(days=1))
        of_one = usage_queries.percentile(dhaka, start, end)
        assert (of_one.received, of_one.expected) == (of_day, of_day)
        rolled = UsageDaily.objects.get(mapping=line, day=day)
        assert (rolled.samples, rolled.covered_s) == (of_day, of_day * 300)
        days = UsageDaily.objects.filter(day__gte=day.replace(day=1), day__lt=clock.next_month(day))
        assert sum(row.samples for row in days) == of_month
        _the_month_is_drawn_whole(dhaka, day, of_month)


def _the_month_is_drawn_whole(dhaka: Reseller, day: date, of_month: int) -> None:
    """The chart of a month, as its address names it, and octets as `top` adds them up."""
    span = chart.span_of(f"{day:%Y-%m}")
    drawn = usage_queries.series(dhaka, span.start, span.end)
    assert drawn.gaps == []
    assert {point.down_bps for point in drawn.points} == {1_000}
    assert len(drawn.points) == -(-of_month // (drawn.step_s // 300))
    (first,) = usage_queries.top(1, span.start, span.end)
    assert first.down_octets == of_month * 1_000 * 300 // 8


@pytest.mark.parametrize(("zone", "day", "of_day", "of_month"), DAYS[:2])
def test_completeness_of_a_day_that_is_not_24_hours_long(
    dhaka: Reseller, router: Router, noon: Clock, zone: str, day: date, of_day: int, of_month: int
) -> None:
    noon(datetime(2027, 1, 1, tzinfo=UTC))
    with override_settings(TIME_ZONE=zone):
        start, end = clock.day_start(day), clock.day_start(day + timedelta(days=1))
        line = mapped(dhaka, router, "vlan-312", started_at=start - timedelta(days=1))
        store([sample(line, start + five(slot), 8, 8) for slot in range(of_day // 4, of_day)])
        found = usage_queries.percentile(dhaka, start, end)
    assert (found.expected, found.missing) == (of_day, of_day // 4)
    assert found.completeness_percent == 75


def test_the_peak_of_the_hour_that_comes_twice_is_that_days(
    dhaka: Reseller, router: Router, noon: Clock
) -> None:
    """23:30 of 29 October comes twice in Cairo; both are that day's."""
    with override_settings(TIME_ZONE="Africa/Cairo"):
        day = date(2026, 10, 29)
        end = clock.day_start(day + timedelta(days=1))
        noon(end + timedelta(hours=12))
        line = mapped(dhaka, router, "vlan-312", started_at=end - timedelta(days=3))
        again = [end - timedelta(minutes=90), end - timedelta(minutes=30)]
        store([sample(line, at, 1, 500 + n) for n, at in enumerate(again)])
        store([sample(line, end, 1, 400)])
        peaks = dict(usage_queries.daily_peaks(dhaka, days=3))
        first, second = (f"{at.astimezone(clock.isp_zone()):%H:%M}" for at in again)
    assert first == second == "23:30"
    assert peaks[day] is not None
    assert (peaks[day].down_bps, peaks[day].at) == (501, again[1])  # type: ignore[union-attr]
    assert peaks[day + timedelta(days=1)].down_bps == 400  # type: ignore[union-attr]
