"""The one source of the current time; tests stop it, nothing else may."""

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

_frozen_at: datetime | None = None


def now() -> datetime:
    """The current instant, aware, in UTC."""
    return _frozen_at or datetime.now(UTC)


def monotonic_s() -> float:
    """Seconds that never go back, for measuring how long something took."""
    return time.monotonic()


def uptime_s() -> float:
    """Seconds since this machine started, also those it slept."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def isp_zone() -> ZoneInfo:
    """The zone in which the ISP's days and months are cut."""
    return ZoneInfo(settings.TIME_ZONE)


def isp_date(at: datetime) -> date:
    return at.astimezone(isp_zone()).date()


def day_start(day: date) -> datetime:
    """The instant (UTC) at which `day` begins in the ISP's zone."""
    return datetime(day.year, day.month, day.day, tzinfo=isp_zone()).astimezone(UTC)


def month_start(day: date) -> datetime:
    return day_start(day.replace(day=1))


def next_month(day: date) -> date:
    """The first day of the month after `day`'s."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


@contextlib.contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Stop the clock at `at` (aware). For tests."""
    global _frozen_at  # noqa: PLW0603 - the clock is one for the process, on purpose
    before, _frozen_at = _frozen_at, at.astimezone(UTC)
    try:
        yield
    finally:
        _frozen_at = before
