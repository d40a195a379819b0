"""Sessions: listed, ended one by one or all, and over when nobody opens a page."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import reverse

from ispcore.accounts.models import RolePolicy
from ispcore.accounts.operations import api_logins
from ispcore.accounts.operations.api_logins import LoginEnded
from ispcore.base.models import AuditEntry
from tests.conftest import NOON

if TYPE_CHECKING:
    from ispcore.accounts.models import Account

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
SESSIONS = "/account/sessions/"
INDEX = "/admin/"
POLLS: list[dict[str, Any]] = [
    {"HTTP_X_REQUESTED_WITH": "live"},
    {"HTTP_SEC_FETCH_MODE": "cors"},
]


def logged_in(
    name: str, *, address: str = "127.0.0.1", agent: str = "Firefox/1 (Windows)"
) -> Client:
    client = Client(REMOTE_ADDR=address, HTTP_USER_AGENT=agent)
    form = {"login": name, "password": f"{name}-password"}
    assert client.post("/account/login/", form).status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get(INDEX).status_code == 200


def test_one_sees_where_one_is_logged_in(noc: "Account", viewer: "Account") -> None:
    here = logged_in("noc")
    logged_in("noc", address="203.0.113.9", agent="Chrome/1 (Android)")
    logged_in("viewer", address="198.51.100.1")
    html = here.get(SESSIONS).content.decode()
    for words in (
        "Firefox on Windows",
        "127.0.0.1",
        "Chrome on Android",
        "203.0.113.9",
        "this one",
    ):
        assert words in html
    assert "198.51.100.1" not in html


def test_one_session_is_ended_and_the_others_go_on(noc: "Account") -> None:
    here, lost, phone = (logged_in("noc", address=f"127.0.0.{n}") for n in (1, 2, 3))
    session = UserSession.objects.get(ip="127.0.0.2")
    here.post(SESSIONS, {"session": session.pk})
    assert [is_in(each) for each in (here, lost, phone)] == [True, False, True]
    entry = AuditEntry.objects.get(action="end session")
    assert (entry.actor, entry.old["address"]) == ("noc", "127.0.0.2")


def test_all_others_are_ended(noc: "Account") -> None:
    here, *others = (logged_in("noc") for _ in range(3))
    here.post(SESSIONS, {"others": "1"})
    assert is_in(here)
    assert not any(is_in(each) for each in others)


def test_nobody_ends_the_session_of_somebody_else(noc: "Account", viewer: "Account") -> None:
    here, other = logged_in("noc"), logged_in("viewer")
    here.post(SESSIONS, {"session": UserSession.objects.get(user=viewer).pk})
    assert is_in(other)


def test_an_administrator_logs_somebody_out_everywhere(
    noc: "Account", admin_account: "Account"
) -> None:
    lost = logged_in("noc")
    program = api_logins.start(noc, address=None, by=noc.actor)
    logged_in("admin").post(reverse("admin:accounts_account_end_sessions", args=[noc.pk]))
    assert not is_in(lost)
    with pytest.raises(LoginEnded):
        api_logins.refresh(str(program), address=None)
    assert AuditEntry.objects.get(action="end sessions").actor == "admin"


def test_a_new_password_ends_the_other_sessions(noc: "Account") -> None:
    here, other = logged_in("noc"), logged_in("noc")
    strong = "quiet-harbour-91"
    form = {"old_password": "noc-password", "new_password1": strong, "new_password2": strong}
    here.post(reverse("admin:password_change"), form)
    assert is_in(here)
    assert not is_in(other)
    assert "this one" in here.get(SESSIONS).content.decode()


def test_an_idle_session_ends_and_says_why(
    noc: "Account", frozen_clock: Callable[[datetime], None]
) -> None:
    RolePolicy.objects.filter(role="operator").update(idle_timeout_s=1800)
    client = logged_in("noc")
    frozen_clock(NOON + timedelta(minutes=29))
    assert is_in(client)
    frozen_clock(NOON + timedelta(minutes=29 + 31))
    answer = client.get(INDEX, follow=True)
    assert answer.redirect_chain[-1][0].startswith("/account/login/")
    assert "You were logged out after 30 min without a page." in answer.content.decode()


@pytest.mark.parametrize("headers", POLLS, ids=["live.js", "any script"])
def test_a_page_that_fetches_itself_keeps_no_session_alive(
    noc: "Account", frozen_clock: Callable[[datetime], None], headers: dict[str, Any]
) -> None:
    RolePolicy.objects.filter(role="operator").update(idle_timeout_s=1800)
    client = logged_in("noc")
    for minute in range(1, 31, 5):
        frozen_clock(NOON + timedelta(minutes=minute))
        assert client.get(INDEX, **headers).status_code == 200
        assert client.get("/api/resellers", **headers).status_code == 200
    frozen_clock(NOON + timedelta(minutes=31))
    assert client.get(INDEX, **headers).status_code == 302


def test_the_time_is_the_roles(
    noc: "Account", reseller_dhaka: "Account", frozen_clock: Callable[[datetime], None]
) -> None:
    staff, tenant = logged_in("noc"), logged_in("reseller_dhaka")
    frozen_clock(NOON + timedelta(hours=3))
    assert staff.get(INDEX).status_code == 200
    assert tenant.get(INDEX)["Location"].startswith("/account/login/")


def test_the_rules_of_roles_are_edited_and_recorded(admin_account: "Account") -> None:
    client = logged_in("admin")
    url = reverse(
        "admin:accounts_rolepolicy_change", args=[RolePolicy.objects.get(role="client").pk]
    )
    answer = client.post(url, {"needs_second_factor": "on", "idle_timeout_s": "60"})
    assert "The idle time-out is 300 to 604800 seconds." in answer.content.decode()
    client.post(url, {"needs_second_factor": "on", "idle_timeout_s": "900"})
    assert RolePolicy.objects.get(role="client").needs_second_factor
    assert AuditEntry.objects.get(object_kind="accounts.rolepolicy").new == {
        "needs_second_factor": True,
        "idle_timeout_s": 900,
    }


def test_super_users_alone_decide_for_super_users(admin_account: "Account") -> None:
    pk = RolePolicy.objects.get(role="super_user").pk
    url = reverse("admin:accounts_rolepolicy_change", args=[pk])
    assert logged_in("admin").post(url, {"idle_timeout_s": "900"}).status_code == 403
