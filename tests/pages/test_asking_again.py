"""Before what cannot be undone or changes who may do what, one proves again who sits there."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse

from ispcore.accounts.models import Account
from tests.conftest import NOON
from tests.pages.test_sessions import logged_in

if TYPE_CHECKING:
    from tests.pages.conftest import Isp

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
AGAIN = "/account/reauthenticate/"


@pytest.fixture
def of_this_morning(
    admin_account: Account, isp: "Isp", frozen_clock: Callable[[datetime], None]
) -> Client:
    """An administrator who logged in an hour ago."""
    client = logged_in("admin")
    _forget_the_proof(client)
    return client


def _forget_the_proof(client: Client) -> None:
    """As if an hour had passed since: the login's own record of when it was is set back."""
    session = client.session
    hour_ago = (NOON - timedelta(hours=1)).timestamp()
    session["proved_at"] = hour_ago
    session["account_authentication_methods"] = [{"method": "password", "at": hour_ago}]
    session.save()


def dangerous(isp: "Isp", account: Account) -> list[str]:
    return [
        reverse("admin:routers_router_delete", args=[isp.silent.pk]),
        reverse("admin:resellers_plan_delete", args=[isp.small_plan.pk]),
        reverse("admin:resellers_reseller_delete", args=[isp.ctg.pk]),
        reverse("admin:accounts_account_change", args=[account.pk]),
        reverse("admin:accounts_account_set_password", args=[account.pk]),
        reverse("admin:accounts_account_second_factor", args=[account.pk]),
        reverse("admin:accounts_account_add"),
        reverse("admin:accounts_apitoken_add"),
        "/account/second-factor/totp/activate/",
        "/account/second-factor/recovery-codes/generate/",
    ]


def test_the_dangerous_asks_again(isp: "Isp", of_this_morning: Client, noc: Account) -> None:
    for url in dangerous(isp, noc):
        for method in (of_this_morning.get, of_this_morning.post):
            assert method(url)["Location"].startswith(AGAIN), url


def test_so_does_what_roles_may(
    super_user: Account, admin_account: Account, frozen_clock: Callable[[datetime], None]
) -> None:
    url = reverse("admin:accounts_account_matrix")
    client = logged_in("super")
    assert client.get(url).status_code == 200
    _forget_the_proof(client)
    taken = {"confirm": "yes", "change": ["operator.edit_resellers.no"]}
    assert client.get(url)["Location"].startswith(AGAIN)
    assert client.post(url, taken)["Location"].startswith(AGAIN)
    only_reads = logged_in("admin")
    _forget_the_proof(only_reads)
    assert only_reads.get(url).status_code == 200


def test_what_was_sent_too_late_changes_nothing(of_this_morning: Client, noc: Account) -> None:
    url = reverse("admin:accounts_account_change", args=[noc.pk])
    form = {"username": "noc", "name": "", "email": "", "role": "admin", "tenant": ""}
    answer = of_this_morning.post(url, form | {"is_active": "on"}, follow=True)
    assert "Nothing was changed" in answer.content.decode()
    assert Account.objects.get(pk=noc.pk).role == "operator"
    # nor is it kept anywhere, for such a form may hold a password
    assert "operator" not in str(dict(of_this_morning.session))


def test_the_password_opens_it_and_leads_back(of_this_morning: Client, noc: Account) -> None:
    url = reverse("admin:accounts_account_change", args=[noc.pk])
    asked = of_this_morning.get(url)["Location"]
    assert (
        "This is not your password"
        in of_this_morning.post(asked, {"password": "wrong"}).content.decode()
    )
    answer = of_this_morning.post(AGAIN, {"password": "admin-password", "next": url})
    assert answer["Location"] == url
    assert of_this_morning.get(url).status_code == 200


def test_it_cannot_be_guessed_there(of_this_morning: Client) -> None:
    answers = [of_this_morning.post(AGAIN, {"password": "wrong"}) for _ in range(11)]
    assert any("Too many failed logins" in each.content.decode() for each in answers)
    assert answers[-1].status_code == 429


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"]
)
def test_it_leads_to_no_other_site(of_this_morning: Client, target: str) -> None:
    answer = of_this_morning.post(AGAIN, {"password": "admin-password", "next": target})
    assert answer["Location"] == "/"


def test_what_is_harmless_does_not_ask(of_this_morning: Client, isp: "Isp") -> None:
    for name in ("routers_router_changelist", "accounts_account_changelist"):
        assert of_this_morning.get(reverse(f"admin:{name}")).status_code == 200
    url = reverse("admin:resellers_plan_change", args=[isp.plan.pk])
    assert of_this_morning.get(url).status_code == 200
