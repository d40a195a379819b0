"""manage.py environment: the settings that the environment gives, as a table."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from ispcore.environment import Variable


class Command(BaseCommand):
    help = "List the environment variables that settings reads. Example: manage.py environment --markdown"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--markdown", action="store_true", help="as the table in README.md")

    def handle(self, *args: Any, **options: Any) -> None:
        variables: list[Variable] = settings.ENVIRONMENT
        if options["markdown"]:
            self.stdout.write("| variable | default | what it is |\n|---|---|---|")
            for each in variables:
                self.stdout.write(f"| `{each.name}` | {_code(each.default)} | {each.meaning} |")
            return
        for each in variables:
            self.stdout.write(f"{each.name:24} {each.default or '(empty)':30} {each.meaning}")


def _code(default: str) -> str:
    return default if not default or " " in default else f"`{default}`"
