"""Change what a role asks of its logins."""

from django.db import transaction

from ispcore.accounts import policies
from ispcore.accounts.models import RolePolicy
from ispcore.base import audit
from ispcore.base.audit import Actor


def save(policy: RolePolicy, *, by: Actor) -> RolePolicy:
    """Store it; open sessions follow with their next page, in other processes within seconds.
    Raises ValidationError naming the field and fault."""
    policy.full_clean()
    with transaction.atomic():
        stored = RolePolicy.objects.select_for_update().filter(pk=policy.pk).first()
        policy.save()
        audit.record(
            "change" if stored else "create",
            policy,
            by=by,
            old=audit.snapshot(stored) if stored else {},
            new=audit.snapshot(policy),
        )
    policies.forget()
    return policy
