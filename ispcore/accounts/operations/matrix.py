"""Change what a role may."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from ispcore.accounts import matrix
from ispcore.accounts.models import Account, RolePermission
from ispcore.accounts.roles import (
    ADMIN_KEEPS,
    SHIPPED,
    TENANT_GROUPS,
    TENANT_MOST,
    Group,
    May,
)
from ispcore.base import audit
from ispcore.base.audit import Actor


@dataclass(frozen=True, slots=True)
class Change:
    """A role gets a capability, or loses it."""

    group: Group
    capability: May
    allowed: bool


class MatrixMoved(Exception):
    """Somebody else has changed the same permission first; nothing was changed."""

    def __init__(self, change: Change) -> None:
        super().__init__(
            f"{change.group.label}, {change.capability}: this was changed by somebody else "
            "meanwhile; nothing was changed"
        )


def change(changes: Sequence[Change], *, by: Actor) -> None:
    """Make all of these changes or none, each with its own entry in the audit log.

    They hold at once in this process, and within two seconds in every other. Raises
    ValidationError where a role cannot have or lose this, or where it is not theirs to change;
    MatrixMoved.
    """
    try:
        with transaction.atomic():
            _by_a_super_user(by)
            for each in changes:
                _check(each)
                _change(each, by=by)
            transaction.on_commit(matrix.forget)
    finally:
        matrix.forget()


def is_fixed(group: Group, capability: May) -> bool:
    """Whether this cell never changes: what tenants never have, and administrators keep."""
    beyond = group in TENANT_GROUPS and capability not in TENANT_MOST
    return beyond or (group == Group.ADMIN and capability in ADMIN_KEEPS)


def _by_a_super_user(by: Actor) -> None:
    """Commands may too. Whoever else could change this table could give themselves all of it."""
    if by.account_id is None:
        return
    asker = Account.objects.filter(pk=by.account_id).first()
    if asker is None or not asker.is_superuser:
        raise ValidationError("Only a super user changes what roles may.")


def _check(change: Change) -> None:
    if not is_fixed(change.group, change.capability):
        return
    if change.group == Group.ADMIN:
        raise ValidationError(
            f"Administrators keep the right {change.capability}: without it nobody but super "
            "users could help anybody."
        )
    raise ValidationError(f"A tenant's people never have the right {change.capability}.")


def _change(change: Change, *, by: Actor) -> None:
    """By compare and set. A cell that has no row yet has the value it was shipped with."""
    RolePermission.objects.get_or_create(
        group=change.group,
        capability=change.capability,
        defaults={"is_allowed": change.capability in SHIPPED[change.group]},
    )
    rows = RolePermission.objects.filter(group=change.group, capability=change.capability)
    if not rows.filter(is_allowed=not change.allowed).update(is_allowed=change.allowed):
        raise MatrixMoved(change)
    audit.record(
        "change permission",
        rows.get(),
        by=by,
        old={"is_allowed": not change.allowed},
        new={"is_allowed": change.allowed},
    )
