"""manage.py demo: load the demo's ISP, or remove it."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ispcore.base import audit
from ispcore.demo import network, operations, subscribers

_RULE = "=" * 66
LOGIN_WORDS = f"""
{_RULE}
  The owner of a reseller in the demo, {network.LOGIN_OF}: sees /my/

    user name  {network.LOGIN}
    password   {{password}}

  Shown this once, stored nowhere in clear. A new one is made in the
  admin: Accounts, {network.LOGIN}, Set a new password.
{_RULE}
"""


class Command(BaseCommand):
    help = (
        "Load a believable small ISP with 30 days of usage (script/server --demo does it), or "
        "remove it and all that was collected of it. Example: manage.py demo --remove. "
        "Exit code 0: done; 1: refused, nothing was changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--load", action="store_true")
        what.add_argument("--remove", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        with audit.coming_from("command"):
            if options["remove"]:
                try:
                    counts = {"subscribers": subscribers.remove()} | operations.remove()
                except operations.DemoInUse as error:
                    raise CommandError(f"demo not removed: {error}") from error
                listed = ", ".join(f"{count} {what}" for what, count in counts.items())
                self.stdout.write(f"demo removed: {listed}")
            else:
                self._load()

    def _load(self) -> None:
        try:
            samples = 0 if operations.is_loaded() else operations.load()
            lines = subscribers.load()
            password = operations.make_login()
        except ValidationError as error:
            faults = "; ".join(error.messages)
            raise CommandError(f"the demo does not fit into this portal: {faults}") from error
        if samples or lines:
            self.stdout.write(f"demo loaded: {samples:,} samples of usage, {lines} subscribers")
        if password:
            self.stdout.write(LOGIN_WORDS.format(password=password))
