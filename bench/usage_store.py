"""How fast a cycle of 5-minute samples is stored, against a raw COPY into the same table.

One cycle is 50,000 mappings. Figures: `vs_copy` and `repeat_vs_copy` are our rate over raw COPY's
(1 is as fast) for samples that are new, and for the same ones delivered again; `rows_per_s` and
`copy_rows_per_s` are the medians. PostgreSQL is a private one with fsync off, the same for both.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import emit

ROWS, ROUNDS = 50_000, 7
START = datetime(2026, 1, 1, tzinfo=UTC)
Rows = Sequence[tuple[Any, ...]]


def main() -> None:
    from tests.harness import databases

    server = databases.PostgreSQL()
    server.start()
    try:
        os.environ |= {
            "DATABASE_URL": server.create("bench"),
            "SECRET_KEY": "bench",
            "FIELD_ENCRYPTION_KEYS": "A" * 43 + "=",
            "DJANGO_SETTINGS_MODULE": "ispcore.settings",
        }
        emit("usage_store", _measure())
    finally:
        server.stop()


def _measure() -> dict[str, float]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection, transaction

    from bench.fleet import mapped_interfaces
    from ispcore.base.timeseries import store
    from resellers.models import Usage
    from resellers.operations.usage import COLUMNS

    call_command("migrate", verbosity=0)
    keys = mapped_interfaces(ROWS)

    def ours(rows: Rows) -> None:
        with transaction.atomic():
            store.insert(Usage, COLUMNS, rows)

    def raw(rows: Rows) -> None:
        names = ", ".join(COLUMNS)
        with (
            transaction.atomic(),
            connection.cursor() as cursor,
            cursor.copy(f"COPY usage_5m ({names}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)

    ours_s, raw_s, again_s = [], [], []
    for turn in range(ROUNDS):
        ours_s.append(_timed(ours, _rows(keys, 2 * turn)))
        raw_s.append(_timed(raw, _rows(keys, 2 * turn + 1)))
        again_s.append(_timed(ours, _rows(keys, 2 * turn)))
        sys.stderr.write(f"round {turn + 1} of {ROUNDS}\n")
    copy_s = statistics.median(raw_s)
    return {
        "vs_copy": round(copy_s / statistics.median(ours_s), 2),
        "repeat_vs_copy": round(copy_s / statistics.median(again_s), 2),
        "rows_per_s": round(ROWS / statistics.median(ours_s)),
        "copy_rows_per_s": round(ROWS / copy_s),
    }


def _rows(keys: Sequence[int], cycle: int) -> list[tuple[Any, ...]]:
    at = START + timedelta(minutes=5 * cycle)
    return [
        (key, at, key * 1_000, key * 4_000, key * 26, key * 106, 300, 0, "snmp") for key in keys
    ]


def _timed(store: Callable[[Rows], None], rows: Rows) -> float:
    started = time.perf_counter()
    store(rows)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
