"""Make and change resellers."""

from django.db import transaction
from django.db.models import ProtectedError

from ispcore.accounts.models import Tenant
from ispcore.base import audit
from ispcore.base.audit import Actor
from ispcore.live.publish import publish
from monitoring.operations import rules
from monitoring.operations.alerts import Subject
from resellers.models import Mapping, Plan, Reseller
from resellers.operations import plans


class ResellerInUse(Exception):
    """The reseller has usage or mappings that would be lost; nothing was changed."""


def create(
    name: str, *, by: Actor, plan: Plan | None = None, is_demo: bool = False, **fields: object
) -> Reseller:
    """A reseller with a tenant of its own. Raises ValidationError naming the field and fault."""
    tenant = Tenant(name=name, is_demo=is_demo)
    tenant.full_clean()
    reseller = Reseller(tenant=tenant, **fields)
    reseller.clean_fields(exclude=["tenant"])
    with transaction.atomic():
        tenant.save()
        reseller.tenant = tenant
        reseller.full_clean()
        reseller.save()
        audit.record("create", reseller, by=by, new=_shown(reseller), tenant_id=tenant.pk)
        if plan is not None:
            plans.change(reseller, plan=plan, by=by)
    return reseller


def save(reseller: Reseller, *, name: str | None = None, by: Actor) -> Reseller:
    """Store changed fields (not the plan, see plans.change), and the name if it is given."""
    with transaction.atomic():
        stored = Reseller.objects.select_for_update().select_related("tenant").get(pk=reseller.pk)
        old = _shown(stored)
        reseller.plan_id = stored.plan_id
        reseller.full_clean()
        reseller.save()
        if name is not None and name != stored.tenant.name:
            reseller.tenant.name = name
            reseller.tenant.full_clean()
            reseller.tenant.save()
        audit.record(
            "change", reseller, by=by, old=old, new=_shown(reseller), tenant_id=reseller.tenant_id
        )
        _publish(reseller)
    return reseller


def delete(reseller: Reseller, *, by: Actor) -> None:
    """Remove a reseller that never had a mapping, with its tenant. Raises ResellerInUse."""
    tenant = reseller.tenant
    if Mapping.objects.filter(reseller=reseller).exists():
        raise ResellerInUse(
            f"{reseller} has or had mappings, and usage is kept with them: "
            "set its status to ended instead. Nothing was changed."
        )
    try:
        with transaction.atomic():
            audit.record("delete", reseller, by=by, old=_shown(reseller), tenant_id=tenant.pk)
            subject = Subject("resellers.reseller", reseller.pk, reseller.name, tenant.pk)
            rules.withdraw(subject, why="The reseller was removed")
            reseller.delete()
            tenant.delete()
            publish("overview")
    except ProtectedError as error:
        names = ", ".join(sorted(str(each) for each in error.protected_objects)[:5])
        raise ResellerInUse(f"{tenant} still has: {names}. Nothing was changed.") from error


def _shown(reseller: Reseller) -> dict[str, object]:
    return audit.snapshot(reseller) | {"name": reseller.tenant.name}


def _publish(reseller: Reseller) -> None:
    publish("reseller", str(reseller.pk))
    publish("reseller-usage", str(reseller.pk))
    publish("overview")
