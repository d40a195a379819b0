"""manage.py discover_interfaces: look for new, gone and renumbered interfaces."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ispcore.base.audit import Actor
from ispcore.protocols.errors import ProtocolError
from routers.management.choosing import add_router_argument, chosen, failure
from routers.operations import discovery

BY = Actor("manage.py discover_interfaces")


class Command(BaseCommand):
    help = (
        "Ask routers for their interfaces and show what is new, gone, renumbered, or seems to be "
        "renamed, which a person confirms on the router's page. "
        "Example: manage.py discover_interfaces utt-edge-01. "
        "Exit code 0: all answered; 1: some did not; 2: none did, or no such router."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_router_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        routers, failed = chosen(options["routers"]), 0
        for router in routers:
            try:
                diff = discovery.discover(router, by=BY)
            except ProtocolError as error:
                failed += 1
                self.stderr.write(f"{router.name}: {error.kind}: {error}")
                continue
            self.stdout.write(f"{router.name}: {diff.total} interfaces")
            for word, names in (
                ("new", diff.new),
                ("gone", diff.gone),
                ("back", diff.back),
                ("renumbered", diff.renumbered),
            ):
                for name in names:
                    self.stdout.write(f"  {word}: {name}")
            for old, new in diff.renamed:
                self.stdout.write(f"  renamed: {old} → {new} (confirm it on the router's page)")
        if failed:
            raise failure(failed, len(routers), "routers did not answer")
