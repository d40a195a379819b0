"""manage.py ready: may traffic or further processes come? For health checks and start orders."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from ispcore.base import clock
from ispcore.base.models import Heartbeat
from ispcore.health import answers, unapplied


class Command(BaseCommand):
    help = (
        "Are both databases there and migrated, and (where named) do these processes of this node "
        "show life? Examples: manage.py ready; manage.py ready collector watch; "
        "manage.py ready --silent. Exit code 0: yes; 1: no, and one line says what is missing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "process",
            nargs="*",
            help='heartbeats that must be fresh: web, collector, watch, "jobs NAME"',
        )
        parser.add_argument(
            "--within", type=float, help="seconds (default: what each process said it may take)"
        )
        parser.add_argument(
            "--silent",
            action="store_true",
            help="only list the processes of this node whose heartbeat is too old, one a line",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        _check_databases()
        if options["silent"]:
            silent = [beat.name for beat in _ours() if _is_stale(beat, options["within"])]
            self.stdout.write("".join(f"{name}\n" for name in silent), ending="")
            return
        for name in options["process"]:
            _check(name, options["within"])
        self.stdout.write("\n".join(["ready", *_others()]))


def _check_databases() -> None:
    for alias in connections:
        if not answers(alias):
            raise CommandError(f"the {alias} database does not answer")
        if missing := unapplied(alias):
            raise CommandError(f"{alias}: {missing} migrations are not applied")


def _check(name: str, within_s: float | None) -> None:
    ours = {beat.name: beat for beat in _ours()}
    if name not in ours:
        known = ", ".join(ours) or "none"
        raise CommandError(f"{name} never showed life on {settings.NODE} (these did: {known})")
    if _is_stale(ours[name], within_s):
        raise CommandError(f"{name} showed life {_age_s(ours[name]):.0f} s ago")


def _ours() -> list[Heartbeat]:
    return list(Heartbeat.objects.filter(node=settings.NODE).order_by("name"))


def _others() -> list[str]:
    """One line for each other node: its processes with the age of their heartbeats."""
    said: dict[str, list[str]] = {}
    for beat in Heartbeat.objects.exclude(node=settings.NODE).order_by("node", "name"):
        gone = ", no sign of life" if _is_stale(beat, None) else ""
        said.setdefault(beat.node, []).append(f"{beat.name} ({_age_s(beat):.0f} s ago{gone})")
    return [f"on {node}: {', '.join(processes)}" for node, processes in said.items()]


def _age_s(beat: Heartbeat) -> float:
    return (clock.now() - beat.beat_at).total_seconds()


def _is_stale(beat: Heartbeat, within_s: float | None) -> bool:
    if within_s is None:
        return beat.is_stale(clock.now())
    return clock.now() - beat.beat_at > timedelta(seconds=within_s)
