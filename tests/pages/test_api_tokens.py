"""API tokens in the admin: made for machines, shown once, revoked on a page that asks first."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from ispcore.accounts import token_text
from ispcore.accounts.models import Account, ApiToken
from ispcore.base.models import AuditEntry
from tests.pages.conftest import as_admin

if TYPE_CHECKING:
    from selenium import webdriver

pytestmark = pytest.mark.one_database

__all__ = ["as_admin"]
ADD = "/admin/accounts/apitoken/add/"


def machine(client: Client, name: str = "billing", role: str = "viewer") -> Account:
    form = {"username": name, "role": role, "is_machine": "on"}
    assert client.post("/admin/accounts/account/add/", form).status_code == 302
    return Account.objects.get(username=name)


def form(account: Account, **changes: Any) -> dict[str, Any]:
    chosen = {"account": account.pk, "name": "sync", "scopes": ["alerts:read"], "days": 30}
    return chosen | {"networks": "203.0.113.0/24, 2001:db8::/32", "rate_per_min": 60} | changes


def made(client: Client, account: Account, **changes: Any) -> tuple[ApiToken, str]:
    answer = client.post(ADD, form(account, **changes))
    assert answer.status_code == 200
    found = re.search(r'value="(ispcore_\w+)"', answer.content.decode())
    assert found, answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    return ApiToken.objects.get(account=account, name=changes.get("name", "sync")), found[1]


def test_a_machine_is_made_without_a_password(as_admin: Client) -> None:
    account = machine(as_admin)
    assert account.is_machine
    assert not account.has_usable_password()
    page = as_admin.get(f"/admin/accounts/account/{account.pk}/change/").content.decode()
    assert f"/admin/accounts/apitoken/?account__id__exact={account.pk}" in page
    assert "Set a new password" not in page
    answer = as_admin.post(f"/admin/accounts/account/{account.pk}/password/", {})
    assert "A machine has no password" in answer.content.decode()
    assert "By API token" in as_admin.get("/admin/accounts/account/").content.decode()


def test_a_token_is_shown_once_and_then_never(as_admin: Client) -> None:
    token, text = made(as_admin, machine(as_admin))
    assert token_text.is_well_formed(text)
    assert token.allowed_networks == ["203.0.113.0/24", "2001:db8::/32"]
    system = Client(headers={"Authorization": f"Bearer {text}"}, REMOTE_ADDR="2001:db8::1")
    assert system.get("/api/alerts").status_code == 200
    for url in (
        f"/admin/accounts/apitoken/{token.pk}/",
        "/admin/accounts/apitoken/",
        f"/admin/base/auditentry/?object_kind=accounts.apitoken&object_id={token.pk}",
    ):
        page = as_admin.get(url).content.decode()
        assert token.start in page or "sync" in page
        assert text[len(token.start) :] not in page
        assert token.digest not in page


def test_an_administrator_ends_no_token_of_a_super_users_machine(
    as_admin: Client, super_user: Account
) -> None:
    above = Client()
    above.force_login(super_user)
    token, _ = made(above, machine(above, role="super_user"))
    url = f"/admin/accounts/apitoken/{token.pk}/"
    assert f'href="{url}revoke/"' not in as_admin.get(url).content.decode()
    assert as_admin.get(f"{url}revoke/").status_code == 403
    assert as_admin.post(f"{url}revoke/").status_code == 403
    token.refresh_from_db()
    assert token.is_live


def test_it_is_revoked_once_that_is_confirmed(as_admin: Client) -> None:
    token, _ = made(as_admin, machine(as_admin))
    url = f"/admin/accounts/apitoken/{token.pk}/revoke/"
    link = f'href="{url}"'
    page = as_admin.get(f"/admin/accounts/apitoken/{token.pk}/").content.decode()
    assert link in page
    assert f'href="/admin/accounts/apitoken/{token.pk}/history/"' in page
    assert "refused at once" in as_admin.get(url).content.decode()
    assert not ApiToken.objects.exclude(revoked_at=None).exists()
    said = as_admin.post(url, follow=True).content.decode()
    assert "sync: revoked" in said
    assert link not in said
    assert "was revoked before" in as_admin.post(url, follow=True).content.decode()
    assert AuditEntry.objects.filter(action="revoke", actor="admin").count() == 1


@pytest.mark.parametrize(
    ("fault", "changes"),
    [
        ("ispcore", {"networks": "home"}),
        ("", {"scopes": []}),
        ("", {"scopes": ["everything:read"]}),
        ("alerts:write", {"scopes": ["alerts:write"]}),
        ("", {"days": 367}),
        ("", {"rate_per_min": 0}),
        ("", {"name": ""}),
    ],
)
def test_a_fault_is_shown_and_nothing_is_made(
    as_admin: Client, fault: str, changes: dict[str, Any]
) -> None:
    answer = as_admin.post(ADD, form(machine(as_admin), **changes))
    page = answer.content.decode()
    assert "errornote" in page
    assert fault in page.lower() or fault in page
    assert not ApiToken.objects.exists()


def test_a_name_in_use_is_said(as_admin: Client) -> None:
    account = machine(as_admin)
    made(as_admin, account)
    page = as_admin.post(ADD, form(account)).content.decode()
    assert "This account has a token of that name already." in page
    assert ApiToken.objects.count() == 1


def test_a_super_users_machine_gets_tokens_from_super_users_only(
    as_admin: Client, super_user: Account, client_for: Callable[[Account], Client], noc: Account
) -> None:
    by_super = client_for(super_user)
    robot = machine(by_super, "robot", "super_user")
    assert ">robot<" not in as_admin.get(ADD).content.decode()
    assert ">robot<" in by_super.get(ADD).content.decode()
    for account in (robot, noc):
        page = as_admin.post(ADD, form(account)).content.decode()
        assert "Select a valid choice" in page
    assert not ApiToken.objects.exists()
    made(by_super, robot)


def test_the_copy_button_copies(
    as_admin: Client, live_server: Any, chromium: "webdriver.Chrome", admin_account: Account
) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    account = machine(as_admin)
    chromium.get(f"{live_server.url}/admin/login/")
    session = as_admin.cookies["sessionid"].value
    chromium.add_cookie({"name": "sessionid", "value": session})
    chromium.get(f"{live_server.url}{ADD}?account={account.pk}")
    chromium.find_element(By.NAME, "name").send_keys("sync")
    chromium.find_element(By.CSS_SELECTOR, "input[value='alerts:read']").click()
    chromium.find_element(By.NAME, "_save").click()
    field = chromium.find_element(By.ID, "new-token")
    text = field.get_attribute("value")
    chromium.find_element(By.CSS_SELECTOR, "[data-copy]").click()
    WebDriverWait(chromium, 10).until(
        lambda page: page.find_element(By.CSS_SELECTOR, ".form-row [role=status]").text
    )
    assert chromium.execute_script("return getSelection().toString()") == text
