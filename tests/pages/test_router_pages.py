"""A router's page and form: secrets never come back, hostile names are only names."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from ispcore.base.models import AuditEntry
from routers.models import Interface, InterfaceUsage, Router
from tests.conftest import NOON
from tests.pages.conftest import HOSTILE

if TYPE_CHECKING:
    from django.test import Client

    from tests.pages.conftest import Isp

pytestmark = pytest.mark.one_database

SECRET = ("s3cret-community", "s3cret-password")
FORM = {
    "name": "utt-edge-01",
    "site": "Uttara",
    "tenant": "",
    "address": "10.9.9.9",
    "is_polled": "on",
    "counter_source": "both",
    "ping_method": "icmp",
    "snmp_port": "161",
    "snmp_version": "v2c",
    "snmp_community": "public",
    "snmp_user": "",
    "snmp_auth_protocol": "",
    "snmp_auth_key": "",
    "snmp_priv_protocol": "",
    "snmp_priv_key": "",
    "api_port": "8728",
    "api_tls_fingerprint": "",
    "api_user": "",
    "api_password": "",
}
V3 = {"snmp_version": "v3", "snmp_user": "noc", "snmp_community": ""}


def _url(name: str, *args: object) -> str:
    return reverse(f"admin:routers_router_{name}", args=args)


def _said(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def test_the_page_tells_how_the_router_is_reached(isp: "Isp", as_noc: "Client") -> None:
    context = as_noc.get(_url("page", isp.silent.pk)).context
    assert [chip.word for chip in context["chips"]] == ["No answer for 12\u00a0min"]
    assert {row.kind for row in context["checks"]} == {"critical"}
    assert context["polls"][0].words == "Unreachable: no answer in 2.0 s"


def test_interfaces_have_rates_and_who_is_behind_them(isp: "Isp", as_noc: "Client") -> None:
    rows = {row.name: row for row in as_noc.get(_url("page", isp.edge.pk)).context["interfaces"]}
    vlan = rows["vlan-312"]
    assert (vlan.reseller, vlan.down_bps, vlan.percent) == ("Dhaka Fibre", 540_000_000, 108)
    assert (rows["ether1"].down_bps, rows["ether1"].unknown_reason) == (None, "not read yet")


def test_interfaces_are_filtered(isp: "Isp", as_noc: "Client") -> None:
    Interface.objects.filter(name="ether1").update(oper_state="down")

    def names(show: str) -> set[str]:
        rows = as_noc.get(_url("page", isp.edge.pk), {"show": show}).context["interfaces"]
        return {row.name for row in rows}

    assert names("use") == names("nonsense") == {"vlan-312", "vlan-401", HOSTILE}
    assert names("all") == names("use") | {"ether1"}
    assert names("unmapped") == {"ether1", HOSTILE}


def test_an_interface_that_is_gone_is_unknown(isp: "Isp", as_noc: "Client") -> None:
    Interface.objects.filter(name="vlan-312").update(gone_at=NOON)
    rows = {row.name: row for row in as_noc.get(_url("page", isp.edge.pk)).context["interfaces"]}
    assert (rows["vlan-312"].state_kind, rows["vlan-312"].state) == ("unknown", "Gone")


def test_an_interface_of_a_router_that_is_not_read_is_unknown_and_not_up(
    isp: "Isp", as_noc: "Client"
) -> None:
    long_ago = NOON - timedelta(hours=1)
    Interface.objects.update(last_seen_at=long_ago)
    Router.objects.update(read_at=long_ago)
    rows = as_noc.get(_url("page", isp.edge.pk)).context["interfaces"]
    assert {row.state for row in rows} == {"Unknown"}


def test_sparklines_leave_gaps_open(isp: "Isp", as_noc: "Client") -> None:
    InterfaceUsage.objects.create(
        interface=isp.interfaces["vlan-312"],
        bucket=NOON - timedelta(minutes=10),
        in_bps=1,
        out_bps=7_000_000,
        covered_s=300,
        source="snmp",
    )
    rows = {row.name: row for row in as_noc.get(_url("page", isp.edge.pk)).context["interfaces"]}
    assert rows["vlan-312"].spark[-2:] == [7_000_000, None]


@pytest.mark.parametrize(
    "path",
    [
        "/admin/routers/router/{router}/?show=all",
        "/admin/routers/interface/",
        "/admin/routers/interface/{interface}/change/",
        "/admin/search/?q=script",
        "/admin/resellers/mapping/add/",
    ],
)
def test_a_hostile_name_is_shown_as_text(isp: "Isp", as_noc: "Client", path: str) -> None:
    url = path.format(router=isp.edge.pk, interface=isp.interfaces[HOSTILE].pk)
    html = as_noc.get(url).content.decode()
    assert "<script>alert" not in html
    assert "<b>x</b>" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_the_live_frame_escapes_hostile_names_too(isp: "Isp") -> None:
    from routers.live import TOPICS

    spots = TOPICS[0].spots(str(isp.edge.pk))
    assert "<script>alert" not in spots["interfaces"]
    assert "&lt;script&gt;" in spots["interfaces"]


def test_only_staff_watch_a_router(isp: "Isp", noc: Any, viewer: Any, reseller_dhaka: Any) -> None:
    from routers.live import TOPICS

    key = str(isp.edge.pk)
    assert [TOPICS[0].allowed(who, key) for who in (noc, viewer, reseller_dhaka)] == [
        True,
        True,
        False,
    ]
    with pytest.raises(LookupError):
        TOPICS[0].spots("0")


# ---- secrets


def test_stored_secrets_never_come_back(
    isp: "Isp", as_admin: "Client", as_viewer: "Client"
) -> None:
    urls = [_url("change", isp.edge.pk), _url("page", isp.edge.pk), _url("changelist")]
    for client in (as_admin, as_viewer):
        for url in urls:
            html = client.get(url, follow=True).content.decode()
            assert not any(secret in html for secret in SECRET)
    assert "one is stored; empty keeps it" in as_admin.get(urls[0]).content.decode()


def test_an_empty_box_keeps_the_secret_and_a_typed_one_replaces_it(
    isp: "Isp", as_admin: "Client"
) -> None:
    form = FORM | {"name": isp.edge.name, "address": isp.edge.address, "snmp_community": ""}
    as_admin.post(_url("change", isp.edge.pk), form | {"api_password": "new-password"})
    router = Router.objects.get(pk=isp.edge.pk)
    assert (router.snmp_community, router.api_password) == ("s3cret-community", "new-password")
    log = str(list(AuditEntry.objects.filter(object_kind="routers.router").values()))
    assert "new-password" not in log
    assert "s3cret" not in log


def test_a_secret_is_forgotten_when_asked(isp: "Isp", as_admin: "Client") -> None:
    form = FORM | {"name": isp.edge.name, "address": isp.edge.address, "snmp_community": ""}
    as_admin.post(_url("change", isp.edge.pk), form | {"forget": ["api_password"]})
    router = Router.objects.get(pk=isp.edge.pk)
    assert (router.snmp_community, router.api_password) == ("s3cret-community", "")


@pytest.mark.parametrize(
    ("moved", "faults"),
    [
        ({"address": "198.51.100.9"}, ["api_password", "snmp_community"]),
        ({"snmp_port": "1161"}, ["snmp_community"]),
        ({"api_port": "8729"}, ["api_password"]),
        ({"site": "Mirpur"}, []),
    ],
)
def test_a_stored_secret_is_sent_nowhere_else(
    isp: "Isp", as_admin: "Client", moved: dict[str, str], faults: list[str]
) -> None:
    """Who may change a router could read its secrets at a host of their own otherwise."""
    form = FORM | {"name": isp.edge.name, "address": isp.edge.address, "snmp_community": ""}
    answer = as_admin.post(_url("change", isp.edge.pk), form | moved)
    found = sorted(answer.context["adminform"].form.errors) if answer.status_code == 200 else []
    assert found == faults
    typed = dict.fromkeys(faults, "typed-again")
    assert as_admin.post(_url("change", isp.edge.pk), form | moved | typed).status_code == 302


def test_a_refused_form_does_not_repeat_what_was_typed_as_a_secret(
    isp: "Isp", as_admin: "Client"
) -> None:
    html = as_admin.post(_url("add"), FORM | {"name": "", "snmp_community": "typed-now"}).content
    assert b"typed-now" not in html


# ---- the form


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"address": "300.1.1.1"}, "Enter a valid IPv4 or IPv6 address"),
        ({"api_port": "70000"}, "less than or equal to 65535"),
        ({"name": "dhk-edge-01"}, "already exists"),
        ({"address": "10.0.0.1"}, "Another router has this address and API port already"),
        ({"api_tls_fingerprint": "AA:BB"}, "64 hex digits"),
        ({"snmp_community": ""}, "Nothing can be polled without credentials"),
        ({"counter_source": "api"}, "The RouterOS API needs a user"),
        (V3 | {"snmp_user": ""}, "SNMP v3 needs a user"),
        (V3 | {"snmp_auth_protocol": "SHA1"}, "SNMP v3 with authentication needs a key"),
        (
            V3 | {"snmp_auth_protocol": "SHA1", "snmp_auth_key": "short"},
            "A key has at least 8 characters; this has 5",
        ),
        (
            V3 | {"snmp_priv_protocol": "AES128", "snmp_priv_key": "long-enough"},
            "Privacy needs authentication",
        ),
    ],
)
def test_what_is_impossible_is_named_and_not_stored(
    isp: "Isp", as_admin: "Client", values: dict[str, str], fault: str
) -> None:
    response = as_admin.post(_url("add"), FORM | values)
    assert response.status_code == 200
    assert fault in response.content.decode()
    assert Router.objects.count() == 2


def test_a_router_with_an_ipv6_address_and_v3_is_stored(isp: "Isp", as_admin: "Client") -> None:
    keys = {"snmp_auth_protocol": "SHA256", "snmp_auth_key": "auth-key-1"}
    keys |= {"snmp_priv_protocol": "AES128", "snmp_priv_key": "priv-key-1"}
    pin = {"api_tls_fingerprint": "ab" * 32, "api_user": "portal"}
    done = as_admin.post(
        _url("add"), FORM | V3 | keys | pin | {"address": "2001:db8::1"}, follow=True
    )
    router = Router.objects.get(name="utt-edge-01")
    assert (router.address, router.snmp_auth_key) == ("2001:db8::1", "auth-key-1")
    assert router.api_tls_fingerprint == ":".join(["AB"] * 32)
    assert done.redirect_chain[-1][0] == _url("page", router.pk)
    assert AuditEntry.objects.filter(action="create", object_kind="routers.router").exists()


def test_a_router_with_mappings_is_not_deleted(isp: "Isp", as_admin: "Client") -> None:
    said = _said(as_admin.post(_url("delete", isp.edge.pk), {"post": "yes"}, follow=True))
    assert "turn its polling off instead" in said
    assert Router.objects.filter(pk=isp.edge.pk).exists()


def test_a_router_without_mappings_is_deleted(isp: "Isp", as_admin: "Client") -> None:
    as_admin.post(_url("delete", isp.silent.pk), {"post": "yes"})
    assert not Router.objects.filter(pk=isp.silent.pk).exists()
    assert AuditEntry.objects.filter(action="delete", object_name="ctg-edge-01").exists()


# ---- buttons that speak to a router; on these ports of this machine nobody listens


@pytest.fixture
def deaf(isp: "Isp", free_port: int) -> Router:
    router = isp.silent
    Router.objects.filter(pk=router.pk).update(
        address="127.0.0.1", api_port=free_port, snmp_port=free_port, ping_method="tcp"
    )
    return router


def test_a_connection_test_shows_each_step(deaf: Router, as_noc: "Client") -> None:
    context = as_noc.post(_url("test", deaf.pk)).context
    assert [step["kind"] for step in context["steps"]] == ["critical"] * 3
    assert all(step["words"] for step in context["steps"])
    assert context["verdict"] == {"kind": "critical", "words": "3 of 3 steps fail"}


def test_a_discovery_that_fails_changes_nothing_and_says_so(deaf: Router, as_noc: "Client") -> None:
    said = _said(as_noc.post(_url("discover", deaf.pk), follow=True))
    assert said.startswith("ctg-edge-01: ")
    assert "Nothing was changed" in said


def test_a_poll_that_fails_says_why(deaf: Router, as_noc: "Client") -> None:
    Router.objects.filter(pk=deaf.pk).update(discovered_at=NOON)
    said = _said(as_noc.post(_url("poll", deaf.pk), follow=True))
    assert "ctg-edge-01" in said
    assert "Nothing was collected" in said


def test_a_router_with_polling_off_is_not_polled(isp: "Isp", as_noc: "Client") -> None:
    Router.objects.filter(pk=isp.edge.pk).update(is_polled=False)
    assert "polling is off" in _said(as_noc.post(_url("poll", isp.edge.pk), follow=True))


def test_interfaces_are_found_by_vlan_name_and_router(isp: "Isp", as_noc: "Client") -> None:
    def found(q: str) -> int:
        url = reverse("admin:routers_interface_changelist")
        return len(as_noc.get(url, {"q": q}).context["cl"].result_list)

    assert [found(q) for q in ("312", "VLAN 401", "dhk-edge", "ether1", "zz")] == [1, 1, 4, 1, 0]
