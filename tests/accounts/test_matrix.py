"""The permission matrix: a table that a super user changes, bounded by the database, known at once."""

import threading
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from ispcore.accounts import matrix
from ispcore.accounts.models import Account, RolePermission
from ispcore.accounts.operations import matrix as operations
from ispcore.accounts.operations.matrix import Change, MatrixMoved
from ispcore.accounts.roles import (
    SHIPPED,
    TENANT_GROUPS,
    TENANT_MOST,
    WORDS,
    Group,
    May,
)
from ispcore.base import clock, remembered
from ispcore.base.audit import Actor
from ispcore.base.models import AuditEntry

if TYPE_CHECKING:
    from ispcore.accounts.models import Tenant

BY = Actor("test")
SHIPPED_FRESH_S = remembered.FRESH_S  # the other tests read once
GIVEN = Change(Group.VIEWER, May.HANDLE_ALERTS, True)


def test_the_migration_fills_every_cell_with_what_is_shipped(db: None) -> None:
    rows = RolePermission.objects.values_list("group", "capability", "is_allowed")
    found = {(group, capability): allowed for group, capability, allowed in rows}
    assert found == {
        (group, each): each in SHIPPED[Group(group)] for group in Group.values for each in May
    }


def test_every_capability_has_its_words() -> None:
    assert WORDS.keys() == set(May)


def test_a_right_that_is_given_or_taken_holds_at_once(viewer: Account, noc: Account) -> None:
    assert not viewer.may(May.HANDLE_ALERTS)
    taken = Change(Group.OPERATOR, May.CHECK_ROUTERS, False)
    operations.change([GIVEN, taken], by=BY)
    assert viewer.may(May.HANDLE_ALERTS)
    assert not noc.may(May.CHECK_ROUTERS)


def test_each_change_has_its_own_entry_with_old_and_new(super_user: Account) -> None:
    taken = Change(Group.OPERATOR, May.CHECK_ROUTERS, False)
    operations.change([GIVEN, taken], by=super_user.actor)
    entries = AuditEntry.objects.filter(action="change permission").order_by("pk")
    assert [(e.actor, e.object_name, e.old, e.new) for e in entries] == [
        ("super", "viewer: handle_alerts", {"is_allowed": False}, {"is_allowed": True}),
        ("super", "operator: check_routers", {"is_allowed": True}, {"is_allowed": False}),
    ]


def test_only_a_super_user_changes_it(admin_account: Account, noc: Account) -> None:
    for account in (admin_account, noc):
        with pytest.raises(ValidationError, match="Only a super user"):
            operations.change([GIVEN], by=account.actor)
    with pytest.raises(ValidationError, match="Only a super user"):
        operations.change([GIVEN], by=Actor("gone", 10**9))
    assert not AuditEntry.objects.exists()


def test_administrators_are_not_locked_out(super_user: Account, admin_account: Account) -> None:
    for capability in (May.VIEW, May.EDIT_ACCOUNTS):
        with pytest.raises(ValidationError, match="Administrators keep"):
            operations.change([Change(Group.ADMIN, capability, False)], by=super_user.actor)
        rows = RolePermission.objects.filter(group=Group.ADMIN, capability=capability)
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(is_allowed=False)
    assert admin_account.may(May.EDIT_ACCOUNTS)


@pytest.mark.parametrize("group", TENANT_GROUPS)
def test_a_tenants_people_never_have_more_than_is_theirs(db: None, group: Group) -> None:
    for capability in set(May) - TENANT_MOST:
        with pytest.raises(ValidationError, match="never have"):
            operations.change([Change(group, capability, True)], by=BY)
        rows = RolePermission.objects.filter(group=group, capability=capability)
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(is_allowed=True)
        assert not matrix.allows(group, capability)


def test_what_is_refused_changes_nothing_of_the_rest(viewer: Account) -> None:
    impossible = Change(Group.CLIENT, May.EDIT_ROUTERS, True)
    with pytest.raises(ValidationError):
        operations.change([GIVEN, impossible], by=BY)
    assert not viewer.may(May.HANDLE_ALERTS)
    assert not AuditEntry.objects.exists()


def test_of_two_who_make_the_same_change_the_second_is_told(db: None) -> None:
    operations.change([GIVEN], by=BY)
    with pytest.raises(MatrixMoved, match="nothing was changed"):
        operations.change([GIVEN], by=BY)


def test_a_capability_newer_than_the_table_is_as_shipped(viewer: Account, noc: Account) -> None:
    RolePermission.objects.all().delete()
    matrix.forget()
    assert noc.may(May.EDIT_RESELLERS)
    assert not viewer.may(May.EDIT_RESELLERS)
    operations.change([Change(Group.VIEWER, May.EDIT_RESELLERS, True)], by=BY)
    assert viewer.may(May.EDIT_RESELLERS)


def test_many_questions_cost_one_query(noc: Account, reseller_dhaka: Account) -> None:
    with CaptureQueriesContext(connection) as queries:
        for _ in range(50):
            noc.may(May.VIEW)
            reseller_dhaka.has_perm("resellers.view_reseller")
    assert len(queries) == 1


def test_a_super_user_needs_no_table(super_user: Account) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert all(super_user.may(each) for each in May)
    assert len(queries) == 0


def test_a_change_of_another_process_is_known_within_seconds(
    viewer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row changes behind this process' back, as when another one has changed it."""

    at_s = 100.0
    monkeypatch.setattr(remembered, "FRESH_S", SHIPPED_FRESH_S)
    monkeypatch.setattr(clock, "monotonic_s", lambda: at_s)
    assert not viewer.may(May.HANDLE_ALERTS)
    RolePermission.objects.filter(group="viewer", capability="handle_alerts").update(
        is_allowed=True
    )
    assert not viewer.may(May.HANDLE_ALERTS)
    at_s += remembered.FRESH_S + 0.1
    assert viewer.may(May.HANDLE_ALERTS)
    assert SHIPPED_FRESH_S <= 3


def test_another_thread_that_reads_meanwhile_does_not_keep_the_old_value(
    transactional_db: None,
) -> None:
    """It reads between the write and its commit; after the commit nobody goes by what it read."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite lets nobody read while a test holds its write lock")
    seen: list[bool] = []

    def read(_: Any) -> None:
        seen.append(matrix.allows(Group.VIEWER, May.HANDLE_ALERTS))
        connections.close_all()

    with transaction.atomic():
        operations.change([GIVEN], by=BY)
        reader = threading.Thread(target=read, args=[None])
        reader.start()
        reader.join()
    assert seen == [False]
    assert matrix.allows(Group.VIEWER, May.HANDLE_ALERTS)


def test_a_tenants_operator_is_not_the_isps(noc: Account, tenant_dhaka: "Tenant") -> None:
    theirs = Account.objects.create_user("op", role="operator", tenant=tenant_dhaka)
    operations.change([Change(Group.TENANT_OPERATOR, May.HANDLE_ALERTS, False)], by=BY)
    assert noc.may(May.HANDLE_ALERTS)
    assert not theirs.may(May.HANDLE_ALERTS)
    assert (noc.group, theirs.group) == (Group.OPERATOR, Group.TENANT_OPERATOR)
