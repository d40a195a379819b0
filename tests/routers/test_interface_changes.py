"""Interfaces that come, go and change their names: kept, shown, and never silently remapped."""

from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command

from ispcore.base import clock
from ispcore.base.models import AuditEntry
from monitoring.models import Alert
from resellers.models import Mapping, Reseller, Usage
from resellers.operations import interfaces, mappings, resellers
from routers.models import Interface, InterfaceChange, InterfaceUsage, Router
from routers.operations import collection, discovery, renames, retention
from routers.operations.renames import RenameSettled
from tests.conftest import NOON
from tests.routers.conftest import BY, Place, five_minutes_pass

Clock = Callable[[datetime], None]
Kind = InterfaceChange.Kind


def again(edge: Place) -> discovery.DiscoveryDiff:
    edge.router.refresh_from_db()
    return discovery.discover(edge.router, by=BY)


def kept(edge: Place) -> list[tuple[str, str, str]]:
    """(kind, name, other name) of all changes, oldest first."""
    rows = InterfaceChange.objects.filter(router=edge.router).order_by("pk")
    return [
        (row.kind, row.interface.name, str(row.other or ""))
        for row in rows.select_related("interface", "other")
    ]


def suspicion(edge: Place) -> InterfaceChange:
    return InterfaceChange.objects.get(router=edge.router, kind=Kind.RENAMED, resolved_at=None)


@pytest.fixture
def dhaka(db: None) -> Reseller:
    return resellers.create("Dhaka Fibre", by=BY)


def mapped(edge: Place, reseller: Reseller, name: str = "vlan101") -> Mapping:
    return mappings.add(reseller, interface=edge.interface(name), by=BY)


# ---- what is kept


def test_the_first_discovery_changes_nothing(edge: Place) -> None:
    assert Interface.objects.count() == 6
    assert kept(edge) == []


def test_what_a_discovery_found_is_kept_with_the_time(edge: Place) -> None:
    edge.control("add-interface", name="vlan104", vlan_id=104, parent="sfp-sfpplus2")
    again(edge)
    edge.control("remove-interface", interface="vlan104")
    again(edge)
    edge.control("add-interface", name="vlan104", vlan_id=104, parent="sfp-sfpplus2")
    again(edge)
    assert kept(edge) == [("new", "vlan104", ""), ("gone", "vlan104", ""), ("back", "vlan104", "")]
    times = list(InterfaceChange.objects.order_by("pk").values_list("at", flat=True))
    assert times == sorted(times)
    assert not again(edge).any
    assert len(kept(edge)) == 3


def test_renumbering_is_kept_with_both_indexes(edge: Place) -> None:
    before = edge.interface("vlan101").index
    edge.control("renumber", by=7)
    again(edge)
    row = InterfaceChange.objects.get(interface__name="vlan101")
    now = edge.interface("vlan101").index
    assert now != before
    assert (row.kind, row.index_before, row.index_after) == ("renumbered", before, now)
    assert InterfaceChange.objects.count() == 6


def test_sessions_that_come_and_go_are_not_kept(edge: Place) -> None:
    Interface.objects.create(
        router=edge.router,
        name="<pppoe-rahim>",
        index=900,
        if_type=23,
        first_seen_at=clock.now(),
        last_seen_at=clock.now(),
    )
    assert again(edge).gone == ["<pppoe-rahim>"]
    assert kept(edge) == []


def test_changes_are_forgotten_after_90_days_but_not_what_nobody_answered(edge: Place) -> None:
    edge.control("add-interface", name="vlan104", vlan_id=104, parent="sfp-sfpplus2")
    edge.control("rename", interface="vlan101", to="gulshan")
    again(edge)
    assert len(kept(edge)) == 2
    with clock.frozen(clock.now() + timedelta(days=91)):
        retention.forget()
    assert kept(edge) == [("renamed", "vlan101", "gulshan")]


# ---- renamed


