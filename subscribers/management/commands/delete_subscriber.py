"""manage.py delete_subscriber: take a subscriber away; accounting is kept."""

from typing import Any

from ispcore.base.audit import Actor
from subscribers.management.choosing import CODES, SubscriberCommand
from subscribers.models import Subscriber
from subscribers.operations import subscribers

BY = Actor("manage.py delete_subscriber")


class Command(SubscriberCommand):
    help = (
        "Delete a subscriber, and its rows in FreeRADIUS; sessions and accounting are kept. "
        f"Example: manage.py delete_subscriber rahim --reason 'moved away'. {CODES}"
    )

    def act(self, subscriber: Subscriber, options: dict[str, Any]) -> str:
        subscribers.delete(subscriber, by=BY, reason=options["reason"])
        return f"{subscriber}: deleted (account number {subscriber.account_number})"
