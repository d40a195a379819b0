"""manage.py database_roles: the SQL that makes the portal's PostgreSQL roles, or makes them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection

from ispcore.base.rls import roles, upkeep


class Command(BaseCommand):
    help = (
        "Print the SQL that makes the three PostgreSQL roles of the portal and lets the login of "
        "DATABASE_URL take them. A superuser runs it once: manage.py database_roles | sudo -u "
        "postgres psql; then migrate. With --apply it is run as the login of DATABASE_URL."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--login", help="a login other than that of DATABASE_URL")
        parser.add_argument(
            "--apply", action="store_true", help="make the roles now; the login must be a superuser"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("DATABASE_URL is not PostgreSQL: there are no roles to make")
        if not options["apply"]:
            login = options["login"] or str(connection.settings_dict["USER"])
            self.stdout.write(roles.sql(login))
            return
        try:
            roles.make(options["login"])
        except DatabaseError as error:
            raise CommandError(
                f"{str(error).strip()}: run manage.py database_roles, without --apply, and give "
                "what it prints to psql as a superuser"
            ) from error
        changed = upkeep.sync()
        self.stdout.write(f"the roles are there; {changed} rights and policies changed")