def test_a_renamed_interface_is_suspected_and_not_the_same_series(edge: Place) -> None:
    old = edge.interface("vlan101")
    edge.control("rename", interface="vlan101", to="gulshan")
    diff = again(edge)
    assert (diff.renamed, diff.new, diff.gone) == ([("vlan101", "gulshan")], [], [])
    assert kept(edge) == [("renamed", "vlan101", "gulshan")]
    new = edge.interface("gulshan")
    assert new.pk != old.pk
    assert edge.interface("vlan101").gone_at is not None
    assert not hasattr(new, "counters")


def test_a_rename_is_noticed_by_the_next_poll(edge: Place) -> None:
    edge.control("rename", interface="vlan101", to="gulshan")
    collection.collect()
    assert kept(edge) == [("renamed", "vlan101", "gulshan")]


def test_an_interface_in_the_place_of_another_vlan_is_no_rename(edge: Place) -> None:
    edge.control("remove-interface", interface="vlan101")
    edge.control("add-interface", name="vlan104", vlan_id=104, parent="sfp-sfpplus2")
    assert again(edge).renamed == []
    assert {kind for kind, *_ in kept(edge)} == {"new", "gone"}


def test_a_name_that_changes_back_is_no_rename_any_more(edge: Place) -> None:
    edge.control("rename", interface="vlan101", to="gulshan")
    again(edge)
    edge.control("rename", interface="gulshan", to="vlan101")
    diff = again(edge)
    assert (diff.back, diff.gone, diff.renamed) == (["vlan101"], ["gulshan"], [])
    first = InterfaceChange.objects.get(kind=Kind.RENAMED)
    assert (first.outcome, first.resolved_by) == ("overtaken", "")


def test_a_name_that_changes_twice_is_led_back_to_the_first(edge: Place) -> None:
    edge.control("rename", interface="vlan101", to="gulshan")
    again(edge)
    edge.control("rename", interface="gulshan", to="banani")
    assert again(edge).renamed == [("vlan101", "banani")]
    assert (suspicion(edge).interface.name, str(suspicion(edge).other)) == ("vlan101", "banani")


def test_a_suspicion_whose_new_name_goes_too_is_overtaken(edge: Place) -> None:
    edge.control("rename", interface="vlan101", to="gulshan")
    again(edge)
    edge.control("remove-interface", interface="gulshan")
    assert again(edge).gone == ["gulshan"]
    assert InterfaceChange.objects.get(kind=Kind.RENAMED).outcome == "overtaken"


def test_the_command_prints_a_rename(edge: Place) -> None:
    edge.control("rename", interface="vlan101", to="gulshan")
    out = StringIO()
    call_command("discover_interfaces", edge.router.name, stdout=out)
    assert "  renamed: vlan101 → gulshan (confirm it on the router's page)" in out.getvalue()
    entry = AuditEntry.objects.filter(action="discover").latest("pk")
    assert entry.new["renamed"] == [["vlan101", "gulshan"]]


# ---- confirmed, or not


def test_until_somebody_confirms_the_mapping_stays(edge: Place, dhaka: Reseller) -> None:
    mapping = mapped(edge, dhaka)
    edge.control("rename", interface="vlan101", to="gulshan")
    collection.collect()
    mapping.refresh_from_db()
    assert (mapping.interface.name, mapping.ended_at) == ("vlan101", None)
    assert Mapping.objects.count() == 1


