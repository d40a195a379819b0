"""Periods of a package: when one that begins at some time ends, cut in the ISP's zone. Pure."""

import calendar
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

DAYS, MONTH, NONE = "days", "month", "none"
MOST_PERIODS = 120
FIRST_YEAR, LAST_YEAR = 2000, 2099
"""An end lies in these: FreeRADIUS counts seconds in 32 bits."""
END_HELP = (
    "a date like 2026-12-31 is the last day; a time like 2026-12-31 18:00 is taken as it is, in the "
    "ISP's zone where it names none"
)
YEARS_WORDS = f"An end lies in the years {FIRST_YEAR} to {LAST_YEAR}; leave it empty for none."


class Valid(Protocol):
    """What is valid for some time; a package is."""

    validity: str
    validity_days: int | None


def period_end(of: Valid, from_at: datetime, *, zone: ZoneInfo, renewal_day: int) -> datetime:
    """When the period that begins at `from_at` ends (UTC).

    Days end at the same time of day, whatever the zone does to its clocks in between. A month ends
    on `renewal_day` of the next one at the same time, or on that month's last day. What is valid
    without end has periods all the same, for its quota: to the end of the month.
    """
    local = from_at.astimezone(zone)
    if of.validity == DAYS:
        end = local.replace(tzinfo=None) + timedelta(days=of.validity_days or 1)
    elif of.validity == MONTH:
        end = _next_month(local, renewal_day)
    else:
        end = _next_month(local, 1).replace(hour=0, minute=0, second=0, microsecond=0)
    return end.replace(tzinfo=zone).astimezone(UTC)


def ends_after(
    of: Valid, from_at: datetime, periods: int, *, zone: ZoneInfo, renewal_day: int
) -> datetime:
    """When so many periods on end are over."""
    end = from_at
    for _ in range(periods):
        end = period_end(of, end, zone=zone, renewal_day=renewal_day)
    return end


def period_at(
    of: Valid, from_at: datetime, at: datetime, *, zone: ZoneInfo, renewal_day: int
) -> tuple[datetime, datetime]:
    """The period, counted from the one that begins at `from_at`, in which `at` lies."""
    start, end = from_at, period_end(of, from_at, zone=zone, renewal_day=renewal_day)
    while end <= at:
        start, end = end, period_end(of, end, zone=zone, renewal_day=renewal_day)
    return start, end


def end_of(day: date, *, zone: ZoneInfo) -> datetime:
    """When a last day is over (UTC). Raises OverflowError beyond the calendar."""
    return datetime.combine(day + timedelta(days=1), time(0), zone).astimezone(UTC)


def end_given(text: str, *, zone: ZoneInfo) -> datetime:
    """An end as people write it: a date is the last day, and counts; a time is taken as it is, in
    `zone` where it names none. Raises ValueError."""
    try:
        found: date = date.fromisoformat(text)
    except ValueError:
        found = datetime.fromisoformat(text)
    if isinstance(found, datetime):
        return found if found.tzinfo else found.replace(tzinfo=zone)
    try:
        return end_of(found, zone=zone)
    except OverflowError as error:
        raise ValueError(f"{text} is beyond the calendar") from error


def day_of(at: datetime, *, zone: ZoneInfo, usual: int | None) -> int:
    """The day of the month that periods from `at` on end on: the usual one where `at` is on it, or on
    the last day of a month that is too short for it; else its own, as of an end set by hand."""
    local = at.astimezone(zone)
    last = calendar.monthrange(local.year, local.month)[1]
    return usual if usual and local.day == min(usual, last) else local.day


def _next_month(local: datetime, day: int) -> datetime:
    year, month = (local.year, local.month + 1) if local.month < 12 else (local.year + 1, 1)
    last = calendar.monthrange(year, month)[1]
    return local.replace(tzinfo=None, year=year, month=month, day=min(day, last))
