"""manage.py import_subscribers: subscribers from a CSV file, in units that are whole."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ispcore.base.audit import Actor
from subscribers import validity
from subscribers.management.choosing import TAKE_OVER, refusals, take_over_option, tenant_named
from subscribers.operations import imports

BY = Actor("manage.py import_subscribers")
MOST_SHOWN = 20


def _lines(name: str) -> Iterator[str]:
    """Of a file, as spreadsheets write it."""
    if name == "-":
        yield from sys.stdin
        return
    with Path(name).open(encoding="utf-8-sig", newline="") as file:
        yield from file


def _hint(plan: imports.Plan) -> str:
    wanted = plan.by_hand and not plan.take_over
    return f" --{TAKE_OVER} replaces what was made by hand." if wanted else ""


class Command(BaseCommand):
    help = (
        "Read subscribers from a CSV file (- is standard input) and say what would be done; --apply "
        f"does it. Columns: {', '.join(imports.NEEDED)}; as you like: {', '.join(imports.OPTIONAL)}. "
        f"expires: {validity.END_HELP}; empty: after one period. "
        "Who is there already is left alone, so the same file can be given again. "
        "Example: manage.py import_subscribers 'Dhaka Fibre' lines.csv --apply. "
        "Exit code 0: no faults (and done, with --apply); 1: faults, nothing was changed, or a unit "
        "was refused, which is said with what stands; 2: whether a unit stands is being decided."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="its name")
        parser.add_argument("file")
        parser.add_argument("--apply", action="store_true")
        take_over_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = tenant_named(options["tenant"])
        try:
            with refusals():
                plan = imports.plan(tenant, _lines(options["file"]), take_over=options["take_over"])
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['file']}: {error}") from error
        self._show(plan)
        if plan.faults:
            raise CommandError(f"{len(plan.faults)} faults.{_hint(plan)} Nothing was changed.")
        if options["apply"]:
            self._apply(plan)
        elif plan.fresh:
            self.stdout.write("nothing was changed; --apply makes them")

    def _show(self, plan: imports.Plan) -> None:
        for fault in plan.faults[:MOST_SHOWN]:
            self.stderr.write(f"line {fault.line}: {fault.words}")
        if len(plan.faults) > MOST_SHOWN:
            self.stderr.write(f"and {len(plan.faults) - MOST_SHOWN} faults more")
        made_up = f", {plan.made_up} with passwords that are made up" if plan.made_up else ""
        taken = f", {plan.by_hand} taken over from RADIUS" if plan.take_over else ""
        over = f", {plan.expired} expired at once since their end is past" if plan.expired else ""
        self.stdout.write(
            f"{plan.tenant}: {len(plan.fresh)} to make{made_up}{taken}{over}; "
            f"{len(plan.present)} there already"
        )

    def _apply(self, plan: imports.Plan) -> None:
        done = 0
        try:
            with refusals():
                for made in imports.apply(plan, by=BY):
                    done += made
                    self.stdout.write(f"{done} of {len(plan.fresh)} made")
        except CommandError as error:
            if not done:
                raise
            raise CommandError(
                f"{done} of {len(plan.fresh)} stand; of the next unit: {error} "
                "The same file again goes on from there.",
                returncode=error.returncode,
            ) from error