def test_confirming_moves_the_mapping_and_its_usage_goes_on(edge: Place, dhaka: Reseller) -> None:
    mapping = mapped(edge, dhaka)
    edge.traffic("vlan101", rx=3_000_000, tx=6_000_000)
    five_minutes_pass()
    Mapping.objects.update(started_at=mapping.started_at - timedelta(hours=1))
    collection.collect()
    history = list(Usage.objects.filter(mapping=mapping).values_list("bucket", flat=True))
    assert history
    edge.control("rename", interface="vlan101", to="gulshan")
    collection.collect()
    found_at = suspicion(edge).at
    old, new, moment = edge.interface("vlan101"), edge.interface("gulshan"), clock.now()
    InterfaceUsage.objects.create(
        interface=new, bucket=moment, in_octets=5, out_octets=6, in_bps=7, out_bps=8,
        covered_s=300, source="snmp",
    )  # fmt: skip
    renames.confirm_rename(old, new, by=BY)
    mapping.refresh_from_db()
    moved = Mapping.objects.get(ended_at=None)
    assert (moved.interface.name, moved.vlan_id, moved.side) == ("gulshan", 101, mapping.side)
    assert mapping.ended_at == moved.started_at == found_at
    assert list(Usage.objects.filter(mapping=mapping).values_list("bucket", flat=True)) == history
    taken_over = Usage.objects.get(mapping=moved)
    assert (taken_over.bucket, taken_over.in_octets, taken_over.out_bps) == (moment, 5, 8)
    assert [e.action for e in AuditEntry.objects.order_by("pk")][-2:] == [
        "move mapping",
        "confirm rename",
    ]
    change = InterfaceChange.objects.get(kind=Kind.RENAMED)
    assert (change.outcome, change.resolved_by) == ("confirmed", "test")


def test_what_was_measured_before_the_rename_is_not_taken_over(
    edge: Place, dhaka: Reseller
) -> None:
    mapped(edge, dhaka)
    edge.control("rename", interface="vlan101", to="gulshan")
    collection.collect()
    InterfaceUsage.objects.create(
        interface=edge.interface("gulshan"), bucket=clock.now() - timedelta(hours=1), in_bps=7,
        out_bps=8, covered_s=300, source="snmp",
    )  # fmt: skip
    renames.confirm_rename(edge.interface("vlan101"), edge.interface("gulshan"), by=BY)
    assert not Usage.objects.exists()


def test_only_one_answer_counts(edge: Place, dhaka: Reseller) -> None:
    mapped(edge, dhaka)
    edge.control("rename", interface="vlan101", to="gulshan")
    again(edge)
    old, new = edge.interface("vlan101"), edge.interface("gulshan")
    renames.confirm_rename(old, new, by=BY)
    for late in (renames.confirm_rename, renames.dismiss_rename):
        with pytest.raises(RenameSettled, match="not open any more"):
            late(old, new, by=BY)
    assert Mapping.objects.count() == 2


def test_two_interfaces_that_nobody_suspects_are_not_joined(edge: Place, dhaka: Reseller) -> None:
    mapping = mapped(edge, dhaka)
    with pytest.raises(RenameSettled):
        renames.confirm_rename(edge.interface("vlan101"), edge.interface("vlan102"), by=BY)
    mapping.refresh_from_db()
    assert mapping.is_live


def test_a_new_interface_that_carries_another_reseller_is_not_taken_away(
    edge: Place, dhaka: Reseller
) -> None:
    mapping = mapped(edge, dhaka)
    edge.control("rename", interface="vlan101", to="gulshan")
    again(edge)
    other = resellers.create("Chattogram Net", by=BY)
    mappings.add(other, interface=edge.interface("gulshan"), vlan_id=999, by=BY)
    with pytest.raises(ValidationError, match=r"already mapped on .* to Chattogram Net"):
        renames.confirm_rename(edge.interface("vlan101"), edge.interface("gulshan"), by=BY)
    mapping.refresh_from_db()
    assert mapping.is_live
    assert suspicion(edge).outcome == ""


def test_another_interface_after_all(edge: Place, dhaka: Reseller) -> None:
    mapping = mapped(edge, dhaka)
    edge.control("rename", interface="vlan101", to="gulshan")
    again(edge)
    renames.dismiss_rename(edge.interface("vlan101"), edge.interface("gulshan"), by=BY)
    mapping.refresh_from_db()
    assert mapping.is_live
    change = InterfaceChange.objects.get(kind=Kind.RENAMED)
    assert (change.outcome, change.resolved_by) == ("dismissed", "test")
    assert again(edge).renamed == []


# ---- the alert on a mapping whose interface is gone


def alert() -> Alert:
    return Alert.objects.get(subject_kind="resellers.mapping")


