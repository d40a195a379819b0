"""manage.py create_admin: a first (or further) super user with a generated password."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ispcore.accounts.models import Account
from ispcore.accounts.operations import accounts
from ispcore.accounts.roles import Role
from ispcore.base.audit import Actor


class Command(BaseCommand):
    help = (
        "Make a super user and print its generated password once. "
        "Example: manage.py create_admin --username rahim. "
        "Exit code 0: made; 1: the name is taken or not usable."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", default="admin")
        parser.add_argument(
            "--if-none", action="store_true", help="do nothing where a super user exists already"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["if_none"] and Account.objects.filter(role=Role.SUPER_USER).exists():
            return
        password = accounts.generate_password()
        try:
            accounts.create(
                options["username"],
                role=Role.SUPER_USER,
                password=password,
                by=Actor("manage.py create_admin"),
            )
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.stdout.write(f"administrator: {options['username']}\npassword: {password}")
        self.stdout.write("This password is shown once and stored nowhere in clear.")
