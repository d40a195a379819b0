"""manage.py bind_mac: bind a subscriber's line to one device, or to none."""

from typing import Any

from django.core.management.base import CommandParser

from ispcore.base.audit import Actor
from subscribers.management.choosing import CODES, SubscriberCommand
from subscribers.models import Subscriber
from subscribers.operations import binding

BY = Actor("manage.py bind_mac")


class Command(SubscriberCommand):
    help = (
        "Let a subscriber log in from one device only; without an address from any again. "
        f"Example: manage.py bind_mac rahim AA:BB:CC:DD:EE:FF. {CODES}"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("mac", nargs="?", default="", help="left out: from any device")

    def act(self, subscriber: Subscriber, options: dict[str, Any]) -> str:
        reason = options["reason"]
        if not options["mac"]:
            binding.unbind_mac(subscriber, by=BY, reason=reason)
            return f"{subscriber}: logs in from any device"
        now = binding.bind_mac(subscriber, mac=options["mac"], by=BY, reason=reason)
        return f"{now}: logs in from {now.mac} only"
