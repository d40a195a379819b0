"""manage.py check_routers: test ping, RouterOS API and SNMP of routers, step by step."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from routers.management.choosing import add_router_argument, chosen, failure
from routers.operations import connection


class Command(BaseCommand):
    help = (
        "Test how routers can be reached, with the result and time of each step. "
        "Example: manage.py check_routers utt-edge-01. "
        "Exit code 0: every step that is configured works; 1: some router has a failing step; "
        "2: all have, or no such router."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_router_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        routers, failed = chosen(options["routers"]), 0
        for router in routers:
            steps = connection.test(router)
            failed += any(step.ok is False for step in steps)
            self.stdout.write(router.name)
            for step in steps:
                mark = {True: "ok", False: "FAILED", None: "off"}[step.ok]
                took = f" ({step.took_ms:.0f} ms)" if step.took_ms is not None else ""
                self.stdout.write(f"  {mark:7} {step.name}: {step.words}{took}")
        if failed:
            raise failure(failed, len(routers), "routers have a failing step")
