"""Make and change rules."""

from django.db import transaction

from ispcore.base import audit
from ispcore.base.audit import Actor
from ispcore.live.publish import publish
from monitoring.models import Rule, RuleState


def save(rule: Rule, *, by: Actor) -> Rule:
    """Store a new or changed rule. Raises ValidationError naming the field and fault.

    A rule that is switched off forgets since when its subjects were beyond it. Its alerts stay
    until somebody resolves them.
    """
    rule.full_clean()
    with transaction.atomic():
        stored = Rule.objects.select_for_update().filter(pk=rule.pk).first()
        rule.save()
        if not rule.is_enabled:
            RuleState.objects.filter(rule=rule).delete()
        audit.record(
            "change" if stored else "create",
            rule,
            by=by,
            old=audit.snapshot(stored) if stored else {},
            new=audit.snapshot(rule),
        )
        publish("overview")
    return rule
