"""manage.py change_package: put a subscriber on another package, now or at the next period."""

from typing import Any

from django.core.management.base import CommandParser

from ispcore.base.audit import Actor
from subscribers.management.choosing import CODES, SubscriberCommand, package_named
from subscribers.models import Subscriber
from subscribers.operations import periods
from subscribers.pages import states

BY = Actor("manage.py change_package")


class Command(SubscriberCommand):
    help = (
        "Put a subscriber on another package of its tenant. An end stays; who has none since the "
        "package has none gets a first period of one that has, from the moment of the change. "
        f"Example: manage.py change_package rahim 'Home 40' --next-period. {CODES}"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("package", help="its name")
        parser.add_argument("--next-period", action="store_true", help="not now")

    def act(self, subscriber: Subscriber, options: dict[str, Any]) -> str:
        package = package_named(options["package"], subscriber.tenant)
        later = options["next_period"]
        now = periods.change_package(
            subscriber,
            package=package,
            at_next_period=later,
            by=BY,
            reason=options["reason"],
        )
        waits = now.next_package is not None  # not what it has already
        when = "from the next period on" if waits else "from now on"
        ends = states.end_words(subscriber, package, at_next_period=waits)
        return f"{subscriber}: {package} {when} ({package.limit.words}); valid until: {ends}"
