"""What the menus of a tenant's people lead to."""

from typing import TYPE_CHECKING

from django.urls import reverse

if TYPE_CHECKING:
    from django.test import Client

    from tests.pages.conftest import Isp


def _html(client: "Client", name: str) -> str:
    return client.get(reverse(f"my:{name}")).content.decode()


def test_the_menu_has_people_only_for_who_may(
    isp: "Isp", as_dhaka: "Client", as_operator: "Client", as_viewer_dhaka: "Client"
) -> None:
    def menu(client: "Client") -> list[str]:
        return [s.label for s in client.get(reverse("my:index")).context["menu"]]

    assert menu(as_dhaka) == [
        "Home",
        "Usage",
        "Links",
        "Alerts",
        "Subscribers",
        "People",
        "History",
    ]
    assert (
        menu(as_operator)
        == menu(as_viewer_dhaka)
        == ["Home", "Usage", "Links", "Alerts", "Subscribers", "History"]
    )


def test_everybody_finds_the_own_logins(isp: "Isp", as_viewer_dhaka: "Client") -> None:
    """By the menu, by More on a phone, and from the profile."""
    for name in ("mfa_index", "usersessions_list"):
        link = f'href="{reverse(name)}"'
        assert _html(as_viewer_dhaka, "index").count(link) == 2
        assert _html(as_viewer_dhaka, "profile").count(link) == 3
        assert as_viewer_dhaka.get(reverse(name)).status_code == 200
