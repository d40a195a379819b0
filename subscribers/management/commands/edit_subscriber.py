"""manage.py edit_subscriber: change addresses, device limit and contact of a subscriber."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ispcore.base.audit import Actor
from subscribers.forms import SubscriberForm
from subscribers.management.choosing import CODES, subscriber_named
from subscribers.management.options import EMPTY, FormOptions
from subscribers.operations import subscribers

BY = Actor("manage.py edit_subscriber")
OPTIONS = FormOptions(SubscriberForm, {})


class Command(BaseCommand):
    help = (
        "Change what is given of a subscriber, and leave the rest as it stands. Package, end, status, "
        "password, device and name have commands of their own. "
        "Example: manage.py edit_subscriber rahim --ipv4 100.64.9.2 --phone +8801712345678 "
        f"--notes 'roof, 3rd floor'. {EMPTY} {CODES}"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        OPTIONS.add_to(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        subscriber = subscriber_named(options["username"])
        with OPTIONS.refusals():
            changes = OPTIONS.changes(subscriber, OPTIONS.given(options))
            if changes:
                subscribers.edit(subscriber, changes=changes, by=BY)
        self.stdout.write(f"{subscriber}: {OPTIONS.told(changes)}")
