"""The permission matrix as a page: one table, role by permission; what changes is named first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect

from ispcore.accounts import matrix
from ispcore.accounts.freshness import ask_again
from ispcore.accounts.models import Account, RolePermission
from ispcore.accounts.operations import matrix as operations
from ispcore.accounts.operations.matrix import Change, MatrixMoved, is_fixed
from ispcore.accounts.pages import require
from ispcore.accounts.roles import STAFF_GROUPS, TENANT_GROUPS, WORDS, Group, May, Role, group_of
from ispcore.base.faults import UNCHANGED, words_of

GROUPS = (*STAFF_GROUPS, *TENANT_GROUPS)


@dataclass(frozen=True, slots=True)
class Cell:
    """`name` is what the box is called in the form, empty where it never changes; `label` what a
    screen reader says of it."""

    name: str
    label: str
    allowed: bool
    says: str


@dataclass(frozen=True, slots=True)
class Line:
    subject: str
    done: str
    opens: str
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Column:
    label: str
    accounts: int


@dataclass(frozen=True, slots=True)
class Announced:
    """A change as the confirmation tells it."""

    who: str
    what: str
    old: str
    new: str
    accounts: int


def page(request: HttpRequest) -> dict[str, Any] | HttpResponse:
    """What the page shows, or where it leads once it has changed something.

    Whoever manages the staff's accounts sees the table, a super user changes it: by a form with a
    box per cell, then by one that names what changes, and who proved of late who they are. Raises
    PermissionDenied.
    """
    account = require(request, May.EDIT_ACCOUNTS)
    if not account.sees_all or (request.method == "POST" and not account.is_superuser):
        raise PermissionDenied
    if account.is_superuser and (asked := ask_again(request)) is not None:
        return asked
    if request.method != "POST":
        return _table(account)
    if "confirm" in request.POST:
        return _confirmed(request, account)
    wanted = {group: frozenset(_ticked(request.POST, group)) for group in GROUPS}
    changes = [
        Change(group, capability, capability in wanted[group])
        for group in GROUPS
        for capability in May
        if not is_fixed(group, capability)
        if (capability in wanted[group]) != matrix.is_ticked(group, capability)
    ]
    if not changes:
        messages.info(request, f"Nothing is different. {UNCHANGED}")
        return redirect(request.path)
    counts = _counts()
    return {
        "changes": changes,
        "announced": [_announced(each, counts) for each in changes],
        "values": [_value(each) for each in changes],
    }


def _confirmed(request: HttpRequest, account: Account) -> HttpResponse:
    try:
        changes = [_change(value) for value in request.POST.getlist("change")]
        operations.change(changes, by=account.actor)
    except (ValidationError, MatrixMoved) as error:
        messages.error(request, words_of(error, RolePermission))
    else:
        count = f"{len(changes)} permissions are" if len(changes) != 1 else "One permission is"
        messages.success(request, f"{count} changed, and in force.")
    return redirect(request.path)


def _table(account: Account) -> dict[str, Any]:
    counts = _counts()
    return {
        "lines": [
            Line(*_words(capability), [_cell(group, capability) for group in GROUPS])
            for capability in _in_order()
        ],
        "staff": [Column(group.label, counts.get(group, 0)) for group in STAFF_GROUPS],
        "tenants": [Column(group.label, counts.get(group, 0)) for group in TENANT_GROUPS],
        "super_users": counts.get(None, 0),
        "may_change": account.is_superuser,
    }


def _in_order() -> list[May]:
    """As WORDS has them; one that it does not name comes last."""
    return [*WORDS, *(each for each in May if each not in WORDS)]


def _words(capability: May) -> tuple[str, str, str]:
    return WORDS.get(capability, ("Other", str(capability), ""))


def _who(group: Group) -> str:
    whose = "tenant's " if group in TENANT_GROUPS else ""
    return f"{whose}{group.label.lower()}".capitalize()


def _cell(group: Group, capability: May) -> Cell:
    allowed = matrix.is_ticked(group, capability)
    fixed = is_fixed(group, capability)
    says = ("always" if allowed else "never") if fixed else ("yes" if allowed else "no")
    subject, done, _ = _words(capability)
    label = f"{_who(group)}: {subject.lower()}, {done.lower()}"
    return Cell("" if fixed else f"{group}.{capability}", label, allowed, says)


def _counts() -> dict[Group | None, int]:
    """How many active accounts each column holds for."""
    found: dict[Group | None, int] = {}
    rows = Account.objects.filter(is_active=True).order_by().values("role")
    of_staff, of_tenants = Count("pk", filter=Q(tenant=None)), Count("tenant")
    for row in rows.annotate(staff=of_staff, tenants=of_tenants):
        role = Role(row["role"])
        if row["staff"]:
            found[group_of(role, None)] = row["staff"]
        if row["tenants"]:
            found[group_of(role, 1)] = row["tenants"]
    return found


def _ticked(sent: QueryDict, group: Group) -> list[May]:
    return [each for each in May if f"{group}.{each}" in sent]


def _announced(change: Change, counts: dict[Group | None, int]) -> Announced:
    subject, done, opens = _words(change.capability)
    words = ("no", "yes") if change.allowed else ("yes", "no")
    return Announced(
        who=_who(change.group),
        what=f"{subject}: {done.lower()} ({opens})",
        old=words[0],
        new=words[1],
        accounts=counts.get(change.group, 0),
    )


def _value(change: Change) -> str:
    return f"{change.group}.{change.capability}.{'yes' if change.allowed else 'no'}"


def _change(value: str) -> Change:
    """Raises ValidationError for what this page never sends."""
    group, _, rest = value.partition(".")
    capability, _, word = rest.partition(".")
    if word not in {"yes", "no"}:
        raise ValidationError("This is no change of a permission.")
    try:
        return Change(Group(group), May(capability), word == "yes")
    except ValueError:
        raise ValidationError("There is no such role or permission.") from None
