"""What FreeRADIUS answered is kept for a while, and of what guessing makes only so much."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from ispcore.base import clock
from radius import tasks
from radius.models import PostAuth
from radius.operations import answers
from tests.radius.conftest import CLOSED, Radius


def answered(count: int, reason: str | None, *, days_ago: int = 0) -> None:
    at = clock.now() - timedelta(days=days_ago)
    PostAuth.objects.bulk_create(
        PostAuth(username=f"u{n}", reason=reason, reply="Access-Reject", answered_at=at)
        for n in range(count)
    )


def kept() -> dict[str | None, list[str]]:
    found: dict[str | None, list[str]] = {}
    for row in PostAuth.objects.order_by("id"):
        found.setdefault(row.reason, []).append(row.username)
    return found


def test_old_answers_go_and_of_guesses_the_newest_stay(
    radius: Radius, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(answers, "BITE", 2)
    monkeypatch.setattr(answers, "MOST_GUESSED", 3)
    with radius():
        call_command("migrate", database="radius", verbosity=0)
        answered(5, None, days_ago=91)
        answered(4, "expired", days_ago=89)
        answered(8, "unknown user")
        answered(3, "wrong password")
        answered(5, None)
        assert tasks.tidy_answers() == "5 answers to logins forgotten"  # those of who guesses
        assert len(kept()[None]) == 10
        settings.LOGINS_KEEP_DAYS = 90
        assert tasks.tidy_answers() == "5 answers to logins forgotten"
        assert kept() == {
            "expired": ["u0", "u1", "u2", "u3"],
            "unknown user": ["u5", "u6", "u7"],
            "wrong password": ["u0", "u1", "u2"],
            None: [f"u{n}" for n in range(5)],
        }
        assert tasks.tidy_answers() == "0 answers to logins forgotten"


def test_with_radius_away_none_go_and_that_is_said(radius: Radius) -> None:
    with radius(url=CLOSED):
        assert tasks.tidy_answers() == "none forgotten: RADIUS is away"
        assert connections["radius"].connection is None
