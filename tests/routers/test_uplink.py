"""While our own uplink is gone, routers that do not answer are unknown: one alert, not hundreds."""

import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings as portal
from django.db import connection
from django.test import override_settings

from dashboards import fleet
from ispcore.base import clock
from ispcore.protocols import routes
from ispcore.protocols.icmp import REFUSED, PingResult
from monitoring.models import Alert, AlertEvent, Metric, Rule
from routers.models import Router, RouterCheck, Uplink
from routers.operations import pinging, retention, routers, status, uplink
from routers.operations.status import Checked
from routers.operations.watching import Watch
from routers.pages.states import health
from tests.harness.far_network import GATEWAY, FarNetwork, far_network, why_not
from tests.routers.conftest import BY, a_round

pytestmark = pytest.mark.one_database

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
Clock = Callable[[datetime], None]
PROBE = "10.78.0.8"
needs_namespaces = pytest.mark.skipif(
    bool(why_not()) or shutil.which("fping") is None, reason=why_not() or "fping is not installed"
)


# ---- what proves that it is ours


def answer(address: str, alive: bool | None, error: str = "") -> PingResult:
    return PingResult(address, alive, 1.0 if alive else None, None, "icmp", error)


def lost_all_but(*alive: int, count: int = 4, **errors: str) -> tuple[Any, Any]:
    silent = [Router(pk=n, address=f"127.0.7.{n}") for n in range(1, count + 1)]
    return silent, {
        r.pk: answer(r.address, r.pk in alive, errors.get(f"r{r.pk}", "")) for r in silent
    }


