"""Make and change rules."""

from django.db import transaction

from ispcore.base import audit
from ispcore.base.audit import Actor
from ispcore.live.publish import publish
from monitoring.models import Rule


def save(rule: Rule, *, by: Actor) -> Rule:
    """Store a new or changed rule. Raises ValidationError naming the field and fault."""
    rule.full_clean()
    with transaction.atomic():
        stored = Rule.objects.select_for_update().filter(pk=rule.pk).first()
        rule.save()
        audit.record(
            "change" if stored else "create",
            rule,
            by=by,
            old=audit.snapshot(stored) if stored else {},
            new=audit.snapshot(rule),
        )
        publish("overview")
    return rule
