"""manage.py radius_report: what of an existing FreeRADIUS database does not fit the portal."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand

from radius import queries


class Command(BaseCommand):
    help = (
        "Look through FreeRADIUS' database for what does not fit: missing columns, usernames that "
        "the database takes for one another, clients that are no single address, attributes that "
        "the portal does not know. Nothing is changed. Example: manage.py radius_report. "
        "Exit code 0: all fits, 1: something does not."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        counts: Counter[str] = Counter()
        for finding in queries.adoption_report():
            counts[finding.kind] += 1
            self.stdout.write(f"{finding.kind}: {finding.what}")
        if counts:
            raise SystemExit(1)
        self.stdout.write("all fits")
