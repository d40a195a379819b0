"""Every page answers, to everybody who may see it, with nothing inline."""

import re
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

if TYPE_CHECKING:
    from django.test import Client

    from tests.pages.conftest import Isp

INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*type=.application/json)|<[^>]+\s(style|on[a-z]+)=|<style|javascript:",
    re.IGNORECASE,
)


def pages(isp: "Isp") -> dict[str, str]:
    """Every page of the portal by its address's name."""
    own = {
        "monitoring_alert_page": isp.over_plan.pk,
        "monitoring_rule_change": 1,
        "resellers_reseller_page": isp.dhaka.pk,
        "resellers_reseller_change": isp.dhaka.pk,
        "resellers_reseller_plan": isp.dhaka.pk,
        "resellers_reseller_thresholds": isp.dhaka.pk,
        "resellers_plan_change": isp.plan.pk,
        "resellers_mapping_change": isp.dhaka_mapping.pk,
        "resellers_mapping_end": isp.dhaka_mapping.pk,
        "routers_router_page": isp.edge.pk,
        "routers_router_change": isp.edge.pk,
        "routers_router_delete": isp.silent.pk,
        "routers_interface_change": isp.interfaces["ether1"].pk,
    }
    of_package = ("page", "change", "history")
    own |= {f"subscribers_package_{name}": isp.home.pk for name in of_package}
    of_subscriber = (
        *("page", "change", "delete", "history", "suspend", "disable", "resume", "renew"),
        *("package", "rename", "password", "web_password", "bind", "unbind", "reproject"),
    )
    own |= {f"subscribers_subscriber_{name}": isp.rahim.pk for name in of_subscriber}
    lists = [
        *("monitoring_alert", "monitoring_rule", "resellers_reseller", "resellers_plan"),
        *("resellers_mapping", "routers_router", "routers_interface", "accounts_account"),
        *("base_auditentry", "base_journalentry", "subscribers_subscriber", "subscribers_package"),
    ]
    forms = [
        *("monitoring_rule", "resellers_reseller", "resellers_plan", "resellers_mapping"),
        *("routers_router", "accounts_account", "subscribers_subscriber", "subscribers_package"),
    ]
    compare = reverse("admin:subscribers_subscriber_reconcile")
    return (
        {"index": reverse("admin:index"), "search": reverse("admin:search") + "?q=dhk"}
        | {"password_change": reverse("admin:password_change")}
        | {"matrix": reverse("admin:accounts_account_matrix")}
        | {"import": reverse("admin:subscribers_subscriber_import")}
        | {"compare": compare, "compared": f"{compare}?compare=yes"}
        | {f"{name}_list": reverse(f"admin:{name}_changelist") for name in lists}
        | {f"{name}_add": reverse(f"admin:{name}_add") for name in forms}
        | {name: reverse(f"admin:{name}", args=[pk]) for name, pk in own.items()}
    )


def test_every_page_answers_an_administrator_with_nothing_inline(
    isp: "Isp", as_admin: "Client"
) -> None:
    for name, url in pages(isp).items():
        response = as_admin.get(url)
        assert response.status_code == 200, f"{name}: {response.status_code}"
        html = response.content.decode()
        assert not INLINE.search(html), f"{name}: {INLINE.search(html)}"


def test_a_page_carries_the_content_policy(isp: "Isp", as_noc: "Client") -> None:
    assert "default-src 'none'" in as_noc.get(reverse("admin:index"))["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/admin/monitoring/", "/admin/resellers/", "/admin/routers/"])
def test_an_apps_address_leads_to_its_first_list(isp: "Isp", as_noc: "Client", path: str) -> None:
    assert as_noc.get(path).status_code == 302
    assert as_noc.get(path, follow=True).status_code == 200


def test_an_empty_portal_says_what_to_do_first(as_admin: "Client", db: None) -> None:
    html = as_admin.get(reverse("admin:index")).content.decode()
    assert "Add router" in html
    assert "nothing was collected yet" in html


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resellers_plan", "No plan yet"),
        ("resellers_reseller", "No reseller yet"),
        ("resellers_mapping", "No mapping yet"),
        ("routers_router", "No router yet"),
        ("routers_interface", "No interface yet"),
        ("subscribers_subscriber", "No subscriber yet"),
        ("subscribers_package", "No package yet"),
    ],
)
def test_an_empty_list_says_what_to_do_next(
    as_admin: "Client", db: None, name: str, words: str
) -> None:
    address = reverse(f"admin:{name}_changelist")
    assert words in as_admin.get(address).content.decode()
    assert words not in as_admin.get(address, {"q": "x"}).content.decode()


def test_a_list_with_rows_gives_no_first_steps(isp: "Isp", as_admin: "Client") -> None:
    assert (
        "No plan yet"
        not in as_admin.get(reverse("admin:resellers_plan_changelist")).content.decode()
    )
