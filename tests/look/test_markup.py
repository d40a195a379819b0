"""Every page can be read without eyes, and every live spot can be filled by its topic."""

from typing import TYPE_CHECKING

import pytest
from django.template.loader import render_to_string
from django.urls import reverse

from tests.look.markup import Element, faults, read
from tests.pages.test_smoke import pages

if TYPE_CHECKING:
    from django.test import Client

    from tests.pages.conftest import Isp


def test_every_page_can_be_read_without_eyes(isp: "Isp", as_admin: "Client") -> None:
    found = {name: faults(as_admin.get(url).content.decode()) for name, url in pages(isp).items()}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_the_login_can_be_read_without_eyes(client: "Client", db: None) -> None:
    for name in ("account_login", "account_reset_password", "account_reset_password_done"):
        assert faults(client.get(reverse(name)).content.decode()) == [], name


def test_the_pages_of_ones_own_logins_can_be_read_without_eyes(as_admin: "Client") -> None:
    names = ("mfa_index", "mfa_activate_totp", "mfa_add_webauthn", "mfa_list_webauthn")
    for name in (*names, "usersessions_list", "account_reauthenticate"):
        assert faults(as_admin.get(reverse(name)).content.decode()) == [], name


@pytest.mark.parametrize(
    "page", ["400.html", "403.html", "403_csrf.html", "404.html", "500.html", "503.html"]
)
def test_a_page_of_trouble_needs_neither_database_nor_account(page: str) -> None:
    html = render_to_string(page)
    assert faults(html) == []
    assert read(html).all("a")


@pytest.mark.parametrize(
    ("address", "topic"),
    [
        ("admin:index", "overview"),
        ("admin:resellers_reseller_page", "reseller"),
        ("admin:resellers_reseller_page", "reseller-usage"),
        ("admin:routers_router_page", "router"),
        ("admin:monitoring_alert_changelist", "alerts"),
    ],
)
def test_every_live_spot_is_filled_with_what_the_page_shows(
    isp: "Isp", as_admin: "Client", address: str, topic: str
) -> None:
    """A frame right after the page must change nothing but what depends on who looks."""
    from ispcore.live import topics

    dhaka = str(isp.dhaka.pk)
    keys = {"reseller": dhaka, "reseller-usage": dhaka, "router": str(isp.edge.pk)}
    key = keys.get(topic, "")
    page = read(as_admin.get(reverse(address, args=[key] if key else [])).content.decode())
    shown = {
        each.get("data-live"): each
        for each in page
        if "data-live" in each.attributes and _home(each) == (topic, key)
    }
    assert shown
    served = topics.get(topic)
    assert served is not None
    sent = served.spots(key)
    assert shown.keys() <= sent.keys()
    for name, element in shown.items():
        assert _outline(read(sent[name])) == _outline(element), name


def _home(spot: Element) -> tuple[str, str]:
    """The topic and key of the nearest element that has one, as live.js looks for it."""
    home = next(each for each in [spot, *spot.ancestors()] if "data-topic" in each.attributes)
    return home.get("data-topic"), home.get("data-key")


def _outline(element: Element) -> list[str]:
    """The words of an element, without the spaces between."""
    return " ".join(each.text for each in element).split()


def test_what_an_account_may_not_do_is_hidden_by_the_page_and_not_by_the_frame(
    isp: "Isp", as_viewer: "Client", as_noc: "Client"
) -> None:
    url = reverse("admin:resellers_reseller_page", args=[isp.dhaka.pk])
    may = {
        as_viewer: [],
        as_noc: [
            *("may-handle-alerts", "may-resolve-alerts", "may-check-routers"),
            "may-edit-resellers",
        ],
    }
    for browser, words in may.items():
        page = read(browser.get(url).content.decode())
        body = page.all("body")[0].get("class")
        assert [word for word in body.split() if word.startswith("may-")] == words
        buttons = [each for each in page.all("button") if each.words()[:3] == "Ack"]
        assert buttons
        assert all("for-alerts" in each.get("class") for each in buttons)
