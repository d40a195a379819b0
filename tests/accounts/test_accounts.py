"""Who logs in, as what, and how accounts come to be."""

from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.test import Client

from ispcore.accounts.models import Account
from ispcore.accounts.operations import accounts
from ispcore.accounts.roles import May, Role
from ispcore.base.audit import Actor
from ispcore.base.models import AuditEntry

if TYPE_CHECKING:
    from ispcore.accounts.models import Tenant

BY = Actor("admin")
HIDDEN = ({"password": "(secret)"}, {"password": "(changed)"})
GOOD = "correct horse battery"


# ---- roles and tenants


@pytest.mark.parametrize(
    ("role", "with_tenant", "fits"),
    [
        ("super_user", False, True),
        ("super_user", True, False),
        ("admin", False, True),
        ("admin", True, False),
        ("operator", False, True),
        ("operator", True, True),
        ("viewer", False, True),
        ("viewer", True, True),
        ("client", False, False),
        ("client", True, True),
        ("root", False, False),
    ],
)
def test_a_role_fits_its_tenant_by_constraint(
    tenant_dhaka: "Tenant", role: str, *, with_tenant: bool, fits: bool
) -> None:
    tenant = tenant_dhaka if with_tenant else None
    account = Account(username="x", role=role, tenant=tenant, password="!")
    if fits:
        account.save()
        assert account.is_staff is (tenant is None)
        return
    with pytest.raises(IntegrityError), transaction.atomic():
        account.save()
    with pytest.raises(ValidationError):
        accounts.create("y", role=role, tenant=tenant, password=GOOD, by=BY)


def test_staff_do_what_their_role_says(
    super_user: Account, admin_account: Account, noc: Account, viewer: Account
) -> None:
    assert all(super_user.may(each) for each in May)
    assert super_user.is_superuser
    assert admin_account.may(May.EDIT_ACCOUNTS)
    assert not admin_account.is_superuser
    assert noc.may(May.HANDLE_ALERTS)
    assert not noc.may(May.EDIT_ROUTERS)
    assert [each for each in May if viewer.may(each)] == [May.VIEW]


def test_a_tenants_people_have_roles_of_their_own(
    tenant_dhaka: "Tenant", reseller_dhaka: Account
) -> None:
    operator = Account.objects.create_user("op", role=Role.OPERATOR, tenant=tenant_dhaka)
    looker = Account.objects.create_user("looker", role=Role.VIEWER, tenant=tenant_dhaka)
    daily = {May.VIEW, May.HANDLE_ALERTS, May.EDIT_SUBSCRIBERS}
    assert {each for each in May if reseller_dhaka.may(each)} == daily | {May.EDIT_ACCOUNTS}
    assert {each for each in May if operator.may(each)} == daily
    assert {each for each in May if looker.may(each)} == {May.VIEW}
    for account in (reseller_dhaka, operator, looker):
        assert account.has_perm("resellers.view_reseller")
        assert not account.has_perm("routers.view_router")
        assert not account.has_perm("resellers.change_reseller")


def test_model_permissions_come_from_the_role(
    admin_account: Account, noc: Account, viewer: Account
) -> None:
    assert admin_account.has_perm("routers.change_router")
    assert admin_account.has_perm("accounts.view_account")
    assert noc.has_perm("resellers.add_mapping")
    assert noc.has_perm("routers.view_router")
    assert not noc.has_perm("routers.change_router")
    assert not noc.has_perm("accounts.view_account")
    assert not noc.has_perm("monitoring.change_alert")  # only by its buttons
    assert not viewer.has_perm("resellers.change_plan")


def test_who_is_not_active_may_nothing(noc: Account) -> None:
    noc.is_active = False
    assert not noc.may(May.VIEW)
    assert not noc.has_perm("routers.view_router")
    assert not noc.has_module_perms("routers")


def test_a_tenant_with_accounts_is_not_removed(reseller_dhaka: Account) -> None:
    assert reseller_dhaka.tenant is not None
    with pytest.raises(ProtectedError):
        reseller_dhaka.tenant.delete()


def test_names_are_as_people_gave_them(noc: Account) -> None:
    assert (noc.get_full_name(), noc.get_short_name(), str(noc)) == ("noc", "noc", "noc")
    noc.name = "Farhana Akter"
    assert (noc.get_full_name(), noc.get_short_name()) == ("Farhana Akter", "Farhana")
    assert noc.actor == Actor("noc", noc.pk)