def test_a_mapping_whose_interface_is_gone_alerts_and_resolves_when_it_is_back(
    edge: Place, dhaka: Reseller
) -> None:
    mapping = mapped(edge, dhaka)
    edge.control("remove-interface", interface="vlan101")
    collection.collect()
    found = alert()
    assert (found.state, found.severity, found.subject_id) == ("open", "high", mapping.pk)
    assert found.subject == f"Dhaka Fibre on {edge.router}"
    assert found.summary == (
        f"Dhaka Fibre: interface vlan101 is gone from {edge.router}, and nothing is counted there"
    )
    assert found.tenant_id == dhaka.tenant_id
    interfaces.judge_all()
    assert alert().pk == found.pk
    edge.control("add-interface", name="vlan101", vlan_id=101, parent="sfp-sfpplus2")
    again(edge)
    assert alert().state == "resolved"


def test_an_interface_that_nobody_is_mapped_to_alerts_nobody(edge: Place) -> None:
    edge.control("remove-interface", interface="vlan101")
    collection.collect()
    interfaces.judge_all()
    assert not Alert.objects.exists()


def test_the_alert_of_a_rename_names_the_new_name_and_ends_with_the_answer(
    edge: Place, dhaka: Reseller
) -> None:
    mapped(edge, dhaka)
    edge.control("rename", interface="vlan101", to="gulshan")
    collection.collect()
    assert "it may be called gulshan now" in alert().summary
    renames.confirm_rename(edge.interface("vlan101"), edge.interface("gulshan"), by=BY)
    assert alert().state == "resolved"
    assert alert().events.latest("pk").text == "The mapping moved to gulshan"
    interfaces.judge_all()
    assert Alert.objects.count() == 1


def test_a_dismissed_rename_leaves_the_alert_without_the_guess(
    edge: Place, dhaka: Reseller
) -> None:
    mapped(edge, dhaka)
    edge.control("rename", interface="vlan101", to="gulshan")
    again(edge)
    renames.dismiss_rename(edge.interface("vlan101"), edge.interface("gulshan"), by=BY)
    assert alert().state == "open"
    assert "gulshan" not in alert().summary


def test_the_alert_ends_with_the_mapping(edge: Place, dhaka: Reseller) -> None:
    mapping = mapped(edge, dhaka)
    edge.control("remove-interface", interface="vlan101")
    again(edge)
    mappings.end(mapping, by=BY)
    assert alert().state == "resolved"
    interfaces.judge_all()
    assert Alert.objects.count() == 1


def test_the_alert_ends_where_nobody_looks_any_more(edge: Place, dhaka: Reseller) -> None:
    mapped(edge, dhaka)
    edge.control("remove-interface", interface="vlan101")
    again(edge)
    Router.objects.update(is_polled=False)
    interfaces.judge_all()
    assert alert().state == "resolved"
    Router.objects.update(is_polled=True)
    interfaces.judge_all()
    assert Alert.objects.filter(state="open").count() == 1


def test_an_alert_that_a_person_closed_comes_back_while_the_interface_is_gone(
    edge: Place, dhaka: Reseller
) -> None:
    mapped(edge, dhaka)
    edge.control("remove-interface", interface="vlan101")
    again(edge)
    Alert.objects.update(state="resolved", resolved_at=NOON)
    interfaces.judge_all()
    assert Alert.objects.filter(state="open").count() == 1


def test_judging_does_not_look_at_mappings_that_are_well(edge: Place, dhaka: Reseller) -> None:
    mapped(edge, dhaka)
    mapped(edge, dhaka, "vlan102")
    assert interfaces.judge_all() == 0
    edge.control("remove-interface", interface="vlan101")
    again(edge)
    assert interfaces.judge_all() == 1


def test_a_router_that_does_not_answer_raises_no_alert_of_its_mappings(
    edge: Place, dhaka: Reseller
) -> None:
    mapped(edge, dhaka)
    edge.control("dead")
    collection.collect()
    interfaces.judge_all()
    assert not Alert.objects.filter(subject_kind="resellers.mapping").exists()
