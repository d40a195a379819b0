"""Interfaces that come, go and change their names: kept, shown, and never silently remapped."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection

from ispcore.base import clock
from ispcore.base.models import AuditEntry
from resellers.models import Mapping, Reseller, Usage
from resellers.operations import mappings, resellers
from routers.models import Interface, InterfaceChange, InterfaceUsage
from routers.operations import collection, discovery, renames, retention
from routers.operations.renames import RenameSettled
from tests import counter_states
from tests.routers.conftest import BY, MakePlace, Place, five_minutes_pass

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
    assert new.pk not in counter_states.states()


def test_a_rename_is_noticed_by_the_next_poll(edge: Place) -> None:
    edge.control("rename", interface="vlan101", to="gulshan")
    collection.collect()
    assert kept(edge) == [("renamed", "vlan101", "gulshan")]


def test_an_interface_in_the_place_of_another_vlan_is_no_rename(edge: Place) -> None:
    edge.control("remove-interface", interface="vlan101")
    edge.control("add-interface", name="vlan104", vlan_id=104, parent="sfp-sfpplus2")
    assert again(edge).renamed == []
    assert {kind for kind, *_ in kept(edge)} == {"new", "gone"}


def test_after_a_restart_an_index_proves_nothing_and_a_mac_of_its_own_does(edge: Place) -> None:
    """The VLANs of a port share its MAC; also where the restart was polled before discovery."""
    edge.control("reboot")
    edge.control("rename", interface="vlan101", to="gulshan")
    edge.control("rename", interface="ether1", to="mgmt")
    collection.collect()
    assert set(kept(edge)) == {
        ("renamed", "ether1", "mgmt"),
        ("gone", "vlan101", ""),
        ("new", "gulshan", ""),
    }


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


def at_once(works: Sequence[Callable[[], object]]) -> list[BaseException]:
    """Each in a thread of its own, started together; what they raised."""
    raised: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        start.wait()
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - shown by the test's own thread
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_two_answers_and_a_collection_at_once_move_the_mapping_once(
    shared_place: MakePlace,
) -> None:
    edge = shared_place()
    collection.collect()
    mapped(edge, resellers.create("Dhaka Fibre", by=BY))
    edge.control("rename", interface="vlan101", to="gulshan")
    collection.collect()
    five_minutes_pass()
    old, new = edge.interface("vlan101"), edge.interface("gulshan")
    works = (
        lambda: renames.confirm_rename(old, new, by=BY),
        lambda: renames.confirm_rename(old, new, by=BY),
        collection.collect,
        lambda: again(edge),
    )
    failures = at_once(works)
    assert [type(failure) for failure in failures] == [RenameSettled]
    moved = Mapping.objects.get(ended_at=None)
    assert moved.interface == new
    samples = InterfaceUsage.objects.filter(interface=new, bucket__gte=moved.started_at)
    mine = Usage.objects.filter(mapping=moved)
    assert set(samples.values_list("bucket")) <= set(mine.values_list("bucket"))
