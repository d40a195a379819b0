"""manage.py change_subscriber_password: give a subscriber another RADIUS password."""

from typing import Any

from ispcore.base.audit import Actor
from subscribers.management.choosing import CODES, PASSWORD, SubscriberCommand, password_given
from subscribers.models import Subscriber
from subscribers.operations import passwords

BY = Actor("manage.py change_subscriber_password")


class Command(SubscriberCommand):
    help = (
        f"Change the RADIUS password of a subscriber: to {PASSWORD} of the environment, to what is "
        "typed, or to one that is made up and printed. "
        f"Example: manage.py change_subscriber_password rahim. {CODES}"
    )

    def act(self, subscriber: Subscriber, options: dict[str, Any]) -> str:
        password, is_made_up = password_given()
        passwords.change_password(subscriber, password=password, by=BY, reason=options["reason"])
        return f"{subscriber}: password {password if is_made_up else 'changed'}"
