"""manage.py sync_schedules: bring django-q's schedules in line with ispcore/schedules.py."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ispcore import schedules


class Command(BaseCommand):
    help = (
        "Write the list of background jobs to the scheduler's table: add, change, remove. "
        "Run it after every update; script/server does. Example: manage.py sync_schedules. "
        "Exit code 0: in line now; 1: a job's function or period is not usable, nothing changed."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = schedules.sync()
        except (ImportError, schedules.NotWholeMinutes) as error:
            raise CommandError(str(error)) from error
        self.stdout.write("\n".join(done) or "in line already")
