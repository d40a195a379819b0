"""manage.py rename_subscriber: give a subscriber another username."""

from typing import Any

from django.core.management.base import CommandParser

from ispcore.base.audit import Actor
from subscribers.management.choosing import CODES, SubscriberCommand, take_over_option
from subscribers.models import Subscriber
from subscribers.operations import subscribers

BY = Actor("manage.py rename_subscriber")


class Command(SubscriberCommand):
    help = (
        "Give a subscriber another username; the old one cannot log in any more. "
        f"Example: manage.py rename_subscriber rahim rahim.uttara. {CODES}"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("new", help="the username from now on")
        take_over_option(parser)

    def act(self, subscriber: Subscriber, options: dict[str, Any]) -> str:
        now = subscribers.rename(
            subscriber,
            username=options["new"],
            by=BY,
            reason=options["reason"],
            take_over=options["take_over"],
        )
        return f"{subscriber}: is {now} now"