# ---- passwords


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "too short"),
        ("password1234", "too common"),
        ("1029384756102938", "entirely numeric"),
        ("rahim.uddin", "too similar"),
        ("", "too short"),
    ],
)
def test_a_weak_password_is_refused(db: None, password: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        accounts.create("rahim.uddin", role="viewer", password=password, by=BY)
    assert not Account.objects.exists()
    assert not AuditEntry.objects.exists()


def test_without_a_password_nobody_can_log_in(db: None) -> None:
    account = Account.objects.create_user("ghost", role="viewer")
    assert not account.has_usable_password()
    assert authenticate(username="ghost", password="") is None
    assert authenticate(username="ghost", password=None) is None


def test_no_account_is_made_by_the_migrations(db: None) -> None:
    assert not Account.objects.exists()


def test_logging_in_needs_the_right_password_and_an_active_account(noc: Account) -> None:
    assert authenticate(username="noc", password="noc-password") == noc
    assert authenticate(username="noc", password="wrong") is None
    assert authenticate(username="nobody", password="noc-password") is None
    assert authenticate(username="NOC", password="noc-password") is None
    Account.objects.update(is_active=False)
    assert authenticate(username="noc", password="noc-password") is None


def test_a_new_password_ends_open_sessions_and_is_in_no_log(noc: Account) -> None:
    browser = Client()
    browser.force_login(noc)
    key = browser.session.session_key
    accounts.set_password(noc, password=GOOD, by=BY)
    assert authenticate(username="noc", password=GOOD) == noc
    assert browser.session.session_key == key
    assert browser.session["_auth_user_hash"] != Account.objects.get().get_session_auth_hash()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.old, entry.new) == ("change password", *HIDDEN)


def test_a_weak_new_password_changes_nothing(noc: Account) -> None:
    with pytest.raises(ValidationError):
        accounts.set_password(noc, password="short", by=BY)
    assert authenticate(username="noc", password="noc-password") == noc


# ---- operations and the command


def test_a_new_account_is_in_the_audit_log_without_its_password(tenant_dhaka: "Tenant") -> None:
    made = accounts.create(
        "rahim", role="client", tenant=tenant_dhaka, password=GOOD, email="r@example.net", by=BY
    )
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id, entry.tenant_id) == (
        "create",
        str(made.pk),
        tenant_dhaka.pk,
    )
    assert "password" not in entry.new
    assert GOOD not in str(entry.new)


def test_a_taken_or_odd_name_is_refused(noc: Account) -> None:
    for name in ("noc", "", "a b", "x" * 151):
        with pytest.raises(ValidationError):
            accounts.create(name, role="viewer", password=GOOD, by=BY)
    assert Account.objects.count() == 1


def test_changes_are_audited_and_checked(noc: Account, tenant_dhaka: "Tenant") -> None:
    noc.role = "admin"
    accounts.save(noc, by=BY)
    entry = AuditEntry.objects.get()
    assert (entry.old, entry.new) == ({"role": "operator"}, {"role": "admin"})
    noc.tenant = tenant_dhaka
    with pytest.raises(ValidationError, match="administrator has none"):
        accounts.save(noc, by=BY)
    assert Account.objects.get().tenant is None


def create_admin(**options: Any) -> str:
    out = StringIO()
    call_command("create_admin", stdout=out, **options)
    return out.getvalue()


def test_create_admin_prints_a_generated_password_once(db: None) -> None:
    said = create_admin(username="rahim")
    password = said.split("password: ")[1].split("\n")[0]
    account = authenticate(username="rahim", password=password)
    assert isinstance(account, Account)
    assert account.is_superuser
    assert password not in str(Account.objects.values().get())
    assert len(password) == 20
    assert password not in create_admin(username="second")


def test_create_admin_leaves_an_existing_one_alone(super_user: Account) -> None:
    assert create_admin(if_none=True) == ""
    assert Account.objects.count() == 1


def test_create_admin_refuses_a_taken_name(super_user: Account) -> None:
    with pytest.raises(CommandError, match="already exists") as refused:
        create_admin(username="super")
    assert refused.value.returncode == 1


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": "admin"}])
def test_the_last_super_user_stays(super_user: Account, change: dict[str, Any]) -> None:
    for name, value in change.items():
        setattr(super_user, name, value)
    with pytest.raises(ValidationError, match="last super user"):
        accounts.save(super_user, by=BY)
    assert Account.objects.get().is_superuser


def test_one_of_two_super_users_may_go_and_an_ended_one_counts_for_nothing(
    super_user: Account,
) -> None:
    second = accounts.create("second", role="super_user", password=GOOD, by=BY)
    second.is_active = False
    accounts.save(second, by=BY)
    super_user.role = Role.VIEWER
    with pytest.raises(ValidationError, match="last super user"):
        accounts.save(super_user, by=BY)
