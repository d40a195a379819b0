"""manage.py recover_provisioning: decide now what is in doubt between the two databases."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ispcore.base import unit_of_work
from ispcore.base.unit_of_work import Decided
from ispcore.base.units import format_names


class Command(BaseCommand):
    help = (
        "Decide what writers that died left between the portal's and FreeRADIUS' database: each "
        "such change is undone in both. The provision cluster does so every few seconds; this does "
        "it now. Example: manage.py recover_provisioning --name ali@dhaka. Exit code 0: nothing is "
        "in doubt any more; 1: a database does not answer, or a change is still being made."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--name",
            action="append",
            help="only changes that touch this name (a user name); may be given several times",
        )
        parser.add_argument(
            "--json",
            action="store_true",
            help="one document: what was undone, and how many changes are in doubt still",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        names = [name.strip().lower() for name in options["name"]] if options["name"] else None
        try:
            decided = unit_of_work.recover(names)
            waiting = unit_of_work.in_doubt(names)
        except unit_of_work.NotProvisioned as fault:
            raise CommandError(str(fault)) from fault
        if options["json"]:
            self.stdout.write(
                json.dumps({"undone": list(map(_told, decided)), "in_doubt": waiting})
            )
        else:
            for each in decided:
                self.stdout.write(f"undone: {each.scope.kind} {format_names(each.scope.keys)}")
        if waiting:
            raise CommandError(f"{waiting} changes are still being made, or cannot be projected")
        if not options["json"]:
            self.stdout.write(f"{len(decided)} changes were in doubt; none is any more")


def _told(decided: Decided) -> dict[str, object]:
    return {
        "gid": str(decided.gid),
        "kind": decided.scope.kind,
        "keys": list(decided.scope.keys),
        "at": decided.at.isoformat(),
    }
