"""Nobody makes or changes an account above their own; an owner manages the own tenant's only."""

from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from ispcore.accounts.authority import roles_of
from ispcore.accounts.models import Account
from ispcore.accounts.operations import accounts, grants, matrix
from ispcore.accounts.operations.matrix import Change
from ispcore.accounts.roles import Group, May
from ispcore.base.audit import Actor
from ispcore.base.models import AuditEntry

if TYPE_CHECKING:
    from ispcore.accounts.models import Tenant

GOOD = "quiet-harbour-91"
REFUSED = "not yours to give"


def make(by: Account, role: str, tenant: "Tenant | None" = None) -> Account:
    return accounts.create(f"new-{role}", role=role, tenant=tenant, password=GOOD, by=by.actor)


def test_an_owner_makes_operators_and_viewers_of_its_tenant(
    reseller_dhaka: Account, tenant_dhaka: "Tenant"
) -> None:
    assert roles_of(reseller_dhaka) == ["operator", "viewer"]
    for role in ("operator", "viewer"):
        made = make(reseller_dhaka, role, tenant_dhaka)
        assert made.tenant == tenant_dhaka
        accounts.set_password(made, password=GOOD + "2", by=reseller_dhaka.actor)
    entry = AuditEntry.objects.filter(action="create").latest("pk")
    assert (entry.actor, entry.tenant_id) == ("reseller_dhaka", tenant_dhaka.pk)


def test_an_owner_makes_no_second_owner_no_staff_and_nobody_elsewhere(
    reseller_dhaka: Account, tenant_dhaka: "Tenant", tenant_ctg: "Tenant"
) -> None:
    for role, tenant in (
        *(("client", tenant_dhaka), ("viewer", tenant_ctg), ("viewer", None)),
        *(("operator", None), ("admin", None), ("super_user", None)),
    ):
        with pytest.raises(ValidationError, match=REFUSED):
            make(reseller_dhaka, role, tenant)
    assert Account.objects.count() == 1


def test_an_owner_reaches_nobody_else(
    reseller_dhaka: Account, reseller_ctg: Account, noc: Account
) -> None:
    for other in (reseller_ctg, noc):
        with pytest.raises(ValidationError, match=REFUSED):
            accounts.set_password(other, password=GOOD, by=reseller_dhaka.actor)
        other.email = "x@example.com"
        with pytest.raises(ValidationError, match=REFUSED):
            accounts.save(other, by=reseller_dhaka.actor)


def test_nobody_is_moved_into_or_out_of_a_tenant_by_its_owner(
    reseller_dhaka: Account, tenant_dhaka: "Tenant", tenant_ctg: "Tenant"
) -> None:
    made = make(reseller_dhaka, "viewer", tenant_dhaka)
    for role, tenant in (("viewer", tenant_ctg), ("viewer", None), ("client", tenant_dhaka)):
        made.role, made.tenant = role, tenant
        with pytest.raises(ValidationError, match=REFUSED):
            accounts.save(made, by=reseller_dhaka.actor)


def test_an_administrator_makes_no_super_user_and_changes_none(
    admin_account: Account, super_user: Account, tenant_dhaka: "Tenant"
) -> None:
    assert roles_of(admin_account) == ["admin", "operator", "viewer", "client"]
    with pytest.raises(ValidationError, match=REFUSED):
        make(admin_account, "super_user")
    with pytest.raises(ValidationError, match=REFUSED):
        accounts.set_password(super_user, password=GOOD, by=admin_account.actor)
    assert make(admin_account, "client", tenant_dhaka).tenant == tenant_dhaka


def test_an_operator_who_manages_accounts_gives_nothing_that_it_lacks(
    noc: Account, viewer: Account
) -> None:
    by = Actor("test")
    with pytest.raises(ValidationError, match=REFUSED):
        make(noc, "viewer")
    matrix.change([Change(Group.OPERATOR, May.EDIT_ACCOUNTS, True)], by=by)
    assert make(noc, "viewer").role == "viewer"
    with pytest.raises(ValidationError, match=REFUSED):
        make(noc, "admin")
    matrix.change([Change(Group.VIEWER, May.EDIT_ROUTERS, True)], by=by)
    with pytest.raises(ValidationError, match=REFUSED):
        accounts.set_password(viewer, password=GOOD, by=noc.actor)


def test_ones_own_name_may_change_and_ones_own_role_not(
    reseller_dhaka: Account, viewer: Account
) -> None:
    for account in (reseller_dhaka, viewer):
        account.name = "Rahim"
        accounts.save(account, by=account.actor)
        accounts.set_password(account, password=GOOD, by=account.actor)
    viewer.role = "operator"
    with pytest.raises(ValidationError, match="your own account"):
        accounts.save(viewer, by=viewer.actor)


def test_who_is_gone_asks_for_nothing(viewer: Account) -> None:
    with pytest.raises(ValidationError, match="no account any more"):
        accounts.save(viewer, by=Actor("gone", 10**9))


def test_who_is_narrowed_manages_nobody(noc: Account, viewer: Account) -> None:
    by = Actor("test")
    matrix.change([Change(Group.OPERATOR, May.EDIT_ACCOUNTS, True)], by=by)
    tenant = make(noc, "viewer")
    Account.objects.filter(pk=noc.pk).update(is_narrowed=True)
    with pytest.raises(ValidationError, match=REFUSED):
        accounts.save(tenant, by=noc.actor)
    with pytest.raises(ValidationError, match="not yours to choose"):
        grants.replace(viewer, [("routers.router", 1)], by=noc.actor)