@pytest.fixture
def no_route(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the port is down; the test in a network of its own shows that it is so there."""
    monkeypatch.setattr(routes, "has_route", lambda _address: False)


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_routers_may_well_be_down_both(count: int, no_route: None) -> None:
    assert uplink.why_gone(*lost_all_but(count=count), {}) == ""


def test_three_without_a_route_are_our_own_fault(no_route: None) -> None:
    assert uplink.why_gone(*lost_all_but(count=3), {}) == "no route to any router"


def test_one_that_answers_proves_the_uplink(no_route: None) -> None:
    assert uplink.why_gone(*lost_all_but(2), {}) == ""
    assert uplink.why_gone(*lost_all_but(r2=REFUSED), {}) == ""


def test_a_silent_gateway_counts_when_no_router_answers() -> None:
    silent = {"10.0.0.1": answer("10.0.0.1", False)}
    there = {"10.0.0.1": answer("10.0.0.1", True)}
    words = "no router answers, nor does the default gateway 10.0.0.1"
    assert uplink.why_gone(*lost_all_but(), silent) == words
    assert uplink.why_gone(*lost_all_but(), there) == ""
    assert uplink.why_gone(*lost_all_but(3), silent) == ""
    assert uplink.why_gone(*lost_all_but(), {}) == ""  # no gateway and a route: they are down


def test_probes_that_the_settings_name_decide_alone() -> None:
    one, two = answer("10.0.0.1", False), answer("10.0.0.2", False)
    with override_settings(UPLINK_PROBES=["10.0.0.1", "10.0.0.2"]):
        assert uplink.anchors([]) == ["10.0.0.1", "10.0.0.2"]
        both = {"10.0.0.1": one, "10.0.0.2": two}
        assert uplink.why_gone(*lost_all_but(1), both) == "10.0.0.1, 10.0.0.2 do not answer"
        both["10.0.0.2"] = answer("10.0.0.2", True)
        assert uplink.why_gone(*lost_all_but(), both) == ""


def test_this_machine_itself_has_no_gateway() -> None:
    assert uplink.anchors([Router(address="127.0.0.1"), Router(address="::1")]) == []


# ---- what follows from it


@pytest.fixture
def router(db: None, frozen_clock: Clock) -> Router:
    return routers.save(Router(name="utt-edge-01", address="10.88.4.1", snmp_community="x"), by=BY)


def live() -> list[str]:
    return [alert.summary for alert in Alert.objects.filter(state__in=Alert.LIVE).order_by("pk")]


def says(router: Router, *, at_s: float, move: Clock, **results: bool | None) -> None:
    move(NOON + timedelta(seconds=at_s))
    checked = [
        pinging.unseen(router, "cut")
        if ok is None
        else Checked(router, method, ok, error="" if ok else "no answer")
        for method, ok in results.items()
    ]
    status.record(checked)
    status.evaluate([router])


GONE = "Our own uplink is gone: cut"


def test_what_collection_misses_meanwhile_opens_no_alert(
    router: Router, frozen_clock: Clock
) -> None:
    Router.objects.update(polled_at=NOON, read_at=NOON)
    router.refresh_from_db()
    says(router, at_s=0, move=frozen_clock, ping=True, snmp=True)
    uplink.note("cut")
    says(router, at_s=10, move=frozen_clock, ping=None)
    for at_s in range(30, 3600, 30):
        frozen_clock(NOON + timedelta(seconds=at_s))
        uplink.note("cut")
        says(router, at_s=at_s, move=frozen_clock, ping=None, snmp=False)
    assert live() == [GONE]
    uplink.note("")
    assert live() == []
    for at_s in range(3600, 3800, 20):  # back, not yet polled again: old readings prove nothing
        says(router, at_s=at_s, move=frozen_clock, ping=True)
    assert live() == []
    Router.objects.update(polled_at=NOON + timedelta(seconds=3800))
    router.refresh_from_db()
    for at_s in range(3800, 4000, 20):  # polled, and still nothing read
        says(router, at_s=at_s, move=frozen_clock, ping=True)
    assert live() == ["Collection stale: last reading 12:00:00"]


def test_an_outage_from_before_stays_one(router: Router, frozen_clock: Clock) -> None:
    says(router, at_s=0, move=frozen_clock, ping=True, snmp=True)
    says(router, at_s=10, move=frozen_clock, ping=False)
    says(router, at_s=40, move=frozen_clock, ping=False)
    assert live() == ["No answer to ping"]
    uplink.note("cut")
    says(router, at_s=50, move=frozen_clock, ping=None)
    says(router, at_s=60, move=frozen_clock, ping=None, snmp=False)
    assert live() == ["No answer to ping", GONE]
    uplink.note("")
    status.evaluate([router])  # nobody has pinged it yet
    assert live() == ["No answer to ping"]
    says(router, at_s=70, move=frozen_clock, ping=False)
    assert live() == ["No answer to ping"]
    assert RouterCheck.objects.get(method="ping").since == NOON + timedelta(seconds=10)
    assert AlertEvent.objects.filter(kind="opened").count() == 2


def test_the_return_of_another_hosts_uplink_ends_no_outage_here(
    router: Router, frozen_clock: Clock
) -> None:
    says(router, at_s=0, move=frozen_clock, ping=True, snmp=True)
    says(router, at_s=10, move=frozen_clock, ping=False)
    says(router, at_s=40, move=frozen_clock, ping=False)
    with override_settings(NODE="elsewhere"):
        uplink.note("cut")
        frozen_clock(NOON + timedelta(seconds=50))
        uplink.note("")
    status.evaluate([router])
    assert live() == ["No answer to ping"]


def test_what_another_host_reads_is_there(router: Router, frozen_clock: Clock) -> None:
    says(router, at_s=0, move=frozen_clock, ping=False)
    says(router, at_s=30, move=frozen_clock, ping=False)
    uplink.note("cut")
    says(router, at_s=40, move=frozen_clock, ping=None)
    says(router, at_s=50, move=frozen_clock, snmp=True)
    assert live() == [GONE]


def test_a_router_that_is_not_pinged_is_not_judged_meanwhile(
    router: Router, frozen_clock: Clock
) -> None:
    router.ping_method = "off"
    routers.save(router, by=BY)
    says(router, at_s=0, move=frozen_clock, snmp=True)
    uplink.note("cut")
    for at_s in (5, 30):
        says(router, at_s=at_s, move=frozen_clock, snmp=False)
    assert live() == [GONE]
    frozen_clock(NOON + timedelta(seconds=35))
    uplink.note("")
    says(router, at_s=60, move=frozen_clock)
    assert live() == []  # not asked again since
    says(router, at_s=61, move=frozen_clock, snmp=False)
    assert live() == ["No answer to SNMP"]


def test_a_watch_that_died_with_its_uplink_blinds_nobody_for_long(
    router: Router, frozen_clock: Clock
) -> None:
    uplink.note("cut")
    says(router, at_s=0, move=frozen_clock, ping=None, snmp=False)
    says(router, at_s=29, move=frozen_clock)
    assert live() == [GONE]
    says(router, at_s=60, move=frozen_clock)
    assert live() == [GONE, "No answer to SNMP"]


def test_the_alert_of_a_host_that_watches_no_more_ends_after_a_day(
    router: Router, frozen_clock: Clock
) -> None:
    uplink.note("cut")
    says(router, at_s=29, move=frozen_clock)
    assert live() == [GONE]
    frozen_clock(NOON + timedelta(hours=23))
    retention.forget()
    assert live() == [GONE]
    frozen_clock(NOON + timedelta(hours=25))
    retention.forget()
    assert live() == []
    assert not Uplink.objects.exists()


def test_pages_say_so(router: Router, frozen_clock: Clock) -> None:
    Router.objects.update(polled_at=NOON, read_at=NOON)
    says(router, at_s=0, move=frozen_clock, ping=None)
    uplink.note("cut")
    frozen_clock(NOON + timedelta(seconds=20))
    chip = health(router, router.checks.all(), clock.now())
    assert (chip.kind, chip.word) == ("unknown", "Unknown: our own uplink is gone")
    trust = fleet.trust(fleet.look(), known=0, total=0)
    assert (trust.kind, trust.words) == ("critical", "No: our own uplink is gone")
    since = "cut, for 20\N{NO-BREAK SPACE}s"
    assert trust.detail == f"{portal.NODE}: {since}. 1 of 1 routers unknown."
    says(router, at_s=30, move=frozen_clock, ping=True)  # another host sees it
    assert fleet.trust(fleet.look(), known=0, total=0).kind == "ok"


# ---- a real cable


@pytest.fixture
def far(transactional_db: None) -> Iterator[FarNetwork]:
    """Eight routers behind a gateway, all well; our database is reached from before."""
    connection.close()
    connection.ensure_connection()  # for a minute at least: there is no way to it from inside
    Rule.objects.all().delete()
    Rule.objects.create(name="Router unreachable", metric=Metric.ROUTER_UNREACHABLE_S, critical=1)
    Rule.objects.create(name="Our own uplink", metric=Metric.UPLINK_GONE_S, critical=1)
    with far_network(8) as network:
        for number, address in enumerate(network.routers, 1):
            routers.save(Router(name=f"edge-{number}", address=address), by=BY)
        a_round()
        assert set(pings().values()) == {"ok"}
        yield network


def pings() -> dict[str, str]:
    rows = RouterCheck.objects.filter(method="ping").select_related("router")
    return {row.router.name: row.state for row in rows.order_by("router__name")}


@needs_namespaces
def test_one_dead_router_is_down_within_five_seconds_of_its_first_loss(
    far: FarNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinging, "TIMEOUT_MS", 1000)
    far.kill(far.routers[2])
    seconds = []

    async def lose() -> None:
        watch = Watch()
        await watch.round()
        lost_at = time.monotonic()
        await watch.settle()
        seconds.append(time.monotonic() - lost_at)

    async_to_sync(lose)()
    assert pings() == {f"edge-{n}": "failed" if n == 3 else "ok" for n in range(1, 9)}
    assert 3 < seconds[0] < 5.5
    far.revive(far.routers[2])
    a_round()
    assert set(pings().values()) == {"ok"}
    assert not Uplink.objects.exists()


@needs_namespaces
@pytest.mark.parametrize(
    ("cut", "mend", "why"),
    [
        ("cut_the_cable", "mend_the_cable", f"nor does the default gateway {GATEWAY}"),
        ("lose_our_port", "raise_our_port", "no route to any router"),
    ],
)
def test_behind_a_cut_cable_everybody_is_unknown_and_one_alert_opens(
    far: FarNetwork, cut: str, mend: str, why: str
) -> None:
    far.kill(far.routers[0])
    a_round()
    time.sleep(1.1)
    a_round()
    assert live() == ["No answer to ping"]
    getattr(far, cut)()
    a_round()
    a_round()
    assert set(pings().values()) == {"unknown"}
    dead, ours = live()
    assert dead == "No answer to ping"
    assert ours.endswith(why)
    getattr(far, mend)()
    until = time.monotonic() + 10  # neighbours are found again within a few seconds
    while Uplink.objects.get().gone_since and time.monotonic() < until:
        a_round()
    assert pings() == {f"edge-{n}": "failed" if n == 1 else "ok" for n in range(1, 9)}
    assert live() == ["No answer to ping"]
    assert AlertEvent.objects.filter(kind="opened").count() == 2
    assert AlertEvent.objects.filter(kind="resolved").count() == 1


@needs_namespaces
def test_with_a_gateway_that_answers_all_routers_are_down(far: FarNetwork) -> None:
    far.kill(*far.routers)
    a_round()
    assert set(pings().values()) == {"failed"}
    assert not Uplink.objects.exists()


@needs_namespaces
def test_behind_lost_probes_who_answers_is_up_and_others_are_unknown(far: FarNetwork) -> None:
    Router.objects.filter(address=PROBE).delete()
    far.kill(*far.routers[:3], PROBE)
    with override_settings(UPLINK_PROBES=[PROBE]):
        a_round()
        known = {name: state for name, state in pings().items() if state == "ok"}
        assert sorted(known) == ["edge-4", "edge-5", "edge-6", "edge-7"]
        assert sorted(set(pings().values())) == ["ok", "unknown"]
        far.revive(PROBE)
        a_round()
    assert [name for name, state in pings().items() if state == "failed"] == [
        "edge-1",
        "edge-2",
        "edge-3",
    ]
    assert Uplink.objects.get().gone_since is None
