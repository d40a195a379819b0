"""manage.py disable_subscriber: no login at all until it is resumed."""

from typing import Any

from ispcore.base.audit import Actor
from subscribers.management.choosing import CODES, SubscriberCommand
from subscribers.models import Subscriber
from subscribers.operations import statuses

BY = Actor("manage.py disable_subscriber")


class Command(SubscriberCommand):
    help = (
        "Disable a subscriber: no login at all, not even into the walled garden. "
        f"Example: manage.py disable_subscriber rahim --reason moved. {CODES}"
    )

    def act(self, subscriber: Subscriber, options: dict[str, Any]) -> str:
        statuses.disable(subscriber, by=BY, reason=options["reason"])
        return f"{subscriber}: disabled"
