"""manage.py collect_usage: read the counters of routers now."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from routers.management.choosing import add_router_argument, chosen, failure
from routers.operations import collection


class Command(BaseCommand):
    help = (
        "Read the traffic counters of all polled routers, or of those named, and store the usage. "
        "Example: manage.py collect_usage utt-edge-01. "
        "Exit code 0: all answered; 1: some did not; 2: none did, or no such router."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_router_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        routers = chosen(options["routers"])
        summary = collection.collect([router.pk for router in routers])
        self.stdout.write(str(summary))
        for line in summary.failed:
            self.stderr.write(line)
        if summary.failed:
            raise failure(len(summary.failed), summary.routers, "routers did not answer")
