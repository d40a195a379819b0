"""manage.py ready: may traffic or further processes come? For health checks and start orders."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from ispcore.base import clock
from ispcore.base.models import Heartbeat
from ispcore.health import answers, unapplied


class Command(BaseCommand):
    help = (
        "Are both databases there and migrated, and (where named) do these processes show life? "
        'Examples: manage.py ready; manage.py ready watch "jobs collect". '
        "Exit code 0: yes; 1: no, and one line says what is missing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "process", nargs="*", help='heartbeats that must be fresh: web, watch, "jobs NAME"'
        )
        parser.add_argument("--within", type=float, default=300, help="seconds (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        for alias in connections:
            if not answers(alias):
                raise CommandError(f"the {alias} database does not answer")
            if missing := unapplied(alias):
                raise CommandError(f"{alias}: {missing} migrations are not applied")
        now = clock.now()
        beats = dict(Heartbeat.objects.values_list("name", "beat_at"))
        for name in options["process"]:
            if name not in beats:
                known = ", ".join(sorted(beats)) or "none"
                raise CommandError(f"{name} never showed life (these did: {known})")
            age_s = (now - beats[name]).total_seconds()
            if age_s > options["within"]:
                raise CommandError(f"{name} showed life {age_s:.0f} s ago")
        self.stdout.write("ready")
