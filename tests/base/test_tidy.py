"""What grows with time is cut: sessions, failures of jobs, leases."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.contrib.sessions.models import Session
from django_q.models import Failure, Success, Task

from ispcore.base.tasks import tidy

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
Clock = Callable[[datetime], None]


def _session(key: str, *, days: int) -> None:
    expires_at = datetime.now(UTC) + timedelta(days=days)
    Session.objects.create(session_key=key, session_data="", expire_date=expires_at)


def _task(name: str, *, success: bool, days_ago: int) -> None:
    at = NOON - timedelta(days=days_ago)
    Task.objects.create(
        id=name, name=name, func="f", started=at, stopped=at, success=success, attempt_count=1
    )


def test_ended_sessions_go_and_open_ones_stay(db: None) -> None:
    _session("ended", days=-1)
    _session("open", days=1)
    tidy()
    assert [row.session_key for row in Session.objects.all()] == ["open"]


def test_failures_of_jobs_are_kept_for_a_month(db: None, frozen_clock: Clock) -> None:
    frozen_clock(NOON)
    _task("long ago", success=False, days_ago=31)
    _task("lately", success=False, days_ago=29)
    _task("well", success=True, days_ago=31)
    assert tidy() == (
        "0 leases and life signs, 1 failures of jobs, 0 sent pages, 0 audit entries forgotten"
    )
    assert [row.name for row in Failure.objects.all()] == ["lately"]
    assert [row.name for row in Success.objects.all()] == ["well"]
