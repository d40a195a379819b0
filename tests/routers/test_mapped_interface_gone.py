"""A mapping whose interface is gone: an alert that ends by itself, and never a guess."""

from monitoring.models import Alert
from resellers.models import Reseller
from resellers.operations import interfaces, mappings
from routers.models import Router
from routers.operations import collection, renames
from tests.conftest import NOON
from tests.routers.conftest import BY, Place
from tests.routers.test_interface_changes import again, mapped


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
        f"Interface vlan101 is gone from {edge.router}: Dhaka Fibre is not counted there"
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
    assert "It may be called gulshan now" in alert().summary
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
