"""Make, change and delete packages; all their subscribers follow in the same unit of work."""

from collections.abc import Callable, Mapping
from copy import copy
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from ispcore.accounts.roles import May
from ispcore.base import audit, faults
from ispcore.base.audit import Actor
from ispcore.base.keys import next_key
from ispcore.base.rls import identity
from ispcore.base.seen import refuse_moved
from ispcore.base.unit_of_work import Scope
from subscribers import queries
from subscribers.models import Package, Subscriber, words
from subscribers.operations import judging, units
from subscribers.projector import ALONE, MEMBERS, PACKAGE

Made = TypeVar("Made")

MOST_NAMED = 5
# what a package cannot become where subscribers have it who contradict that
ASKED = ("tenant_id", "service", "ipv4_networks", "ipv6_networks")


class PackageInUse(Exception):
    """Subscribers have the package, or will; nothing was changed."""


class PackageMoved(Exception):
    """Somebody else has changed the package meanwhile; nothing was changed."""


def create(package: Package, *, by: Actor) -> Package:
    """Store a new package. Raises ValidationError naming the field and fault, NotYours."""
    units.allow(by, May.EDIT_PACKAGES, package.tenant)
    judging.check_package(package)

    key: int | None = None

    def scope() -> Scope:
        """Its group is named by its key, which is needed before the row is there."""
        nonlocal key
        key = next_key(Package, given=key)
        return Scope(PACKAGE, (str(key),))

    def change() -> Package:
        package.pk, package._state.adding = key, True
        package.save(force_insert=True)
        new = audit.snapshot(package)
        audit.record("create", package, by=by, new=new, tenant_id=package.tenant_id)
        return package

    return _run(f"create package {package}", scope, change)


def edit(
    package: Package,
    *,
    changes: Mapping[str, object],
    by: Actor,
    seen: Mapping[str, str] | None = None,
) -> Package:
    """Change these fields of a package, and bring all its subscribers along. The others stay as they
    are stored, whoever changed them meanwhile; of those that were `seen`, nobody may have.

    Where all that changes stands in the group, that is a few rows, whoever has the package; else
    the rows of everybody who has it are written anew, and nobody else can be provisioned meanwhile:
    nor is anybody as long as it is asked whether a change of ASKED contradicts those who have it.
    Raises ValidationError naming the field and fault, ChangedMeanwhile, NotYours, PackageMoved.
    """
    units.allow(by, May.EDIT_PACKAGES, package)
    before = _stored(package, Package.objects.all())
    wanted = _changed(before, changes)
    judging.check_package(wanted)
    kind = _kind(before, wanted)

    def change() -> Package:
        stored = _stored(package, Package.objects.select_for_update(no_key=True))
        refuse_moved(stored, seen or {})
        if _kind(stored, before) != PACKAGE:
            raise PackageMoved(
                f"Somebody else has changed {stored} meanwhile: look again. {faults.UNCHANGED}"
            )
        made = _changed(stored, changes)
        judging.check_package(made)
        _refuse_what_members_contradict(stored, made)
        made.save()
        old, new = audit.snapshot(stored), audit.snapshot(made)
        audit.record("change", made, by=by, old=old, new=new, tenant_id=made.tenant_id)
        return made

    what, is_bulk = f"change package {wanted}", kind != PACKAGE
    return _run(what, _scope(kind, package), change, bulk=is_bulk)


def delete(package: Package, *, by: Actor) -> None:
    """Take away a package that nobody has. Raises PackageInUse, NotYours."""
    units.allow(by, May.EDIT_PACKAGES, package)

    def change() -> None:
        stored = _stored(package, Package.objects.select_for_update())
        _refuse_in_use(stored)
        old = audit.snapshot(stored)
        audit.record("delete", stored, by=by, old=old, tenant_id=stored.tenant_id)
        stored.delete()

    _run(f"delete package {package}", _scope(PACKAGE, package), change)


def _stored(package: Package, rows: "QuerySet[Package]") -> Package:
    """Raises PackageMoved."""
    stored = rows.filter(pk=package.pk).first()
    if stored is None:
        raise PackageMoved(f"{package} is deleted already. {faults.UNCHANGED}")
    return stored


def _changed(package: Package, changes: Mapping[str, object]) -> Package:
    made = copy(package)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def _kind(old: Package, new: Package) -> str:
    """What has to be locked and written for a change from one to the other."""
    if queries.terms_of(old).own_part != queries.terms_of(new).own_part:
        return MEMBERS
    return ALONE if any(getattr(old, each) != getattr(new, each) for each in ASKED) else PACKAGE


def _scope(kind: str, package: Package) -> Scope:
    return Scope(kind, (str(package.pk),))


def _run(
    what: str, scope: Scope | Callable[[], Scope], change: Callable[[], Made], *, bulk: bool = False
) -> Made:
    return units.run(what, scope, change, model=Package, bulk=bulk)


def _members(package: Package) -> "QuerySet[Subscriber]":
    """Who has it or will, of all tenants that may have it: a refusal must not miss one."""
    return Subscriber.objects.filter(Q(package=package) | Q(next_package=package))


@identity.acting_for_all()
def _refuse_in_use(package: Package) -> None:
    named = list(_members(package).values_list("username", flat=True)[: MOST_NAMED + 1])
    if named:
        more = " and others" if len(named) > MOST_NAMED else ""
        listed = ", ".join(named[:MOST_NAMED])
        raise PackageInUse(f"{package} is the package of {listed}{more}. {faults.UNCHANGED}")


@identity.acting_for_all()
def _refuse_what_members_contradict(stored: Package, package: Package) -> None:
    """Raises ValidationError where subscribers could not have the package any more."""
    members = _members(stored)
    found = {}
    if stored.tenant_id != package.tenant_id:
        found["tenant"] = "A package stays its tenant's: make another one instead."
    if stored.service != package.service and members.exists():
        found["service"] = "Subscribers have this package: make another one instead."
    for name, columns in (
        ("ipv4_networks", ("ipv4",)),
        ("ipv6_networks", ("ipv6_prefix", "delegated_prefix")),
    ):
        is_another = getattr(stored, name) != getattr(package, name)
        if is_another and (outside := _outside(members, columns, getattr(package, name))):
            found[name] = f"Static addresses would lie outside: {outside}."
    if found:
        raise ValidationError(found)


def _outside(members: "QuerySet[Subscriber]", columns: tuple[str, ...], networks_text: str) -> str:
    networks = words.networks_of(networks_text)
    if not networks:
        return ""
    found = [
        f"{value} of {row['username']}"
        for row in members.values("username", *columns).order_by("username_key")
        for column in columns
        if (value := row[column]) and not judging.lies_in(value, networks)
    ]
    return ", ".join(found[:MOST_NAMED])
