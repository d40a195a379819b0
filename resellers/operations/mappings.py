"""Say which interface carries which reseller, and when that ends."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q

from ispcore.base import audit, clock
from ispcore.base.audit import Actor
from ispcore.live.publish import publish
from monitoring.operations import rules
from monitoring.operations.alerts import Subject
from resellers.models import Mapping, Reseller
from routers.models import Interface

SUBJECT = "resellers.mapping"


class MappingEnded(Exception):
    """The mapping has ended already; nothing was changed."""


def add(
    reseller: Reseller,
    *,
    interface: Interface,
    by: Actor,
    vlan_id: int | None = None,
    carries: str = "Internet",
    side: str = Mapping.Side.RESELLER,
    started_at: datetime | None = None,
) -> Mapping:
    """Map an interface to a reseller from now on; `vlan_id` None means the interface's own.

    Raises ValidationError, which names who has the interface, the VLAN or the router already.
    """
    if vlan_id is None:
        vlan_id = interface.vlan_id
    mapping = Mapping(
        reseller=reseller,
        router=interface.router,
        interface=interface,
        vlan_id=vlan_id,
        carries=carries,
        side=side,
        started_at=started_at or clock.now(),
    )
    try:
        with transaction.atomic():
            _refuse_foreign(mapping)
            _refuse_taken(mapping)
            mapping.full_clean()
            mapping.save()
            audit.record(
                "map", mapping, by=by, new=audit.snapshot(mapping), tenant_id=reseller.tenant_id
            )
            _publish(mapping)
    except (IntegrityError, ValidationError):
        _refuse_taken(mapping)  # somebody may have been faster: the constraints do not say who
        raise
    return mapping


def end(mapping: Mapping, *, by: Actor, reason: str = "") -> None:
    """End a mapping now; its usage stays. Raises MappingEnded."""
    now = clock.now()
    with transaction.atomic():
        if not Mapping.objects.filter(pk=mapping.pk, ended_at=None).update(ended_at=now):
            raise MappingEnded(f"{mapping}: this mapping has ended already. Nothing was changed.")
        mapping.ended_at = now
        rules.withdraw(subject_of(mapping), why="The mapping was ended")
        _record_end(mapping, by=by, reason=reason)
        _publish(mapping)


def move(mapping: Mapping, *, interface: Interface, at: datetime, by: Actor) -> Mapping:
    """End a mapping and go on with all of it on another interface, both at the same instant: `at`,
    or when the mapping began, where that is later. Usage so far stays with the ended one.

    Raises MappingEnded, or ValidationError, which names who has the other interface already.
    """
    since = max(at, mapping.started_at)
    moved = Mapping(
        reseller=mapping.reseller,
        router=interface.router,
        interface=interface,
        vlan_id=mapping.vlan_id,
        carries=mapping.carries,
        side=mapping.side,
        started_at=since,
    )
    with transaction.atomic():
        if not Mapping.objects.filter(pk=mapping.pk, ended_at=None).update(ended_at=since):
            raise MappingEnded(f"{mapping}: this mapping has ended already. Nothing was changed.")
        mapping.ended_at = since
        _refuse_taken(moved)
        moved.full_clean()
        moved.save()
        rules.withdraw(subject_of(mapping), why=f"The mapping moved to {interface}")
        _record_end(mapping, by=by, reason=f"moved to {interface}")
        audit.record(
            "move mapping",
            moved,
            by=by,
            new=audit.snapshot(moved),
            tenant_id=mapping.reseller.tenant_id,
            reason=f"moved from {mapping.interface}",
        )
        _publish(moved)
    return moved


def subject_of(mapping: Mapping) -> Subject:
    """The mapping as monitoring names it."""
    reseller = mapping.reseller
    return Subject(SUBJECT, mapping.pk, f"{reseller} on {mapping.router}", reseller.tenant_id)


def _record_end(mapping: Mapping, *, by: Actor, reason: str) -> None:
    audit.record(
        "end mapping",
        mapping,
        by=by,
        old={"ended_at": None},
        new={"ended_at": mapping.ended_at},
        tenant_id=mapping.reseller.tenant_id,
        reason=reason,
    )


def _refuse_foreign(mapping: Mapping) -> None:
    """A router of one tenant carries no other tenant's traffic; a shared one carries anybody's."""
    owner = mapping.router.tenant
    if owner is not None and owner != mapping.reseller.tenant:
        raise ValidationError(
            {
                "interface": f"{mapping.router} belongs to {owner}, not to {mapping.reseller}. "
                "Nothing was changed."
            }
        )


def _refuse_taken(mapping: Mapping) -> None:
    taken = (
        Mapping.objects.filter(ended_at=None, router=mapping.router)
        .filter(Q(interface=mapping.interface) | Q(vlan_id=mapping.vlan_id, vlan_id__isnull=False))
        .select_related("reseller__tenant", "interface")
        .first()
    )
    if taken is None:
        return
    if taken.interface_id == mapping.interface_id:
        field, what = "interface", f"{taken.interface} is"
    else:
        field, what = "vlan_id", f"VLAN {taken.vlan_id} is"
    raise ValidationError(
        {
            field: f"{what} already mapped on {mapping.router} to {taken.reseller}. "
            "Nothing was changed."
        }
    )


def _publish(mapping: Mapping) -> None:
    publish("reseller", str(mapping.reseller_id))
    publish("reseller-usage", str(mapping.reseller_id))
    publish("router", str(mapping.router_id))
    publish("overview")
