"""Everybody has one site: who comes to the other one is led to the own, and forms are refused."""

from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.shortcuts import resolve_url
from django.urls import reverse

from ispcore.accounts.models import Account
from monitoring.models import Alert

if TYPE_CHECKING:
    from django.test import Client

    from tests.pages.conftest import Isp

HOME = "/my/"


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ("index", "my:index"),
        ("resellers_reseller_changelist", "my:index"),
        ("resellers_mapping_changelist", "my:links"),
        ("monitoring_alert_changelist", "my:alerts"),
        ("subscribers_subscriber_changelist", "my:subscribers"),
        ("accounts_account_changelist", "my:people"),
        ("password_change", "my:password_change"),
        ("routers_router_changelist", "my:index"),
        ("monitoring_rule_changelist", "my:index"),
        ("base_auditentry_changelist", "my:history"),
        ("search", "my:index"),
        ("login", "my:index"),
    ],
)
def test_a_tenant_is_led_to_the_same_place_of_its_own_site(
    isp: "Isp", as_dhaka: "Client", asked: str, place: str
) -> None:
    answer = as_dhaka.get(reverse(f"admin:{asked}"))
    assert (answer.status_code, answer["Location"]) == (302, reverse(place))
    assert as_dhaka.get(answer["Location"]).status_code == 200


def test_a_history_of_the_staff_is_a_tenants_own_history(isp: "Isp", as_dhaka: "Client") -> None:
    for name, row in (("resellers_reseller", isp.dhaka), ("resellers_mapping", isp.dhaka_mapping)):
        answer = as_dhaka.get(reverse(f"admin:{name}_history", args=[row.pk]))
        assert answer["Location"] == reverse("my:history")


def test_an_alert_keeps_its_place_and_stays_its_owners(
    isp: "Isp", as_dhaka: "Client", as_ctg: "Client"
) -> None:
    url = reverse("admin:monitoring_alert_page", args=[isp.over_plan.pk])
    place = reverse("my:alert", args=[isp.over_plan.pk])
    assert as_dhaka.get(url)["Location"] == as_ctg.get(url)["Location"] == place
    assert [client.get(place).status_code for client in (as_dhaka, as_ctg)] == [200, 404]


def test_a_tenants_form_in_the_staff_admin_is_refused_and_changes_nothing(
    isp: "Isp", as_dhaka: "Client", as_operator: "Client"
) -> None:
    take = reverse("admin:monitoring_alert_acknowledge", args=[isp.over_plan.pk])
    people = reverse("admin:accounts_account_add")
    for client in (as_dhaka, as_operator):
        assert client.post(take).status_code == 403
        assert client.post(people, {"username": "x", "role": "super_user"}).status_code == 403
    assert Alert.objects.get(pk=isp.over_plan.pk).state == "open"
    assert not Account.objects.filter(username="x").exists()


@pytest.mark.parametrize("name", ["index", "usage", "usage_csv", "links", "alerts", "people"])
def test_staff_are_led_from_my_to_the_admin(isp: "Isp", as_noc: "Client", name: str) -> None:
    answer = as_noc.get(reverse(f"my:{name}"))
    assert (answer.status_code, answer["Location"]) == (302, reverse("admin:index"))


def test_staff_press_no_button_of_my(isp: "Isp", as_noc: "Client") -> None:
    url = reverse("my:acknowledge", args=[isp.over_plan.pk])
    assert as_noc.post(url).status_code == 403
    assert Alert.objects.get(pk=isp.over_plan.pk).state == "open"


def test_the_root_leads_each_to_the_own_site(
    isp: "Isp", client: "Client", as_noc: "Client", as_dhaka: "Client"
) -> None:
    assert as_noc.get("/")["Location"] == reverse("admin:index")
    assert as_dhaka.get("/")["Location"] == HOME
    assert client.get("/")["Location"].startswith(resolve_url(settings.LOGIN_URL))


@pytest.mark.parametrize(
    ("name", "wanted", "end"),
    [
        ("noc", "/admin/", "/admin/"),
        ("noc", "/my/usage/", "/admin/"),
        ("noc", "/", "/admin/"),
        ("reseller_dhaka", "/admin/", "/my/"),
        ("reseller_dhaka", "/my/usage/?range=7d", "/my/usage/?range=7d"),
        ("reseller_dhaka", "/", "/my/"),
        ("reseller_dhaka", "/admin/resellers/mapping/", "/my/links/"),
    ],
)
def test_one_login_page_leads_everybody_home(
    isp: "Isp",
    client: "Client",
    noc: Account,
    reseller_dhaka: Account,
    name: str,
    wanted: str,
    end: str,
) -> None:
    login = client.get(wanted)["Location"]
    assert login.startswith(resolve_url(settings.LOGIN_URL))
    form = {"login": name, "password": f"{name}-password"}
    answer = client.post(login, form, follow=True)
    assert (answer.redirect_chain[-1][0], answer.status_code) == (end, 200)


def test_mys_own_login_address_is_the_common_one(client: "Client", db: None) -> None:
    answer = client.get(reverse("my:login") + "?next=/my/links/")
    assert answer["Location"] == resolve_url(settings.LOGIN_URL) + "?next=/my/links/"


def test_a_tenant_logs_out_by_either_door(isp: "Isp", as_dhaka: "Client", as_ctg: "Client") -> None:
    for client, door in ((as_dhaka, "my:logout"), (as_ctg, "admin:logout")):
        assert client.post(reverse(door)).status_code == 200
        assert client.get(HOME)["Location"].startswith(resolve_url(settings.LOGIN_URL))


def test_an_account_that_was_ended_is_out_at_once(
    isp: "Isp", as_dhaka: "Client", reseller_dhaka: Account
) -> None:
    Account.objects.filter(pk=reseller_dhaka.pk).update(is_active=False)
    assert as_dhaka.get(HOME)["Location"].startswith(resolve_url(settings.LOGIN_URL))


def test_somebody_who_changes_sides_changes_sites(
    isp: "Isp", as_dhaka: "Client", reseller_dhaka: Account
) -> None:
    Account.objects.filter(pk=reseller_dhaka.pk).update(role="viewer", tenant=None)
    assert as_dhaka.get(HOME)["Location"] == reverse("admin:index")
    assert as_dhaka.get(reverse("admin:index")).status_code == 200
