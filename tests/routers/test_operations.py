"""Entering, changing, discovering, testing and removing routers."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from ispcore.base import clock
from ispcore.base.models import AuditEntry
from ispcore.base.tasks import tidy_series
from ispcore.protocols.errors import ProtocolError, Unreachable
from monitoring.models import Alert
from resellers.operations import mappings, resellers
from routers.models import Interface, InterfaceUsage, Poll, Router, RouterCounters
from routers.operations import collection, connection, discovery, retention, routers, status
from routers.operations.routers import RouterInUse
from routers.queries import current_rates, sparks
from tests.routers.conftest import BY, MakePlace, Place, five_minutes_pass

Clock = Callable[[datetime], None]


def a_router(**columns: Any) -> Router:
    return Router(**{"name": "utt-edge-01", "address": "10.88.4.1"} | columns)


# ---- entering


def test_a_new_router_is_in_the_audit_log(db: None) -> None:
    routers.save(a_router(), by=BY)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_name) == ("create", "utt-edge-01")
    assert entry.new["address"] == "10.88.4.1"
    assert "polled_at" not in entry.new


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"address": "10.88.4.300"}, "address"),
        ({"address": "edge.example.net"}, "address"),
        ({"api_port": 0}, "api_port"),
        ({"snmp_port": 65_536}, "snmp_port"),
        ({"name": ""}, "name"),
        ({"snmp_version": "v1"}, "snmp_version"),
        ({"api_tls_fingerprint": "ab:cd"}, "api_tls_fingerprint"),
        ({"snmp_version": "v3", "snmp_priv_protocol": "AES128"}, "snmp_priv_protocol"),
        (
            {"snmp_version": "v3", "snmp_auth_protocol": "SHA1", "snmp_auth_key": "short"},
            "snmp_auth_key",
        ),
        (
            {
                "snmp_version": "v3",
                "snmp_auth_protocol": "SHA1",
                "snmp_auth_key": "long-enough",
                "snmp_priv_protocol": "DES",
                "snmp_priv_key": "short",
            },
            "snmp_priv_key",
        ),
    ],
)
def test_an_impossible_router_is_refused_by_field_and_changes_nothing(
    db: None, columns: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        routers.save(a_router(**columns), by=BY)
    assert field in refused.value.message_dict
    assert not Router.objects.exists()
    assert not AuditEntry.objects.exists()


def test_two_routers_do_not_share_an_address_and_port(db: None) -> None:
    routers.save(a_router(), by=BY)
    with pytest.raises(ValidationError, match="has this address and API port already"):
        routers.save(a_router(name="another"), by=BY)
    routers.save(a_router(name="behind-the-same-address", api_port=8729), by=BY)


def test_a_form_that_was_open_for_long_does_not_put_back_what_collection_found(edge: Place) -> None:
    old_form = Router.objects.get()
    Router.objects.update(read_at=None, system_name="before", board="x")
    old_form = Router.objects.get()
    collection.collect()
    old_form.site = "Uttara"
    routers.save(old_form, by=BY)
    stored = Router.objects.get()
    assert stored.site == "Uttara"
    assert stored.read_at is not None
    entry = AuditEntry.objects.filter(action="change").get()
    assert (entry.old, entry.new) == ({"site": ""}, {"site": "Uttara"})


# ---- removing


def test_a_router_is_removed_with_all_that_was_collected_of_it(edge: Place) -> None:
    five_minutes_pass()
    collection.collect()
    status.record([status.Checked(edge.router, "snmp", ok=False, error="x")])
    routers.delete(edge.router, by=BY)
    for model in (Router, Interface, RouterCounters, InterfaceUsage, Poll):
        assert not model._default_manager.exists()
    assert AuditEntry.objects.filter(action="delete").count() == 1


def test_a_router_that_carries_a_reseller_is_not_removed(edge: Place) -> None:
    reseller = resellers.create("Dhaka Fibre", by=BY)
    mappings.add(reseller, interface=edge.interface("vlan101"), by=BY)
    with pytest.raises(RouterInUse, match="carries or carried 1 mapping"):
        routers.delete(edge.router, by=BY)
    assert Router.objects.exists()
    assert not AuditEntry.objects.filter(action="delete").exists()


def test_a_removed_router_leaves_no_alert_behind(edge: Place, frozen_clock: Clock) -> None:
    frozen_clock(clock.now())
    status.record([status.Checked(edge.router, m, ok=False, error="x") for m in ("snmp", "api")])
    frozen_clock(clock.now() + timedelta(seconds=30))
    status.evaluate([edge.router])
    assert Alert.objects.get().state == "open"
    routers.delete(edge.router, by=BY)
    assert Alert.objects.get().state == "resolved"


# ---- discovering


def test_discovery_tells_new_gone_back_and_renumbered(edge: Place) -> None:
    def again() -> discovery.DiscoveryDiff:
        return discovery.discover(edge.router, by=BY)

    assert not again().any
    edge.control("add-interface", name="vlan104", vlan_id=104, parent="sfp-sfpplus2")
    assert (again().new, again().new) == (["vlan104"], [])
    edge.control("remove-interface", interface="vlan104")
    assert (again().gone, again().gone) == (["vlan104"], [])
    edge.control("add-interface", name="vlan104", vlan_id=104, parent="sfp-sfpplus2")
    assert again().back == ["vlan104"]
    edge.control("renumber")
    diff = again()
    assert "vlan101" in diff.renumbered
    assert diff.total == 7


def test_discovery_reads_vlan_ids_and_the_board_from_the_api(edge: Place) -> None:
    assert edge.interface("vlan101").vlan_id == 101
    edge.router.refresh_from_db()
    assert edge.router.board == "CCR2004-1G-12S+2XS"
    assert "7.16.2" in edge.router.os_version


def test_discovery_without_the_api_leaves_vlan_ids_as_they_are(edge: Place) -> None:
    edge.change(api_password="wrong")
    discovery.discover(edge.router, by=BY)
    assert edge.interface("vlan101").vlan_id == 101
    edge.change(api_user="")
    discovery.discover(edge.router, by=BY)
    assert edge.interface("vlan101").vlan_id == 101


def test_discovery_by_the_api_keeps_the_speed_that_snmp_told(edge: Place) -> None:
    before = edge.interface("sfp-sfpplus2").speed_bps
    assert before == 10_000_000_000
    edge.change(snmp_community="wrong")
    discovery.discover(edge.router, by=BY)
    assert edge.interface("sfp-sfpplus2").speed_bps == before


def test_a_router_that_does_not_answer_keeps_its_interfaces(edge: Place) -> None:
    edge.control("blackhole")
    with pytest.raises(Unreachable):
        discovery.discover(edge.router, by=BY)
    assert not Interface.objects.exclude(gone_at=None).exists()


def test_of_many_routers_each_has_its_own_outcome(place: MakePlace) -> None:
    well, dead, bare = place(), place(api_user=""), place(api_user="", snmp_community="")
    dead.control("dead")
    outcomes = discovery.discover_many([well.router, dead.router, bare.router], by=BY)
    diff = outcomes[well.router.pk]
    assert isinstance(diff, discovery.DiscoveryDiff)
    assert diff.total == 6
    assert isinstance(outcomes[dead.router.pk], Unreachable)
    assert isinstance(outcomes[bare.router.pk], ProtocolError)


# ---- testing the connection


def test_the_connection_test_shows_each_step_with_its_time(place: MakePlace) -> None:
    edge = place(ping_method="tcp")
    steps = connection.test(edge.router)
    assert [step.ok for step in steps] == [True, True, True]
    assert all(step.took_ms is not None for step in steps)
    assert "RouterOS 7.16.2" in steps[1].words
    assert steps[2].words == f"{edge.router.name}, MikroTik CCR2004-1G-12S+2XS, 6 interfaces"
    assert {c.method: c.state for c in edge.router.checks.all()} == {
        "ping": "ok",
        "api": "ok",
        "snmp": "ok",
    }


def test_the_connection_test_leaves_out_what_is_not_configured(place: MakePlace) -> None:
    edge = place(api_user="", snmp_community="")
    steps = connection.test(edge.router)
    assert [(step.ok, step.words) for step in steps] == [
        (None, "off"),
        (None, "no API user stored"),
        (None, "no SNMP community or user stored"),
    ]
    assert not edge.router.checks.exists()


def test_the_connection_test_tells_how_each_step_fails(place: MakePlace) -> None:
    edge = place(ping_method="tcp")
    edge.control("dead")
    ping, api, snmp = connection.test(edge.router)
    assert (ping.ok, ping.error_kind) == (False, "unreachable")
    assert (api.ok, api.error_kind) == (False, "refused")
    assert (snmp.ok, snmp.error_kind) == (False, "unreachable")


def test_an_address_that_no_ping_can_reach_is_unknown(db: None) -> None:
    router = routers.save(a_router(ping_method="tcp"), by=BY)
    router.address = "ff02::1"
    ping = connection.test(router)[0]
    assert ping.ok is None
    assert ping.words.startswith("unknown: ")


def test_logins_are_checked_side_by_side_where_there_are_credentials(place: MakePlace) -> None:
    right, wrong, without = place(), place(api_password="wrong"), place(api_user="")
    found = connection.check_apis([right.router, wrong.router, without.router])
    assert [(each.router, each.ok, each.error_kind) for each in found] == [
        (right.router, True, ""),
        (wrong.router, False, "refused"),
    ]


# ---- reading


def test_a_rate_that_is_too_old_is_not_the_current_rate(edge: Place) -> None:
    five_minutes_pass()
    collection.collect()
    pk = edge.interface("vlan101").pk
    assert pk in current_rates([edge.router.pk])
    with clock.frozen(clock.now() + timedelta(minutes=11)):
        assert current_rates([edge.router.pk]) == {}


def test_sparks_are_six_hours_with_unknown_where_nothing_was_read(edge: Place) -> None:
    edge.traffic("vlan101", rx=37_500, tx=75_000)
    for _ in range(2):
        five_minutes_pass()
        collection.collect()
    line = sparks([edge.interface("vlan101").pk, 999_999])
    assert len(line[999_999]) == 72
    known = [each for each in line[edge.interface("vlan101").pk] if each != (None, None)]
    assert 1 <= len(known) <= 3


# ---- forgetting


def test_old_polls_and_samples_are_forgotten(edge: Place) -> None:
    five_minutes_pass()
    collection.collect()
    polls = Poll.objects.count()
    assert InterfaceUsage.objects.exists()
    tidy_series()
    assert retention.forget() == 0
    assert InterfaceUsage.objects.exists()
    with clock.frozen(clock.now() + timedelta(days=9)):
        assert retention.forget() == polls
        tidy_series()
    assert not InterfaceUsage.objects.exists()
