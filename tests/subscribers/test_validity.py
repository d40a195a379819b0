"""Periods are cut in the ISP's zone, also where its clocks change."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from subscribers.validity import (
    DAYS,
    MONTH,
    NONE,
    day_of,
    end_given,
    ends_after,
    period_at,
    period_end,
)

DHAKA, CAIRO = ZoneInfo("Asia/Dhaka"), ZoneInfo("Africa/Cairo")
INSTANTS = some.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=some.just(UTC))  # noqa: DTZ001


def valid(validity: str, days: int | None = None) -> SimpleNamespace:
    return SimpleNamespace(validity=validity, validity_days=days)


def local(text: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("validity", "days", "start", "day", "end"),
    [
        (DAYS, 30, "2026-03-02T18:00", 2, "2026-04-01T18:00"),
        (DAYS, 1, "2026-12-31T00:00", 31, "2027-01-01T00:00"),
        (MONTH, None, "2026-01-31T09:30", 31, "2026-02-28T09:30"),
        (MONTH, None, "2026-02-28T09:30", 31, "2026-03-31T09:30"),
        (MONTH, None, "2028-01-30T09:30", 30, "2028-02-29T09:30"),
        (MONTH, None, "2026-12-15T00:00", 15, "2027-01-15T00:00"),
        (NONE, None, "2026-03-02T18:00", 2, "2026-04-01T00:00"),
    ],
)
def test_a_period_ends_where_the_isps_calendar_says(
    validity: str, days: int | None, start: str, day: int, end: str
) -> None:
    found = period_end(valid(validity, days), local(start, DHAKA), zone=DHAKA, renewal_day=day)
    assert found == local(end, DHAKA)


def test_a_day_in_which_clocks_change_ends_at_the_same_time_of_day() -> None:
    """Cairo went to summer time on 24 April 2026 at midnight: that day had 23 hours."""
    start = local("2026-04-23T12:00", CAIRO)
    end = period_end(valid(DAYS, 1), start, zone=CAIRO, renewal_day=1)
    assert end == local("2026-04-24T12:00", CAIRO)
    assert end - start == timedelta(hours=23)


@pytest.mark.parametrize(
    ("text", "zone", "end"),
    [
        ("2026-12-31", DHAKA, "2026-12-31T18:00"),
        ("20261231", DHAKA, "2026-12-31T18:00"),
        ("2026-12-31T00:00", DHAKA, "2026-12-30T18:00"),
        ("2026-12-31 18:30:15", DHAKA, "2026-12-31T12:30:15"),
        ("2026-12-31T00:00Z", DHAKA, "2026-12-31T00:00"),
        ("2026-12-31T00:00+01:00", DHAKA, "2026-12-30T23:00"),
        ("2026-04-24", CAIRO, "2026-04-24T21:00"),  # a day of 23 hours
    ],
)
def test_a_last_day_counts_and_a_time_is_taken_as_it_is(
    text: str, zone: ZoneInfo, end: str
) -> None:
    assert end_given(text, zone=zone) == local(end, ZoneInfo("UTC"))


@pytest.mark.parametrize("text", ["9999-12-31", "soon", "31.12.2026", "2026-02-29"])
def test_what_is_no_end(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        end_given(text, zone=DHAKA)


@given(INSTANTS, some.sampled_from([DHAKA, CAIRO]), some.integers(1, 31), some.integers(1, 40))
def test_every_kind_of_period_goes_forward(
    start: datetime, zone: ZoneInfo, day: int, days: int
) -> None:
    for of in (valid(DAYS, days), valid(MONTH), valid(NONE)):
        assert period_end(of, start, zone=zone, renewal_day=day) > start


@given(INSTANTS, some.integers(1, 31), some.integers(0, 400))
def test_the_present_period_has_the_present_in_it(start: datetime, day: int, days: int) -> None:
    at = start + timedelta(days=days)
    for of in (valid(DAYS, 7), valid(MONTH), valid(NONE)):
        begun, end = period_at(of, start, at, zone=DHAKA, renewal_day=day)
        assert begun <= at < end


def test_several_periods_are_as_many_ends() -> None:
    start = local("2026-01-31T10:00", DHAKA)
    end = ends_after(valid(MONTH), start, 3, zone=DHAKA, renewal_day=31)
    assert end == local("2026-04-30T10:00", DHAKA)


@pytest.mark.parametrize(
    ("end", "usual", "day"),
    [
        ("2026-12-15T00:00", 15, 15),
        ("2026-02-28T00:00", 31, 31),
        ("2026-12-31T00:00", 15, 31),
        ("2026-12-01T00:00", 31, 1),
        ("2026-12-01T00:00", None, 1),
    ],
)
def test_months_go_on_from_the_day_of_an_end_set_by_hand(
    end: str, usual: int | None, day: int
) -> None:
    assert day_of(local(end, DHAKA), zone=DHAKA, usual=usual) == day
