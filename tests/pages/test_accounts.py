"""Accounts: made with a password nobody else knows, by people who may."""

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from ispcore.accounts.models import Account
from ispcore.base.models import AuditEntry

if TYPE_CHECKING:
    from django.test import Client

ADD = "/admin/accounts/account/add/"
FORM = {
    "username": "noc-2",
    "email": "",
    "role": "operator",
    "tenant": "",
    "password": "",
    "again": "",
}
STRONG = "quiet-harbour-91"


def _said(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def test_a_generated_password_is_shown_once_and_works(as_admin: "Client", client: "Client") -> None:
    done = as_admin.post(ADD, FORM, follow=True)
    match = re.search(r"<code>(.+?)</code>", _said(done))
    assert match
    assert client.login(username="noc-2", password=match[1])
    again = as_admin.get(reverse("admin:accounts_account_changelist")).content.decode()
    assert match[1] not in again
    assert match[1] not in str(list(AuditEntry.objects.values()))


def test_a_typed_password_is_not_shown(as_admin: "Client", client: "Client") -> None:
    done = as_admin.post(ADD, FORM | {"password": STRONG, "again": STRONG}, follow=True)
    assert STRONG not in done.content.decode()
    assert client.login(username="noc-2", password=STRONG)


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"password": STRONG, "again": "other"}, "The two passwords differ"),
        ({"password": "short", "again": "short"}, "too short"),
        (
            {"username": "kamal.hossain", "password": "kamal.hossain1", "again": "kamal.hossain1"},
            "too similar to the username",
        ),
        ({"role": "client"}, "A client needs a tenant"),
        ({"username": "noc"}, "already exists"),
        ({"username": ""}, "required"),
        ({"role": "super_user"}, "not one of the available choices"),
    ],
)
def test_a_faulty_account_is_not_made(
    as_admin: "Client", noc: Account, values: dict[str, str], fault: str
) -> None:
    before = Account.objects.count()
    html = as_admin.post(ADD, FORM | values).content.decode()
    assert fault in html
    assert Account.objects.count() == before


def test_an_administrator_has_no_tenant(as_admin: "Client", tenant_dhaka: Any) -> None:
    html = as_admin.post(ADD, FORM | {"role": "admin", "tenant": tenant_dhaka.pk}).content.decode()
    assert "A super user or administrator has no tenant" in html


def test_an_administrator_does_not_touch_super_users(
    as_admin: "Client", super_user: Account
) -> None:
    for name in ("change", "set_password"):
        url = reverse(f"admin:accounts_account_{name}", args=[super_user.pk])
        assert as_admin.post(url, {"password": STRONG, "again": STRONG}).status_code == 403


def test_nobody_ends_their_own_account(as_admin: "Client", admin_account: Account) -> None:
    url = reverse("admin:accounts_account_change", args=[admin_account.pk])
    form = {"username": "admin", "name": "", "email": "", "role": "viewer", "is_active": "on"}
    html = as_admin.post(url, form | {"tenant": ""}).content.decode()
    assert "This is your own account" in html
    assert Account.objects.get(pk=admin_account.pk).role == "admin"


def test_a_lost_password_is_replaced_and_open_sessions_end(
    as_admin: "Client", as_noc: "Client", noc: Account
) -> None:
    url = reverse("admin:accounts_account_set_password", args=[noc.pk])
    weak = as_admin.post(url, {"password": "12345678901", "again": "12345678901"})
    assert "entirely numeric" in weak.content.decode()
    as_admin.post(url, {"password": STRONG, "again": STRONG})
    assert as_noc.get(reverse("admin:index")).status_code == 302
    assert AuditEntry.objects.filter(action="change password", actor="admin").exists()


def test_one_changes_ones_own_password_and_stays_logged_in(as_noc: "Client", noc: Account) -> None:
    url = reverse("admin:password_change")
    form = {"old_password": "noc-password", "new_password1": STRONG, "new_password2": STRONG}
    assert as_noc.post(url, form).status_code == 302
    assert as_noc.get(reverse("admin:index")).status_code == 200
    assert Account.objects.get(pk=noc.pk).check_password(STRONG)
    assert AuditEntry.objects.filter(action="change password", actor="noc").exists()


def test_an_operator_sees_no_accounts(as_noc: "Client", super_user: Account) -> None:
    assert as_noc.get(reverse("admin:accounts_account_changelist")).status_code == 403


def test_the_history_of_a_row_is_the_audit_log(as_admin: "Client", noc: Account) -> None:
    url = reverse("admin:accounts_account_history", args=[noc.pk])
    as_admin.post(reverse("admin:accounts_account_set_password", args=[noc.pk]), {})
    log = as_admin.get(url).content.decode()
    assert "Change password" in log
    assert "<ins>changed</ins>" in log
