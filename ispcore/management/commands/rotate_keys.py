"""manage.py rotate_keys: encrypt every stored secret again with the newest key."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ispcore.accounts.operations import second_factors
from ispcore.base.secrets import SecretUnreadable, rotate, secret_fields


class Command(BaseCommand):
    help = (
        "Encrypt every stored secret again with the first key of FIELD_ENCRYPTION_KEYS. "
        "Put the new key first, run this, then drop the old one. "
        "Example: FIELD_ENCRYPTION_KEYS=new,old manage.py rotate_keys. "
        "Exit code 1: some secret could not be read, and its table was left as it was."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        failed = []
        work: dict[str, Callable[[], int]] = {
            f"{model._meta.db_table}: {', '.join(names)}": partial(rotate, model, names)
            for model, names in secret_fields()
        }
        work["second factors"] = second_factors.rotate_secrets  # in no SecretField: not our tables
        for label, again in work.items():
            try:
                self.stdout.write(f"{label}: {again()} rows")
            except SecretUnreadable as error:
                failed.append(f"{label}: {error}")
        if failed:
            raise CommandError("\n".join(failed))
