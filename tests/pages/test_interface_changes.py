"""What changed on a router, on its page: who may answer, and what the answer does."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from resellers.models import Mapping
from resellers.operations import interfaces
from routers.models import Interface, InterfaceChange
from tests.conftest import NOON
from tests.pages.conftest import HOSTILE

if TYPE_CHECKING:
    from django.test import Client

    from tests.pages.conftest import Isp

Kind = InterfaceChange.Kind


def _page(isp: "Isp", client: "Client") -> Any:
    return client.get(reverse("admin:routers_router_page", args=[isp.edge.pk]))


def _change(isp: "Isp", kind: str, name: str, **given: Any) -> InterfaceChange:
    return InterfaceChange.objects.create(
        router=isp.edge,
        at=given.pop("at", NOON - timedelta(minutes=30)),
        kind=kind,
        interface=isp.interfaces[name],
        **given,
    )


@pytest.fixture
def rename(isp: "Isp") -> InterfaceChange:
    """vlan-312, which carries Dhaka Fibre, seems to be called like HTML now."""
    Interface.objects.filter(name="vlan-312").update(gone_at=NOON - timedelta(minutes=30))
    return _change(isp, Kind.RENAMED, "vlan-312", other=isp.interfaces[HOSTILE])


def _url(answer: str, change: InterfaceChange) -> str:
    return reverse(f"admin:routers_router_{answer}_rename", args=[change.pk])


def _said(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def test_changes_are_told_together_by_discovery_and_kind(isp: "Isp", as_noc: "Client") -> None:
    for index, name in enumerate(isp.interfaces):
        _change(isp, Kind.RENUMBERED, name, index_before=index, index_after=index + 1)
    _change(isp, Kind.GONE, "ether1", at=NOON - timedelta(minutes=5))
    _change(isp, Kind.RENUMBERED, "ether1", at=NOON, index_before=1, index_after=9)
    single, gone, many = _page(isp, as_noc).context["changes"]
    assert (single.word, single.names, single.words) == ("Renumbered", ["ether1"], "ifIndex 1 → 9")
    assert (gone.word, gone.names, gone.at) == ("Gone", ["ether1"], NOON - timedelta(minutes=5))
    assert (many.total, len(many.names), many.more) == (4, 3, 1)


def test_a_router_whose_interfaces_never_changed_says_so(isp: "Isp", as_noc: "Client") -> None:
    assert "No interface appeared, went or changed its name" in _page(isp, as_noc).content.decode()


def test_a_suspicion_stands_first_and_says_whom_it_concerns(
    isp: "Isp", rename: InterfaceChange, as_noc: "Client"
) -> None:
    _change(isp, Kind.GONE, "ether1", at=NOON)
    response = _page(isp, as_noc)
    (suspicion,) = response.context["suspicions"]
    assert (suspicion.old, suspicion.new, suspicion.carries) == (
        "vlan-312",
        HOSTILE,
        "Dhaka Fibre",
    )
    html = response.content.decode()
    assert "<script>alert" not in html
    assert html.index(suspicion.confirm_url) < html.index('data-key="change-')


def test_the_live_frame_has_the_changes(isp: "Isp", rename: InterfaceChange) -> None:
    from routers.live import TOPICS

    spot = TOPICS[0].spots(str(isp.edge.pk))["changes"]
    assert _url("confirm", rename) in spot
    assert "<script>alert" not in spot


def test_confirming_asks_first_and_shows_what_discovery_saw(
    isp: "Isp", rename: InterfaceChange, as_noc: "Client"
) -> None:
    Interface.objects.filter(name="vlan-312").update(vlan_id=None, vlan_by_name=312)
    response = as_noc.get(_url("confirm", rename))
    seen = {row["label"]: (row["old"], row["new"]) for row in response.context["preview"]}
    assert seen["ifIndex"] == ("2", "4")
    assert seen["VLAN"] == ("312 by its name", "none")
    rename.refresh_from_db()
    assert rename.outcome == ""


def test_confirming_moves_the_mapping(
    isp: "Isp", rename: InterfaceChange, as_noc: "Client"
) -> None:
    said = _said(as_noc.post(_url("confirm", rename), follow=True))
    assert "is what vlan-312 was" in said
    mapping = Mapping.objects.get(reseller=isp.dhaka, ended_at=None)
    assert mapping.interface == isp.interfaces[HOSTILE]
    again = _said(as_noc.post(_url("confirm", rename), follow=True))
    assert "not open any more. Nothing was changed." in again


def test_a_confirmation_that_cannot_be_is_refused_in_words(
    isp: "Isp", rename: InterfaceChange, as_noc: "Client"
) -> None:
    Mapping.objects.filter(pk=isp.ctg_mapping.pk).update(interface=isp.interfaces[HOSTILE])
    said = _said(as_noc.post(_url("confirm", rename), follow=True))
    assert "already mapped on dhk-edge-01 to Chattogram Net. Nothing was changed." in said
    rename.refresh_from_db()
    assert rename.outcome == ""


def test_dismissing_moves_nothing(isp: "Isp", rename: InterfaceChange, as_noc: "Client") -> None:
    as_noc.post(_url("dismiss", rename))
    isp.dhaka_mapping.refresh_from_db()
    assert isp.dhaka_mapping.is_live
    (row,) = _page(isp, as_noc).context["changes"]
    assert row.words.endswith(": not the same interface by noc")


def test_who_only_looks_may_not_answer(
    isp: "Isp", rename: InterfaceChange, as_viewer: "Client", as_dhaka: "Client"
) -> None:
    for client in (as_viewer, as_dhaka):
        for answer in ("confirm", "dismiss"):
            assert client.post(_url(answer, rename)).status_code == 403
    rename.refresh_from_db()
    assert rename.outcome == ""


def test_what_is_no_rename_has_no_answer(isp: "Isp", as_noc: "Client") -> None:
    gone = _change(isp, Kind.GONE, "ether1")
    assert as_noc.get(_url("confirm", gone)).status_code == 404


def test_the_alert_of_a_mapping_is_on_the_page_of_its_reseller_and_of_no_other(
    isp: "Isp", rename: InterfaceChange, as_noc: "Client", as_dhaka: "Client", as_ctg: "Client"
) -> None:
    interfaces.judge_all()

    def page(reseller: Any) -> Any:
        return as_noc.get(reverse("admin:resellers_reseller_page", args=[reseller.pk]))

    own = page(isp.dhaka)
    words = [row.what for row in own.context["alerts"]]
    assert any("Interface vlan-312 is gone from dhk-edge-01: Dhaka Fibre" in each for each in words)
    (row,) = [r for r in own.context["alerts"] if "gone" in r.what]
    assert as_noc.get(row.subject_url).status_code == 200
    assert "vlan-312" not in page(isp.ctg).content.decode()
    alert = reverse("my:alert", args=[row.pk])
    assert [client.get(alert).status_code for client in (as_dhaka, as_ctg)] == [200, 404]
    for name in ("my:index", "my:links", "my:alerts"):
        assert "vlan-312" in as_dhaka.get(reverse(name)).content.decode()
        assert "vlan-312" not in as_ctg.get(reverse(name)).content.decode()
    (mapping,) = own.context["mappings"]
    assert mapping.gone_at == NOON - timedelta(minutes=30)


def test_a_router_of_another_make_is_called_what_it_is(isp: "Isp", as_noc: "Client") -> None:
    type(isp.edge).objects.filter(pk=isp.edge.pk).update(
        vendor="Cisco", board="ASR1000", os_name="IOS", os_version="16.6.5"
    )
    assert "Cisco ASR1000, IOS 16.6.5" in _page(isp, as_noc).content.decode()


def test_a_vlan_by_name_is_shown_as_a_guess_and_found(isp: "Isp", as_noc: "Client") -> None:
    Interface.objects.filter(name="ether1").update(vlan_by_name=310)
    rows = {row.name: row for row in _page(isp, as_noc).context["interfaces"]}
    assert rows["ether1"].kind_words == "VLAN 310 by its name"
    for q in ("310", "VLAN 310"):
        url = reverse("admin:routers_interface_changelist")
        found = as_noc.get(url, {"q": q}).context["cl"].result_list
        assert [each.name for each in found] == ["ether1"]
