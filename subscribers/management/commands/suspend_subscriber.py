"""manage.py suspend_subscriber: no login, or into the walled garden, until it is resumed."""

from typing import Any

from ispcore.base.audit import Actor
from subscribers.management.choosing import CODES, SubscriberCommand
from subscribers.models import Subscriber
from subscribers.operations import statuses

BY = Actor("manage.py suspend_subscriber")


class Command(SubscriberCommand):
    help = (
        "Suspend a subscriber: FreeRADIUS refuses the next login, or leads it into the walled garden, "
        "as the package says. Example: manage.py suspend_subscriber rahim --reason 'not paid'. "
        f"{CODES}"
    )

    def act(self, subscriber: Subscriber, options: dict[str, Any]) -> str:
        statuses.suspend(subscriber, by=BY, reason=options["reason"])
        return f"{subscriber}: suspended"
