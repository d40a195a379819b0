"""Search, rules, the menu, and how many queries each page may cost."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from dashboards import search
from ispcore.base import clock
from ispcore.base.models import AuditEntry
from monitoring.models import Alert, Rule
from radius.models import PostAuth

if TYPE_CHECKING:
    from django.test import Client

    from tests.pages.conftest import Isp

pytestmark = pytest.mark.one_database


def _found(client: "Client", q: str) -> dict[str, list[str]]:
    response = client.get(reverse("admin:search"), {"q": q})
    return {g.title: [row.title for row in g.rows] for g in response.context["groups"] if g.rows}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("312", {"Resellers": ["Dhaka Fibre"], "Interfaces": ["vlan-312"]}),
        ("vlan 401", {"Resellers": ["Chattogram Net"], "Interfaces": ["vlan-401"]}),
        ("+880 1712", {"Resellers": ["Dhaka Fibre"]}),
        ("rahim", {"Resellers": ["Dhaka Fibre"], "Subscribers": ["line-rahim"]}),
        ("fd00::2", {"Routers": ["ctg-edge-01"]}),
        ("nothing like it", {}),
        ("%", {}),
    ],
)
def test_search_knows_names_phones_addresses_and_vlans(
    isp: "Isp", as_noc: "Client", query: str, found: dict[str, list[str]]
) -> None:
    assert _found(as_noc, query) == found


def test_a_name_that_nobody_has_is_found_while_it_is_refused(
    isp: "Isp", as_noc: "Client", frozen_clock: Any
) -> None:
    dialled = {"username": "rahmi", "reply": "Access-Reject", "reason": "unknown user"}
    at = clock.now()
    PostAuth.objects.create(answered_at=at - timedelta(days=1), **dialled)
    (group,) = as_noc.get(reverse("admin:search"), {"q": "rahmi"}).context["groups"][2:3]
    assert (group.title, [row.title for row in group.rows]) == (search.STRANGERS, ["rahmi"])
    assert "no subscriber of this name" in group.rows[0].detail
    PostAuth.objects.create(username="rahmi", reply="Access-Accept", answered_at=at)
    assert _found(as_noc, "rahmi") == {}


def test_an_exact_name_goes_straight_there(isp: "Isp", as_noc: "Client") -> None:
    response = as_noc.get(reverse("admin:search"), {"q": "DHK-edge-01"})
    assert response["Location"] == reverse("admin:routers_router_page", args=[isp.edge.pk])


def test_a_tenant_finds_only_itself(isp: "Isp", reseller_ctg: Any) -> None:
    """The search page is for staff; whoever else asks the search itself finds the own rows."""

    def found(words: str) -> dict[str, list[str]]:
        groups = search.find(reseller_ctg, words).groups
        return {group.title: [row.title for row in group.rows] for group in groups if group.rows}

    assert found("312") == found("dhk") == {}
    assert found("401") == {"Resellers": ["Chattogram Net"]}


@pytest.mark.parametrize("query", ["", " ", "\x00", "a" * 5000, "<script>", "99999999999999999999"])
def test_search_survives_anything(isp: "Isp", as_noc: "Client", query: str) -> None:
    response = as_noc.get(reverse("admin:search"), {"q": query})
    assert response.status_code == 200
    assert "<script>alert" not in response.content.decode()


# ---- rules

RULE = {
    "name": "Odd",
    "metric": "router.unreachable_s",
    "comparison": "ge",
    "for_s": "0",
    "clear_for_s": "0",
    "hysteresis": "0",
    "warning_severity": "medium",
    "critical_severity": "critical",
    "is_enabled": "on",
}


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"warning": "", "critical": ""}, "Give a warning or a critical threshold"),
        ({"warning": "90", "critical": "80"}, "Critical must lie beyond warning"),
        ({"warning": "1", "critical": "2", "hysteresis": "-1"}, "greater than or equal to 0"),
        ({"warning": "nan", "critical": ""}, "Enter a number"),
    ],
)
def test_a_rule_that_makes_no_sense_is_not_stored(
    as_admin: "Client", values: dict[str, str], fault: str
) -> None:
    html = as_admin.post(reverse("admin:monitoring_rule_add"), RULE | values).content.decode()
    assert fault in html
    assert not Rule.objects.filter(name="Odd").exists()


def test_a_rule_is_stored_and_recorded(as_admin: "Client") -> None:
    as_admin.post(reverse("admin:monitoring_rule_add"), RULE | {"warning": "60", "critical": "120"})
    assert Rule.objects.get(name="Odd").critical == 120
    assert AuditEntry.objects.filter(action="create", object_name="Odd", actor="admin").exists()


def test_switching_a_rule_off_says_that_its_alerts_stay(isp: "Isp", as_admin: "Client") -> None:
    rule = Rule.objects.get(name="Router unreachable")
    Alert.objects.filter(pk=isp.away.pk).update(rule=rule)
    form = RULE | {"name": rule.name, "critical": "20"}
    del form["is_enabled"]
    url = reverse("admin:monitoring_rule_change", args=[rule.pk])
    response = as_admin.post(url, form, follow=True)
    assert "its open alerts (1) stay" in " ".join(map(str, response.context["messages"]))
    assert not Rule.objects.get(pk=rule.pk).is_enabled


# ---- the menu


def _menu(client: "Client", url: str) -> dict[str, list[str]]:
    apps = client.get(url, follow=True).context["available_apps"]
    return {app["name"]: [model["name"] for model in app["models"]] for app in apps}


def test_the_menu_is_in_the_order_of_the_work(as_admin: "Client") -> None:
    assert _menu(as_admin, reverse("admin:index")) == {
        "Monitoring": ["Overview", "Alerts", "Rules"],
        "Resellers": ["Resellers", "Plans", "Mappings"],
        "Subscribers": ["Subscribers", "Packages"],
        "Routers": ["Routers", "Interfaces"],
        "Accounts": [
            *("Accounts", "API tokens", "Login rules", "Audit log", "Provisioning journal"),
        ],
    }
