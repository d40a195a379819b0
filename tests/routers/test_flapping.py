"""A router that comes and goes: marked, one alert, and no noise."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispcore.base import clock
from monitoring.models import Alert, AlertEvent
from routers.flapping import MOST_CHANGES, WINDOW, Flips
from routers.models import Router, RouterCheck
from routers.operations import routers, status
from routers.operations.status import Checked
from routers.pages.states import health
from tests.routers.conftest import BY

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
Clock = Callable[[datetime], None]


@pytest.fixture
def router(db: None, frozen_clock: Clock) -> Router:
    return routers.save(Router(name="utt-edge-01", address="10.88.4.1"), by=BY)


@pytest.fixture
def says(router: Router, frozen_clock: Clock) -> Callable[..., None]:
    """says(True, at_s=30): half a minute past noon a ping is answered, and the router is judged."""

    def said(ok: bool | None, *, at_s: float) -> None:
        frozen_clock(NOON + timedelta(seconds=at_s))
        kind = "" if ok else "uplink" if ok is None else "unreachable"
        status.record([Checked(router, "ping", ok, error_kind=kind, error="" if ok else "lost")])
        status.evaluate([router])

    return said


def live() -> list[str]:
    return [alert.summary for alert in Alert.objects.filter(state__in=Alert.LIVE).order_by("pk")]


def word(router: Router) -> str:
    return health(router, router.checks.all(), clock.now()).word


def comes_and_goes(says: Callable[..., None], *, until_s: int, every_s: int = 40) -> None:
    """Up at first; then a change every so often."""
    for number, at_s in enumerate(range(0, until_s + 1, every_s)):
        says(number % 2 == 0, at_s=at_s)


def test_two_outages_in_ten_minutes_are_not_flapping(
    router: Router, says: Callable[..., None]
) -> None:
    comes_and_goes(says, until_s=160)
    assert RouterCheck.objects.get().flapping_since is None
    assert word(router) == "Up, nothing collected yet"


def test_the_fifth_change_marks_it_and_opens_one_alert(
    router: Router, says: Callable[..., None]
) -> None:
    comes_and_goes(says, until_s=200)
    assert live() == ["Flapping since 12:03: ping comes and goes"]
    assert Alert.objects.get(state="open").severity == "high"
    assert word(router) == "No answer for 0\N{NO-BREAK SPACE}s, flapping"
    says(True, at_s=220)
    assert word(router) == "Up, flapping"


def test_while_it_flaps_no_outage_opens_another_alert(
    router: Router, says: Callable[..., None]
) -> None:
    comes_and_goes(says, until_s=200)
    Alert.objects.exclude(rule__name="Router flapping").delete()
    for start_s in range(240, 1200, 80):
        says(True, at_s=start_s)
        says(False, at_s=start_s + 30)
        says(False, at_s=start_s + 60)
    assert live() == ["Flapping since 12:03: ping comes and goes"]
    assert Alert.objects.count() == 1
    assert AlertEvent.objects.filter(kind="opened").count() == 1
    assert RouterCheck.objects.get().flap_changes > 20


def test_an_outage_that_was_alerted_before_ends_and_is_not_opened_anew(
    router: Router, says: Callable[..., None]
) -> None:
    for at_s, ok in [(0, True), (30, False), (60, False), (90, True), (120, False), (150, True)]:
        says(ok, at_s=at_s)
    says(False, at_s=180)
    says(False, at_s=210)
    assert live() == ["Flapping since 12:03: ping comes and goes"]
    assert Alert.objects.filter(summary="No answer to ping", state="resolved").count() == 1


def test_one_that_stays_away_for_two_minutes_is_called_unreachable_although_it_flapped(
    router: Router, says: Callable[..., None]
) -> None:
    comes_and_goes(says, until_s=200)
    says(False, at_s=319)
    assert len(live()) == 1
    says(False, at_s=320)
    assert live() == ["Flapping since 12:03: ping comes and goes", "No answer to ping"]


def test_ten_quiet_minutes_end_it(router: Router, says: Callable[..., None]) -> None:
    comes_and_goes(says, until_s=240)
    says(True, at_s=240 + 599)
    assert len(live()) == 1
    says(True, at_s=240 + 600)
    assert live() == []
    assert "flapping" not in word(router)
    says(False, at_s=1000)
    assert RouterCheck.objects.get().flapping_since is None


def test_not_to_know_is_no_change_and_interrupts_no_failure(
    router: Router, says: Callable[..., None]
) -> None:
    for number in range(6):
        says(True, at_s=number * 60)
        says(None, at_s=number * 60 + 30)
    assert RouterCheck.objects.get().flips == ""
    says(False, at_s=400)
    says(None, at_s=430)
    says(False, at_s=460)
    row = RouterCheck.objects.get()
    assert row.since == NOON + timedelta(seconds=400)
    assert row.flips.count(",") == 0


@given(st.lists(st.integers(1, 400), min_size=1, max_size=60))
def test_judged_from_the_last_changes_alone_it_is_what_all_changes_say(gaps: list[int]) -> None:
    """Against a model that keeps every change: flapping begins with the fifth change within ten
    minutes, and ends with ten minutes without one."""
    flips, at, history, model = Flips(), NOON, list[datetime](), False
    for gap_s in gaps:
        at += timedelta(seconds=gap_s)
        if history and at - history[-1] >= WINDOW:
            model = False
        history.append(at)
        model = model or sum(1 for change in history if change > at - WINDOW) > MOST_CHANGES
        flips = flips.changed(at)
        assert flips.lasts(at) == model
        assert len(flips.times) < 100
    assert not flips.lasts(at + WINDOW)
    assert all(earlier < later for earlier, later in pairwise(history))
