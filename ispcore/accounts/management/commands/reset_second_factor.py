"""manage.py reset_second_factor: let in who lost phone, key and recovery codes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ispcore.accounts.models import Account
from ispcore.accounts.operations import second_factors
from ispcore.base.audit import Actor


class Command(BaseCommand):
    help = (
        "Take all second factors of an account away and end its sessions; the password stays. "
        "Example: manage.py reset_second_factor --username rahim --reason 'lost phone, asked him'. "
        "Exit code 0: done; 1: no such account."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", required=True)
        parser.add_argument("--reason", default="", help="goes into the audit log")

    def handle(self, *args: Any, **options: Any) -> None:
        account = Account.objects.filter(username=options["username"]).first()
        if account is None:
            raise CommandError(f"no account is called {options['username']}")
        by = Actor("manage.py reset_second_factor")
        count = second_factors.reset(account, by=by, reason=options["reason"])
        self.stdout.write(f"{account}: {count} second factors taken away, all sessions ended")
