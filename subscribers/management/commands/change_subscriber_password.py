"""manage.py change_subscriber_password: another RADIUS password, or one for the own pages."""

from typing import Any

from django.core.management.base import CommandParser

from ispcore.base.audit import Actor
from subscribers.management.choosing import CODES, PASSWORD, SubscriberCommand, password_given
from subscribers.models import Subscriber
from subscribers.operations import passwords

BY = Actor("manage.py change_subscriber_password")


class Command(SubscriberCommand):
    help = (
        f"Change the RADIUS password of a subscriber: to {PASSWORD} of the environment, to what is "
        "typed, or to one that is made up and printed. With --web the password of the subscriber's own "
        "pages, which FreeRADIUS has nothing to do with. "
        f"Example: manage.py change_subscriber_password rahim. {CODES}"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--web", action="store_true", help="the password of the subscriber's own pages instead"
        )

    def act(self, subscriber: Subscriber, options: dict[str, Any]) -> str:
        password, is_made_up = password_given()
        change = passwords.set_web_password if options["web"] else passwords.change_password
        change(subscriber, password=password, by=BY, reason=options["reason"])
        kind = "web password" if options["web"] else "password"
        return f"{subscriber}: {kind} {password if is_made_up else 'changed'}"
