"""manage.py reconcile_radius: is in FreeRADIUS what the portal says? And make it so."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from ispcore.base.audit import Actor
from ispcore.base.faults import UNCHANGED
from ispcore.base.unit_of_work.faults import RADIUS, tell
from routers.models import Router
from subscribers.management.choosing import refusals, tenant_named
from subscribers.operations import reconciling
from subscribers.operations.reconciling import Extent, Plan
from subscribers.queries import UNREADABLE_WORDS

BY = Actor("manage.py reconcile_radius")
DIFFER = 3
MOST_SHOWN = 50
UNREADABLE_CLIENT = (
    "no key in FIELD_ENCRYPTION_KEYS opens its secret: put back the old key, or enter it anew"
)


class Command(BaseCommand):
    help = (
        "Compare FreeRADIUS' tables with the portal, by digest, and say what differs; --apply writes "
        "what differs anew. Names and RADIUS clients that the portal does not know are listed and "
        "left. Refused where more than 30 % would change, unless forced. "
        "Example: manage.py reconcile_radius --tenant 'Dhaka Fibre' --apply. "
        "Exit code 0: they agree (with --apply: now); 3: they differ; 1: refused, or a database is "
        "away, and nothing was changed; 2: whether it stands is being decided."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", default="", help="its name: subscribers and packages of it")
        parser.add_argument(
            "--router",
            default="",
            help="its name: who has or had sessions on it, and the RADIUS client at its address",
        )
        parser.add_argument("--username", default="")
        parser.add_argument("--apply", action="store_true")
        parser.add_argument("--force", action="store_true", help="also if it is more than 30 %%")
        parser.add_argument("--reason", default="", help="goes into the record")

    def handle(self, *args: Any, **options: Any) -> None:
        extent = Extent(
            tenant=tenant_named(options["tenant"]) if options["tenant"] else None,
            router=_router_named(options["router"]) if options["router"] else None,
            username=options["username"],
        )
        with refusals():
            plan = _planned(extent)
            self._show(plan)
            if reconciling.is_of_nobody(plan):
                raise CommandError(
                    f"nobody is called {extent.username}, here or in FreeRADIUS. {UNCHANGED}"
                )
            if plan.differing and options["apply"]:
                self._apply(plan, options)
                return
        if plan.differing:
            raise CommandError(
                f"{plan.differing} of {plan.compared} differ. Nothing was changed; --apply mends them.",
                returncode=DIFFER,
            )

    def _apply(self, plan: Plan, options: dict[str, Any]) -> None:
        try:
            done = reconciling.apply(plan, by=BY, force=options["force"], reason=options["reason"])
        except reconciling.TooMuchChange as error:
            raise CommandError(f"{error} --force writes them anew all the same.") from error
        self.stdout.write(f"{done} written anew")

    def _show(self, plan: Plan) -> None:
        self.stdout.write(f"{plan.extent.words}: {plan.compared} compared, {plan.differing} differ")
        for name in plan.unreadable[:MOST_SHOWN]:
            self.stderr.write(f"  {name}: no login: {UNREADABLE_WORDS}")
        for address in plan.unreadable_clients[:MOST_SHOWN]:
            self.stderr.write(f"  RADIUS client {address}: left as it is: {UNREADABLE_CLIENT}")
        lines = [f"package {package}: {word}" for package, word in plan.packages.items()]
        lines += [f"RADIUS client {address}: {word}" for address, word in plan.clients.items()]
        lines += [f"{name}: {word}" for name, word in plan.usernames.items()]
        lines += [f"{name}: not ours, left" for name in plan.foreign]
        lines += [f"{name}: in doubt, it is being decided" for name in plan.in_doubt]
        for line in lines[:MOST_SHOWN]:
            self.stdout.write(f"  {line}")
        if len(lines) > MOST_SHOWN:
            self.stdout.write(f"  and {len(lines) - MOST_SHOWN} more")


def _planned(extent: Extent) -> Plan:
    """Raises NotProvisioned where FreeRADIUS' database cannot be asked."""
    try:
        return reconciling.plan(extent)
    except Error as error:
        tell(error, RADIUS)


def _router_named(name: str) -> Router:
    found = Router.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f"no router named {name}")
    return found
