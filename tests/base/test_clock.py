"""Where the ISP's days and months begin, also where midnight does not exist."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import override_settings

from ispcore.base import clock


@pytest.mark.parametrize(
    ("zone", "day", "starts", "hours"),
    [
        ("Asia/Dhaka", date(2026, 3, 2), datetime(2026, 3, 1, 18, 0, tzinfo=UTC), 24),
        ("Asia/Kolkata", date(2026, 3, 2), datetime(2026, 3, 1, 18, 30, tzinfo=UTC), 24),
        # Egypt's clocks go from 00:00 to 01:00 on the last Friday of April: there is no midnight
        ("Africa/Cairo", date(2026, 4, 24), datetime(2026, 4, 23, 22, 0, tzinfo=UTC), 23),
        # and back from 24:00 to 23:00 on the last Thursday of October
        ("Africa/Cairo", date(2026, 10, 29), datetime(2026, 10, 28, 21, 0, tzinfo=UTC), 25),
    ],
)
def test_a_day_starts_and_lasts_as_the_zone_says(
    zone: str, day: date, starts: datetime, hours: int
) -> None:
    with override_settings(TIME_ZONE=zone):
        assert clock.day_start(day) == starts
        length = clock.day_start(day + timedelta(days=1)) - clock.day_start(day)
        assert length == timedelta(hours=hours)
        assert clock.isp_date(starts) == day
        assert clock.isp_date(starts - timedelta(seconds=1)) == day - timedelta(days=1)


def test_months_follow_each_other() -> None:
    assert clock.next_month(date(2026, 1, 31)) == date(2026, 2, 1)
    assert clock.next_month(date(2028, 2, 29)) == date(2028, 3, 1)
    assert clock.next_month(date(2026, 12, 1)) == date(2027, 1, 1)
    with override_settings(TIME_ZONE="Asia/Dhaka"):
        assert clock.month_start(date(2026, 3, 17)) == datetime(2026, 2, 28, 18, 0, tzinfo=UTC)


def test_a_stopped_clock_goes_on_afterwards() -> None:
    before = clock.now()
    with clock.frozen(datetime(2020, 1, 1, tzinfo=UTC)):
        assert clock.now().year == 2020
        with clock.frozen(datetime(2021, 1, 1, tzinfo=UTC)):
            assert clock.now().year == 2021
        assert clock.now().year == 2020
    assert clock.now() >= before
    assert clock.monotonic_s() <= clock.monotonic_s()
