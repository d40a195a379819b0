"""manage.py series: what each series really holds; partitions and retention by hand."""

from datetime import date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ispcore.base import clock
from ispcore.base.tasks import tidy_series
from ispcore.base.timeseries import partitions, retention
from ispcore.base.timeseries.retention import Holding

HEAD = ("series", "rows", "oldest", "newest", "kept", "partitions", "ahead", "astray", "size")


class Command(BaseCommand):
    help = (
        "Show what each series really holds: rows (estimated on PostgreSQL), the oldest and the "
        "newest, how long they are kept, partitions, for how long there are some ahead, rows that "
        "lie in none (astray), and the size with indexes. Example: manage.py series --tidy"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--tidy", action="store_true", help="first do what the hourly job `tidy series` does"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["tidy"]:
            self.stdout.write(tidy_series())
        rows = [HEAD, *(_row(retention.holding(model)) for model in partitions.all_series())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())


def _row(holding: Holding) -> tuple[str, ...]:
    return (
        holding.table,
        f"{holding.rows:,}",
        _when(holding.oldest),
        _when(holding.newest),
        f"{holding.keep_days} d" if holding.keep_days else "for ever",
        str(holding.partitions or "-"),
        f"{holding.ahead.days} d" if holding.ahead is not None else "-",
        str(holding.astray),
        f"{holding.size_octets / 1e6:,.0f} MB" if holding.size_octets is not None else "-",
    )


def _when(at: datetime | date | None) -> str:
    if at is None:
        return "-"
    if not isinstance(at, datetime):
        return at.isoformat()
    return f"{at.astimezone(clock.isp_zone()):%Y-%m-%d %H:%M}"
