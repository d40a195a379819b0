"""My people: an owner keeps the accounts of the own tenant, and of no other, with no other roles."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.shortcuts import resolve_url
from django.urls import reverse

from ispcore.accounts.models import Account
from ispcore.base import clock
from ispcore.base.models import AuditEntry

if TYPE_CHECKING:
    from django.test import Client

    from ispcore.accounts.models import Tenant

pytestmark = pytest.mark.usefixtures("db")
ADD = "/my/people/add/"
FORM = {"username": "rahim", "email": "rahim@dhaka.example", "role": "operator"}


@pytest.fixture
def as_owner(reseller_dhaka: Account, client_for: Any) -> "Client":
    client: Client = client_for(reseller_dhaka)
    return client


def _person(account: Account, name: str = "person") -> str:
    return reverse(f"my:{name}", args=[account.pk])


def _shown_password(html: str, username: str) -> str:
    found = re.search(rf"password of {username} is <code>(\S+)</code>", html)
    assert found is not None
    return found[1]


def test_an_owner_adds_a_person_whose_password_is_shown_once(
    as_owner: "Client", client: "Client", tenant_dhaka: "Tenant"
) -> None:
    html = as_owner.post(ADD, FORM, follow=True).content.decode()
    made = Account.objects.get(username="rahim")
    assert (made.tenant, made.role, made.email) == (tenant_dhaka, "operator", FORM["email"])
    assert client.login(username="rahim", password=_shown_password(html, "rahim"))
    assert "password of" not in as_owner.get(reverse("my:people")).content.decode()
    entry = AuditEntry.objects.get(action="create", object_name="rahim")
    assert (entry.actor, entry.surface, entry.tenant_id) == (
        *("reseller_dhaka", "my"),
        tenant_dhaka.pk,
    )


@pytest.mark.parametrize("role", ["super_user", "admin", "client", "", "CLIENT", "no_such"])
def test_a_role_beyond_the_tenant_cannot_be_given(
    as_owner: "Client", viewer_dhaka: Account, role: str
) -> None:
    answer = as_owner.post(ADD, FORM | {"role": role})
    assert answer.status_code == 200
    assert not Account.objects.filter(username="rahim").exists()
    as_owner.post(_person(viewer_dhaka), {"name": "X", "role": role, "is_active": "on"})
    viewer_dhaka.refresh_from_db()
    assert (viewer_dhaka.role, viewer_dhaka.name) == ("viewer", "")


def test_another_tenant_or_none_cannot_be_given(
    as_owner: "Client", tenant_dhaka: "Tenant", tenant_ctg: "Tenant", viewer_dhaka: Account
) -> None:
    for tenant in (str(tenant_ctg.pk), ""):
        wanted = {"tenant": tenant, "tenant_id": tenant, "is_staff": "on", "is_superuser": "on"}
        as_owner.post(ADD, FORM | wanted | {"username": f"r{tenant}"})
        assert Account.objects.get(username=f"r{tenant}").tenant == tenant_dhaka
        form = {"name": "V", "role": "viewer", "is_active": "on", "username": "other"}
        as_owner.post(_person(viewer_dhaka), form | wanted)
        viewer_dhaka.refresh_from_db()
        assert (viewer_dhaka.tenant, viewer_dhaka.username) == (tenant_dhaka, "vi_dhaka")


def test_an_owner_changes_name_mail_role_and_ends_an_account(
    as_owner: "Client", viewer_dhaka: Account, as_viewer_dhaka: "Client"
) -> None:
    form = {"name": "Nusrat Jahan", "email": "n@dhaka.example", "role": "operator"}
    answer = as_owner.post(_person(viewer_dhaka), form)  # the tick box "May log in" is not ticked
    assert answer["Location"] == reverse("my:people")
    viewer_dhaka.refresh_from_db()
    assert (viewer_dhaka.name, viewer_dhaka.role, viewer_dhaka.is_active) == (
        *("Nusrat Jahan", "operator"),
        False,
    )
    assert as_viewer_dhaka.get("/my/")["Location"].startswith(resolve_url(settings.LOGIN_URL))


def test_nobody_ends_or_demotes_the_own_account(
    as_owner: "Client", reseller_dhaka: Account
) -> None:
    as_owner.post(_person(reseller_dhaka), {"name": "Me", "role": "viewer"})
    reseller_dhaka.refresh_from_db()
    assert (reseller_dhaka.name, reseller_dhaka.role, reseller_dhaka.is_active) == (
        *("Me", "client"),
        True,
    )


def test_a_new_password_ends_the_old_one_and_its_sessions(
    as_owner: "Client", viewer_dhaka: Account, as_viewer_dhaka: "Client", client: "Client"
) -> None:
    html = as_owner.post(_person(viewer_dhaka, "person_password"), follow=True).content.decode()
    assert client.login(username="vi_dhaka", password=_shown_password(html, "vi_dhaka"))
    assert not client.login(username="vi_dhaka", password="vi_dhaka-password")
    assert as_viewer_dhaka.get("/my/").status_code == 302


def test_only_who_edits_accounts_comes_to_people(
    as_operator: "Client", as_viewer_dhaka: "Client", reseller_dhaka: Account
) -> None:
    before = reseller_dhaka.password
    urls = [reverse("my:people"), ADD, _person(reseller_dhaka)]
    urls.append(_person(reseller_dhaka, "person_password"))
    for client in (as_operator, as_viewer_dhaka):
        assert {client.get(url).status_code for url in urls} == {403}
        assert {client.post(url, FORM).status_code for url in urls[1:]} == {403}
    assert not Account.objects.filter(username="rahim").exists()
    reseller_dhaka.refresh_from_db()
    assert reseller_dhaka.password == before


def test_people_of_others_do_not_exist(
    as_owner: "Client", reseller_ctg: Account, super_user: Account, noc: Account
) -> None:
    html = as_owner.get(reverse("my:people")).content.decode()
    form = {"name": "Mine", "role": "viewer"}
    for other in (reseller_ctg, super_user, noc):
        assert other.username not in html
        for name in ("person", "person_password"):
            assert as_owner.get(_person(other, name)).status_code == 404
            assert as_owner.post(_person(other, name), form).status_code == 404
        assert Account.objects.get(pk=other.pk).password == other.password
        assert Account.objects.get(pk=other.pk).name == ""


def test_a_name_that_is_taken_is_told_without_a_change(as_owner: "Client", noc: Account) -> None:
    answer = as_owner.post(ADD, FORM | {"username": "noc"})
    html = answer.content.decode()
    assert "already exists" in html
    assert "Nothing was changed" in html
    assert Account.objects.filter(username="noc").count() == 1


def test_a_role_says_what_it_may(as_owner: "Client", reseller_dhaka: Account) -> None:
    assert "Owner: sees all" in as_owner.get(_person(reseller_dhaka)).content.decode()
    html = as_owner.get(ADD).content.decode()
    assert "Owner" not in html  # no account like one's own
    assert "Operator: sees all, takes alerts" in html
    assert "Viewer: sees all<" in html.replace("\n", "").replace("  ", "")


def test_a_new_person_a_role_and_a_password_are_asked_for_again(
    as_owner: "Client", viewer_dhaka: Account, frozen_clock: Any
) -> None:
    frozen_clock(clock.now() + timedelta(hours=2))
    urls = [ADD, _person(viewer_dhaka), _person(viewer_dhaka, "person_password")]
    for url in urls:
        form = FORM | {"name": "V", "is_active": "on"}
        assert as_owner.post(url, form)["Location"].startswith("/account/reauthenticate/?next=")
    assert not Account.objects.filter(username="rahim").exists()
    viewer_dhaka.refresh_from_db()
    assert viewer_dhaka.role == "viewer"
    assert viewer_dhaka.check_password("vi_dhaka-password")


# ---- oneself


def test_everybody_changes_the_own_name_and_nothing_else(
    as_viewer_dhaka: "Client", viewer_dhaka: Account
) -> None:
    url = reverse("my:profile")
    as_viewer_dhaka.post(url, {"name": "Tania", "role": "client", "email": "x@y.example"})
    viewer_dhaka.refresh_from_db()
    assert (viewer_dhaka.name, viewer_dhaka.role, viewer_dhaka.email) == ("Tania", "viewer", "")
    assert "Tania" in as_viewer_dhaka.get(url).content.decode()


def test_everybody_changes_the_own_password_and_stays_logged_in(
    as_viewer_dhaka: "Client", viewer_dhaka: Account
) -> None:
    new = "a-long-enough-one"
    form = {"old_password": "vi_dhaka-password", "new_password1": new, "new_password2": new}
    url = reverse("my:password_change")
    wrong = as_viewer_dhaka.post(url, form | {"old_password": "guess"}).content.decode()
    assert "Nothing was changed" in wrong
    answer = as_viewer_dhaka.post(url, form, follow=True)
    assert "Your password is changed." in answer.content.decode()
    viewer_dhaka.refresh_from_db()
    assert viewer_dhaka.check_password(new)
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.actor) == ("change password", "vi_dhaka")
