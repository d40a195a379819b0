"""manage.py resume_subscriber: take up again what was suspended or disabled."""

from typing import Any

from ispcore.base.audit import Actor
from subscribers.management.choosing import CODES, SubscriberCommand, until
from subscribers.models import Subscriber
from subscribers.operations import statuses

BY = Actor("manage.py resume_subscriber")


class Command(SubscriberCommand):
    help = (
        "Resume a suspended or disabled subscriber; what ran out meanwhile is expired then. "
        f"Example: manage.py resume_subscriber rahim. {CODES}"
    )

    def act(self, subscriber: Subscriber, options: dict[str, Any]) -> str:
        now = statuses.resume(subscriber, by=BY, reason=options["reason"])
        return f"{now}: {now.get_status_display().lower()}, {until(now)}"
