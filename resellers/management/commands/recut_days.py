"""manage.py recut_days: after the ISP's zone was changed, cut its days anew."""

from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ispcore.base import clock
from resellers.operations import usage


class Command(BaseCommand):
    help = (
        "Compute the daily sums of usage anew, cut in ISPCORE_TIME_ZONE as it is set now. Days "
        "whose 5-minute rows are not all kept any more stay as they are. "
        "Example: manage.py recut_days 2026-03-01 2026-03-31"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("first", help="the first day, as 2026-03-01")
        parser.add_argument("last", nargs="?", help="the last day; today without it")

    def handle(self, *args: Any, **options: Any) -> None:
        today = clock.isp_date(clock.now())
        first, last = _day(options["first"]), _day(options["last"] or today.isoformat())
        if not first <= last <= today:
            raise CommandError("give the first day, then the last; neither lies in the future")
        done = usage.recut_days(first, last)
        self.stdout.write(f"{done} days cut in {settings.TIME_ZONE}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is no day; write it as 2026-03-01") from error
