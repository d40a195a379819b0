"""manage.py renew_subscriber: so many more periods, or until a day."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from ispcore.base import faults
from ispcore.base.audit import Actor
from subscribers import validity
from subscribers.management.choosing import CODES, SubscriberCommand, instant, until
from subscribers.models import Subscriber
from subscribers.operations import periods

BY = Actor("manage.py renew_subscriber")


class Command(SubscriberCommand):
    help = (
        "Renew a subscriber for periods of the package, after the end that it has or from now on, or "
        "set the end, or lift it. Example: manage.py renew_subscriber rahim --periods 3; "
        f"manage.py renew_subscriber rahim --until 2026-12-31. {CODES}"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--periods", type=int, default=None, help="1 where nothing is said")
        parser.add_argument("--until", default="", help=validity.END_HELP)
        parser.add_argument("--no-end", action="store_true", help="lasts until it is stopped")

    def act(self, subscriber: Subscriber, options: dict[str, Any]) -> str:
        given = (options["until"], options["periods"] is not None, options["no_end"])
        if sum(map(bool, given)) > 1:
            raise CommandError(f"--periods or --until or --no-end, not both. {faults.UNCHANGED}")
        reason = options["reason"]
        if options["until"] or options["no_end"]:
            end = instant(options["until"]) if options["until"] else None
            now = periods.extend(subscriber, until=end, by=BY, reason=reason)
        else:
            count = 1 if options["periods"] is None else options["periods"]
            now = periods.renew(subscriber, periods=count, by=BY, reason=reason)
        return f"{now}: {now.get_status_display().lower()}, {until(now)}"
