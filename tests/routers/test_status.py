"""Does a router answer, since when, and whom does it concern if not."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from ispcore.base.models import Heartbeat
from monitoring.models import Alert, AlertEvent, Metric, Rule
from routers.models import Router, RouterCheck
from routers.operations import pinging, routers, status
from routers.operations.status import Checked
from routers.queries import collection_age_periods, counted, unreachable_since
from tests.routers.conftest import BY, MakePlace, a_round

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
Clock = Callable[[datetime], None]
PING, API, SNMP = RouterCheck.Method.PING, RouterCheck.Method.API, RouterCheck.Method.SNMP


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def a_router(**columns: Any) -> Router:
    usual = {
        "name": "utt-edge-01",
        "address": "10.88.4.1",
        "api_user": "ispcore",
        "api_password": "x",
        "snmp_community": "x",
    }
    return routers.save(Router(**usual | columns), by=BY)


@pytest.fixture
def router(db: None, frozen_clock: Clock) -> Router:
    return a_router()


def says(router: Router, **results: bool | None) -> None:
    """What each method said just now."""
    status.record(
        [
            Checked(router, method, ok, error="" if ok else f"no answer to {method}")
            for method, ok in results.items()
        ]
    )


def since(router: Router) -> datetime | None:
    return unreachable_since(counted(router, router.checks.all()))


def live_alerts() -> dict[str, str]:
    rows = Alert.objects.filter(state__in=Alert.LIVE).order_by("pk")
    return {alert.summary: alert.severity for alert in rows}


# ---- what was said last, and since when


def test_since_moves_only_when_the_state_does(router: Router, frozen_clock: Clock) -> None:
    for seconds, ok in ((0, True), (10, True), (20, False), (30, False)):
        frozen_clock(at(seconds))
        says(router, ping=ok)
    row = RouterCheck.objects.get()
    assert (row.state, row.since, row.checked_at, row.last_ok_at) == (
        "failed",
        at(20),
        at(30),
        at(10),
    )
    assert row.error == "no answer to ping"
    assert str(row) == "ping failed"


def test_a_failure_is_logged_once_with_the_router_first(
    router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="routers"):
        for ok in (True, False, False, True):
            says(router, snmp=ok)
    assert [record.getMessage() for record in caplog.records] == [
        "utt-edge-01: snmp: ok",
        "utt-edge-01: snmp: no answer to snmp",
        "utt-edge-01: snmp: ok",
    ]


def test_what_cannot_be_said_is_unknown(router: Router) -> None:
    says(router, ping=None)
    assert RouterCheck.objects.get().state == "unknown"


# ---- unreachable


def test_while_anything_answers_the_router_is_there(router: Router, frozen_clock: Clock) -> None:
    says(router, ping=True, api=False, snmp=False)
    assert since(router) is None


def test_a_router_that_filters_icmp_is_there_while_it_is_read(
    router: Router, frozen_clock: Clock
) -> None:
    says(router, ping=False)
    frozen_clock(at(60))
    says(router, snmp=True, api=True)
    frozen_clock(at(90))
    says(router, ping=False)
    assert since(router) is None


def test_a_ping_lost_after_the_last_success_is_a_router_that_is_gone(
    router: Router, frozen_clock: Clock
) -> None:
    says(router, ping=True, snmp=True, api=True)
    frozen_clock(at(30))
    says(router, ping=False)
    assert since(router) == at(30)
    frozen_clock(at(60))
    says(router, ping=False, snmp=False)
    assert since(router) == at(30)


def test_ping_lost_but_read_since_then_is_there(router: Router, frozen_clock: Clock) -> None:
    says(router, ping=False, snmp=False)
    frozen_clock(at(30))
    says(router, snmp=True)
    assert since(router) is None


def test_a_router_that_filters_icmp_is_gone_when_it_is_not_read_any_more(
    router: Router, frozen_clock: Clock
) -> None:
    says(router, ping=False)
    frozen_clock(at(60))
    says(router, snmp=True, api=True)
    frozen_clock(at(360))
    says(router, ping=False, snmp=False, api=False)
    assert since(router) == at(360)


@pytest.mark.parametrize("kind", ["refused", "nonsense"])
def test_who_refuses_or_talks_nonsense_is_there(
    router: Router, frozen_clock: Clock, kind: str
) -> None:
    says(router, ping=False, snmp=False)
    refused = Checked(router, API, False, error_kind=kind, error="login refused")
    frozen_clock(at(30))
    status.record([refused])
    assert since(router) is None
    frozen_clock(at(60))
    status.record([Checked(router, API, False, error_kind="unreachable", error="no answer")])
    assert since(router) is not None


def test_a_closed_port_is_nobody(router: Router, frozen_clock: Clock) -> None:
    says(router, ping=False, snmp=False)
    error = "connection refused on 10.88.4.1:8728"
    status.record([Checked(router, API, False, error_kind="refused", error=error)])
    assert since(router) == at(0)


def test_nothing_tried_is_nothing_known(router: Router) -> None:
    assert since(router) is None
    says(router, ping=None)
    assert counted(router, router.checks.all()) == []


def test_a_method_that_is_off_proves_nothing(router: Router, frozen_clock: Clock) -> None:
    says(router, ping=True, snmp=False, api=True)
    router.ping_method, router.api_user = "off", ""
    assert since(router) == at(0)
    routers.save(router, by=BY)
    assert [check.method for check in router.checks.all()] == ["snmp"]


# ---- alerts


def test_an_unreachable_router_alerts_after_twenty_seconds_and_resolves_by_itself(
    router: Router, frozen_clock: Clock
) -> None:
    says(router, ping=True)
    for seconds in (10, 29):
        frozen_clock(at(seconds))
        says(router, ping=False)
        status.evaluate([router])
    assert live_alerts() == {}
    frozen_clock(at(30))
    status.evaluate([router])
    assert live_alerts() == {"No answer to ping": "critical"}
    frozen_clock(at(40))
    says(router, ping=True)
    status.evaluate([router])
    assert live_alerts() == {}


def test_the_alert_names_every_method_that_fails(router: Router, frozen_clock: Clock) -> None:
    says(router, ping=False, api=False, snmp=False)
    frozen_clock(at(30))
    status.evaluate([router])
    assert live_alerts() == {"No answer to ping, API or SNMP": "critical"}


def test_a_watch_that_cannot_tell_resolves_nothing(router: Router, frozen_clock: Clock) -> None:
    says(router, ping=False)
    frozen_clock(at(30))
    status.evaluate([router])
    says(router, ping=None)
    status.evaluate([router])
    assert len(live_alerts()) == 1


def test_a_router_without_any_check_is_neither_up_nor_down(db: None, frozen_clock: Clock) -> None:
    router = a_router(ping_method="off")
    status.evaluate([router])
    assert not Alert.objects.exists()


def test_a_router_whose_polling_is_switched_off_ends_its_alerts(
    router: Router, frozen_clock: Clock
) -> None:
    says(router, ping=False)
    frozen_clock(at(30))
    status.evaluate([router])
    router.is_polled = False
    routers.save(router, by=BY)
    assert live_alerts() == {}
    assert AlertEvent.objects.get(kind="resolved").text == "Polling was switched off"
    status.evaluate([router])
    assert live_alerts() == {}


def test_stale_collection_warns_and_then_turns_critical(
    router: Router, frozen_clock: Clock
) -> None:
    Router.objects.update(read_at=NOON, polled_at=NOON)
    router.refresh_from_db()
    seen = []
    for seconds in (599, 600, 690, 1_200, 1_290):
        frozen_clock(at(seconds))
        status.evaluate([router])
        seen.append(list(live_alerts().values()))
    assert seen == [[], [], ["medium"], ["medium"], ["critical"]]
    words = next(iter(live_alerts()))
    assert words == "Collection stale: last reading 12:00:00"


def test_a_router_that_was_never_read_is_stale_after_its_first_attempts(
    router: Router, frozen_clock: Clock
) -> None:
    frozen_clock(at(7_200))
    assert collection_age_periods(router, at(7_200)) is None
    Router.objects.update(polled_at=at(7_000))
    router.refresh_from_db()
    for seconds in (7_200, 7_300):
        frozen_clock(at(seconds))
        status.evaluate([router])
    assert live_alerts() == {"Nothing was ever collected": "critical"}


def test_polling_that_was_off_for_long_is_not_stale_before_the_first_attempt(
    router: Router, frozen_clock: Clock
) -> None:
    Router.objects.update(read_at=NOON, polled_at=NOON)
    for is_polled in (False, True):
        router.is_polled = is_polled
        routers.save(router, by=BY)
    router.refresh_from_db()
    assert collection_age_periods(router, at(86_400)) is None
    assert router.read_at == NOON


# ---- ping


def test_ping_by_tcp_tells_open_from_refused(place: MakePlace) -> None:
    edge = place(ping_method="tcp")
    assert pinging.ping_router(edge.router).alive is True
    edge.control("dead")
    gone = pinging.ping_router(edge.router)
    assert (gone.alive, gone.method, gone.error) == (False, "tcp", "connection refused")


async def test_routers_whose_ping_is_off_are_left_out() -> None:
    off = Router(pk=1, name="a", address="127.0.0.1", ping_method="off")
    by_icmp = Router(pk=2, name="b", address="127.0.0.1", ping_method="icmp")
    found = await pinging.ping_fleet([off, by_icmp])
    assert [(each.router.name, each.ok, each.method) for each in found] == [("b", True, "ping")]


def test_a_round_of_pings_stores_judges_and_beats(shared_place: MakePlace) -> None:
    edge = shared_place(ping_method="tcp")
    Router.objects.update(polled_at=NOON, read_at=NOON)  # long ago
    rule = Rule.objects.create(
        name="Stale at once", metric=Metric.ROUTER_COLLECTION_AGE_PERIODS, warning=2
    )
    a_round()
    check = RouterCheck.objects.get(router=edge.router)
    assert (check.method, check.state) == ("ping", "ok")
    assert check.detail == f"by TCP {edge.router.api_port}"
    assert Heartbeat.objects.get(name="watch").note == "1 routers pinged"
    assert Alert.objects.get(rule=rule).summary.startswith("Collection stale")


def test_a_database_that_is_away_ends_the_round_and_not_the_watch(
    shared_place: MakePlace, caplog: pytest.LogCaptureFixture
) -> None:
    shared_place(ping_method="tcp")

    def rename(old: str, new: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")

    rename("router_checks", "router_checks_away")
    try:
        a_round()
    finally:
        rename("router_checks_away", "router_checks")
    assert "watch: this round is lost, the database does not answer" in caplog.text


def test_the_period_decides_what_is_stale(router: Router) -> None:
    Router.objects.update(read_at=NOON, polled_at=NOON)
    router.refresh_from_db()
    with override_settings(COLLECT_PERIOD_S=60):
        assert collection_age_periods(router, at(120)) == 2
