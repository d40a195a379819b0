"""Make and change plans, and put resellers on them; the history keeps every bandwidth."""

from django.db import transaction
from django.db.models import ProtectedError

from ispcore.base import audit, clock
from ispcore.base.audit import Actor
from ispcore.live.publish import publish
from resellers.models import Plan, PlanChange, Reseller


class PlanInUse(Exception):
    """Resellers are on the plan; nothing was changed."""


def save(plan: Plan, *, by: Actor) -> Plan:
    """Store a new or changed plan. Raises ValidationError naming the field and fault.

    A changed bandwidth enters the history of all who are on it; another name does not: history
    keeps the name that the bandwidth was bought under.
    """
    plan.full_clean()
    with transaction.atomic():
        stored = Plan.objects.select_for_update().filter(pk=plan.pk).first()
        old = audit.snapshot(stored) if stored else {}
        plan.save()
        audit.record(
            "change" if stored else "create", plan, by=by, old=old, new=audit.snapshot(plan)
        )
        moved = stored and (stored.down_bps, stored.up_bps) != (plan.down_bps, plan.up_bps)
        for reseller in Reseller.objects.filter(plan=plan) if stored else ():
            if moved:
                _note(reseller, plan, by)
            _publish(reseller)
    return plan


def delete(plan: Plan, *, by: Actor) -> None:
    """Remove a plan nobody is on. Raises PlanInUse."""
    try:
        with transaction.atomic():
            audit.record("delete", plan, by=by, old=audit.snapshot(plan))
            plan.delete()
    except ProtectedError as error:
        names = ", ".join(sorted(str(r) for r in list(error.protected_objects)[:5]))
        raise PlanInUse(f"{plan} is the plan of {names}. Nothing was changed.") from error


def change(reseller: Reseller, *, plan: Plan | None, by: Actor, reason: str = "") -> None:
    """Put a reseller on another plan (or none) from now on."""
    with transaction.atomic():
        locked = Reseller.objects.select_for_update(of=("self",)).select_related("plan")
        stored = locked.get(pk=reseller.pk)
        if stored.plan_id == (plan.pk if plan else None):
            return
        Reseller.objects.filter(pk=reseller.pk).update(plan=plan)
        reseller.plan = plan
        audit.record(
            "change plan",
            reseller,
            by=by,
            old={"plan": str(stored.plan) if stored.plan else None},
            new={"plan": str(plan) if plan else None},
            tenant_id=reseller.tenant_id,
            reason=reason,
        )
        _note(reseller, plan, by)
        _publish(reseller)


def _note(reseller: Reseller, plan: Plan | None, by: Actor) -> None:
    PlanChange.objects.create(
        reseller=reseller,
        plan_name=plan.name if plan else "",
        down_bps=plan.down_bps if plan else None,
        up_bps=plan.up_bps if plan else None,
        from_at=clock.now(),
        by=by.name[:150],
    )


def _publish(reseller: Reseller) -> None:
    publish("reseller", str(reseller.pk))
    publish("reseller-usage", str(reseller.pk))
    publish("overview")
