"""Counters of real (lab) routers over real protocols, and what becomes of them in the database."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from ispcore.base import clock
from ispcore.base.models import AuditEntry
from ispcore.base.timeseries.quality import Quality
from ispcore.protocols.text import visible
from lab.spec import RouterSpec
from lab.testing import running_lab
from lab.verbs import HOSTILE_NAMES
from routers import hooks
from routers.hooks import Collected
from routers.models import Interface, InterfaceUsage, Poll, Router, RouterCounters
from routers.operations import collection, discovery
from tests import counter_states
from tests.harness.snmpd import has_ipv6
from tests.routers.conftest import VLANS, MakePlace, Place, five_minutes_pass

BY_SNMP = {"counter_source": "snmp"}
BY_API = {"counter_source": "api"}
BY_V3 = {
    **BY_SNMP,
    "snmp_version": "v3",
    "snmp_community": "",
    "snmp_user": "watcher",
    "snmp_auth_protocol": "SHA1",
    "snmp_auth_key": "auth-password-1",
    "snmp_priv_protocol": "AES128",
    "snmp_priv_key": "priv-password-1",
}


collect = collection.collect


@pytest.mark.parametrize(
    ("columns", "source"),
    [(BY_SNMP, "snmp"), (BY_V3, "snmp"), (BY_API, "api")],
    ids=["v2c", "v3", "api"],
)
def test_octets_of_five_minutes_become_a_rate_and_a_bucket(
    place: MakePlace, columns: dict[str, Any], source: str
) -> None:
    edge = place(**columns)
    assert collect().failed == []
    five_minutes_pass()
    edge.traffic("vlan101", rx=3_750_000, tx=37_500_000)
    summary = collect()
    assert (summary.routers, summary.answered) == (1, 1)
    assert summary.buckets >= len(VLANS)
    assert edge.counted("vlan101") == (3_750_000, 37_500_000)
    assert edge.counted("vlan102") == (0, 0)
    state = edge.state("vlan101")
    assert state.in_bps == pytest.approx(100_000, rel=0.02)
    assert state.out_bps == pytest.approx(1_000_000, rel=0.02)
    row = InterfaceUsage.objects.filter(interface=edge.interface("vlan101")).latest("bucket")
    assert row.source == source
    assert row.bucket.timestamp() % 300 == 0
    poll = edge.last_poll()
    assert (poll.result, poll.source, poll.got) == ("ok", source, poll.wanted)


def test_a_new_router_shows_a_rate_after_its_first_collection(place: MakePlace) -> None:
    edge = place()
    collect()
    assert edge.state("vlan101").in_bps == 0
    assert edge.state("vlan101").rated_at is not None
    edge.router.refresh_from_db()
    assert edge.router.discovered_at is not None
    assert edge.router.read_at is not None
    assert edge.router.system_name == edge.router.name


def test_a_router_that_is_not_polled_is_not_asked(place: MakePlace) -> None:
    edge = place(is_polled=False)
    assert collect().routers == 0
    assert not Poll.objects.filter(router=edge.router).exists()


def test_the_api_takes_over_where_snmp_fails(edge: Place) -> None:
    edge.change(snmp_community="wrong")
    five_minutes_pass()
    edge.traffic("vlan101", rx=1_000, tx=2_000)
    assert collect().failed == []
    assert edge.counted("vlan101") == (1_000, 2_000)
    poll = edge.last_poll()
    assert (poll.result, poll.source) == ("ok", "api")
    assert "SNMP failed" in poll.detail
    assert (edge.check("snmp").state, edge.check("api").state) == ("failed", "ok")


def test_going_from_snmp_to_the_api_and_back_loses_no_octet(edge: Place) -> None:
    for source in ("api", "snmp", "both"):
        edge.change(counter_source=source)
        five_minutes_pass()
        edge.traffic("vlan101", rx=1_000, tx=2_000)
        collect()
    assert edge.counted("vlan101") == (3_000, 6_000)


def test_without_any_credentials_it_says_so(place: MakePlace) -> None:
    edge = place(api_user="", snmp_community="")
    summary = collect()
    assert "no SNMP community or user and no API user is configured" in summary.failed[0]
    assert edge.last_poll().result == "unreachable"


# ---- interfaces that move, come and go


def test_after_renumbering_no_interface_is_taken_for_another(edge: Place) -> None:
    for place_, name in enumerate(("vlan101", "vlan102", "vlan103"), start=1):
        edge.traffic(name, rx=place_ * 10**9, tx=place_ * 10**9)
    five_minutes_pass()
    collect()
    before = {name: edge.counted(name) for name in ("vlan101", "vlan102", "vlan103")}
    old = {i.name: i.index for i in Interface.objects.all()}
    edge.control("renumber", by=0)  # the order is turned round: each takes the place of another
    five_minutes_pass()
    collect()
    new = {i.name: i.index for i in Interface.objects.all()}
    assert set(old.values()) == set(new.values())
    assert all(old[name] != new[name] for name in old)
    assert {name: edge.counted(name) for name in before} == before
    assert not InterfaceUsage.objects.filter(
        quality__gte=1, interface__name="vlan101", in_bps__isnull=True
    ).exists()
    entry = AuditEntry.objects.filter(action="discover").latest("pk")
    assert "vlan101" in entry.new["renumbered"]


def test_a_reboot_leaves_a_gap_with_its_reason_and_no_spike(edge: Place) -> None:
    edge.traffic("vlan101", rx=10**9, tx=10**9)
    five_minutes_pass()
    collect()
    counted, before = edge.counted("vlan101"), clock.now() - timedelta(hours=1)
    edge.control("reboot", renumber=True)
    five_minutes_pass()
    edge.traffic("vlan101", rx=5_000, tx=5_000)
    collect()
    assert edge.counted("vlan101") == counted
    state = edge.state("vlan101")
    assert (state.in_bps, state.rated_at) == (None, None)
    gap = InterfaceUsage.objects.filter(interface=edge.interface("vlan101")).latest("bucket")
    assert Quality(gap.quality) & Quality.RESTARTED
    edge.router.refresh_from_db()
    assert edge.router.booted_at is not None
    assert edge.router.booted_at > before


def test_after_a_reboot_counting_goes_on(edge: Place) -> None:
    edge.control("reboot")
    collect()
    before = edge.counted("vlan101")
    edge.traffic("vlan101", rx=7_000, tx=9_000)
    edge.lab.routers[edge.router.name].router.boot_at -= 600  # it is up ten minutes by now
    counter_states.put(edge.interface("vlan101"), uptime_ticks=60_000)
    collect()
    assert edge.counted("vlan101") == (before[0] + 7_000, before[1] + 9_000)


def test_a_32_bit_counter_wraps_and_counts_on(place: MakePlace) -> None:
    edge = place(**BY_SNMP)
    collect()
    Interface.objects.update(counter_bits=32)
    edge.control("preset", interface="vlan101", rx=2**32 - 1_000, tx=2**32 - 2_000)
    RouterCounters.objects.all().delete()
    collect()
    five_minutes_pass()
    edge.control("preset", interface="vlan101", rx=2**32 + 4_000, tx=2**32 + 4_000)
    collect()
    assert edge.counted("vlan101") == (5_000, 6_000)
    row = InterfaceUsage.objects.filter(interface=edge.interface("vlan101")).latest("bucket")
    assert Quality(row.quality) & Quality.WRAPPED


def test_an_interface_that_goes_is_kept_and_comes_back_as_itself(edge: Place) -> None:
    edge.traffic("vlan101", rx=9_000, tx=9_000)
    five_minutes_pass()
    collect()
    pk, counted = edge.interface("vlan101").pk, edge.counted("vlan101")
    edge.control("remove-interface", interface="vlan101")
    collect()
    assert edge.interface("vlan101").gone_at is not None
    assert edge.last_poll().result == "ok"
    edge.control("add-interface", name="vlan101", vlan_id=101, parent="sfp-sfpplus2")
    collect()
    back = edge.interface("vlan101")
    assert (back.pk, back.gone_at) == (pk, None)
    assert edge.counted("vlan101") == counted
    state = edge.state("vlan101")
    assert state.in_octets == 0
    assert Quality(state.bucket_quality) & Quality.COUNTER_FELL


def test_a_port_of_the_same_name_with_another_mac_is_another_port(edge: Place) -> None:
    five_minutes_pass()
    collect()
    counted = edge.counted("vlan101")
    edge.lab.routers[edge.router.name].router.interface("vlan101").mac = "02:00:00:00:00:01"
    edge.traffic("vlan101", rx=10**6, tx=10**6)
    discovery.discover(edge.router, by=discovery.COLLECTION)
    collect()
    assert edge.counted("vlan101") == counted
    assert Quality(edge.state("vlan101").bucket_quality) & Quality.DISCONTINUOUS
    edge.traffic("vlan101", rx=1_000, tx=1_000)
    collect()
    assert edge.counted("vlan101") == (counted[0] + 1_000, counted[1] + 1_000)


@pytest.mark.parametrize("columns", [BY_SNMP, BY_API], ids=["snmp", "api"])
def test_hostile_names_are_stored_harmless_and_counted(
    place: MakePlace, columns: dict[str, Any]
) -> None:
    edge = place(**columns)
    for kind in range(len(HOSTILE_NAMES)):
        name = f"vlan{200 + kind}"
        edge.control("add-interface", name=name, vlan_id=200 + kind, parent="sfp-sfpplus2")
        edge.control("hostile", interface=name, kind=kind)
    collect()
    names = set(Interface.objects.filter(router=edge.router).values_list("name", flat=True))
    assert names >= {visible(raw.decode("utf-8", "replace")) for raw in HOSTILE_NAMES}
    assert all(visible(name) == name for name in names)
    assert all(visible(i.alias) == i.alias for i in Interface.objects.all())
    assert len(counter_states.states()) == len(names)
    collect()
    assert edge.last_poll().result == "ok"
    assert Interface.objects.filter(router=edge.router).count() == len(names)
    assert not Interface.objects.exclude(gone_at=None).exists()


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
@pytest.mark.parametrize("columns", [BY_SNMP, BY_API], ids=["snmp", "api"])
def test_routers_are_reached_over_ipv6(place: MakePlace, columns: dict[str, Any]) -> None:
    edge = place(spec={"address": "::1"}, **columns)
    assert collect().failed == []
    assert edge.last_poll().result == "ok"


# ---- routers that fail, told apart


@pytest.mark.parametrize(
    ("mode", "source", "kind"),
    [
        ("blackhole", "snmp", "unreachable"),
        ("blackhole", "api", "unreachable"),
        ("refuse", "api", "refused"),
        ("dead", "snmp", "unreachable"),
        ("dead", "api", "refused"),
        ("nonsense", "snmp", "nonsense"),
        ("nonsense", "api", "nonsense"),
    ],
)
def test_how_a_router_fails_is_told_apart(
    place: MakePlace, mode: str, source: str, kind: str
) -> None:
    edge = place(counter_source=source)
    collect()
    before = edge.counted("vlan101")
    edge.control("mode", mode=mode)
    summary = collect()
    assert (summary.answered, len(summary.failed)) == (0, 1)
    assert summary.failed[0].startswith(edge.router.name)
    poll = edge.last_poll()
    assert (poll.result, poll.got) == (kind, 0)
    assert poll.detail
    check = edge.check(source)
    assert (check.state, check.error_kind) == ("failed", kind)
    assert poll.detail.endswith(check.error)
    assert edge.counted("vlan101") == before


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        (BY_SNMP | {"snmp_community": "wrong"}, "unreachable"),  # agents drop it silently
        (BY_V3 | {"snmp_user": "stranger"}, "refused"),
        (BY_V3 | {"snmp_auth_key": "wrong-password"}, "refused"),
        (BY_V3 | {"snmp_priv_key": "wrong-password"}, "refused"),
    ],
    ids=["community", "user", "auth", "priv"],
)
def test_wrong_snmp_credentials_never_read_anything(
    place: MakePlace, columns: dict[str, Any], kind: str
) -> None:
    edge = place(**columns)
    assert len(collect().failed) == 1
    poll = edge.last_poll()
    assert (poll.result, edge.check("snmp").error_kind) == (kind, kind)
    assert not counter_states.states()
    shown = poll.detail + edge.check("snmp").error
    assert all(secret not in shown for secret in ("wrong-password", "-password-1"))


def test_one_dead_router_costs_the_others_nothing(place: MakePlace) -> None:
    dead, well = place(**BY_SNMP), place(**BY_SNMP)
    dead.control("dead")
    summary = collect()
    assert (summary.routers, summary.answered) == (2, 1)
    assert well.state("vlan101").in_bps == 0
    assert str(summary).startswith("1 of 2 routers answered")


# ---- once, however often and by however many


def test_a_bucket_is_written_once_however_often_the_job_runs(edge: Place) -> None:
    five_minutes_pass()
    edge.traffic("vlan101", rx=3_000, tx=3_000)
    for _ in range(5):
        collect()
    assert edge.counted("vlan101") == (3_000, 3_000)
    buckets = InterfaceUsage.objects.filter(interface=edge.interface("vlan101"))
    assert len({row.bucket for row in buckets}) == buckets.count()


def test_two_collectors_at_once_count_nothing_twice(shared_place: MakePlace) -> None:
    edge = shared_place()
    collect()
    five_minutes_pass()
    edge.traffic("vlan101", rx=3_000, tx=3_000)
    start = threading.Barrier(3)
    failures: list[BaseException] = []

    def run() -> None:
        start.wait()
        try:
            collect()
        except BaseException as error:  # noqa: BLE001 - shown by the test's own thread
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert edge.counted("vlan101") == (3_000, 3_000)


class Failing:
    """A listener that cannot record what was collected, and so hears of nothing that was stored."""

    def record(self, collected: Collected) -> None:
        assert collected.router_ids
        raise ZeroDivisionError

    announce = record


@contextmanager
def one_that_fails() -> Iterator[None]:
    hooks.listeners.append(failing := Failing())
    try:
        yield
    finally:
        hooks.listeners.remove(failing)


def test_a_listener_that_raises_undoes_the_whole_store(edge: Place) -> None:
    def stored() -> list[Any]:
        return [
            list(model.objects.order_by("pk").values())
            for model in (RouterCounters, InterfaceUsage, Poll, Router)
        ]

    five_minutes_pass()
    edge.traffic("vlan101", rx=3_000, tx=3_000)
    before = stored()
    with one_that_fails(), pytest.raises(ZeroDivisionError):
        collect()
    assert stored() == before


def test_what_was_not_stored_is_counted_by_the_next_collection(edge: Place) -> None:
    five_minutes_pass()
    edge.traffic("vlan101", rx=3_000, tx=3_000)
    with one_that_fails(), pytest.raises(ZeroDivisionError):
        collect()
    collect()
    assert edge.counted("vlan101") == (3_000, 3_000)


def test_the_lab_speaks_of_itself() -> None:
    """So that a test that finds nothing does not pass for a lab that has nothing."""
    with running_lab([RouterSpec("r1", vlans=VLANS)]) as lab:
        assert len(lab.control("status")["routers"]["r1"]["interfaces"]) == 3 + len(VLANS)
