"""How fast a cycle of 5-minute samples is stored, against a raw COPY into the same table.

One cycle is 50,000 mappings. Figures: `vs_copy` and `repeat_vs_copy` are our rate over raw COPY's
(1 is as fast) for samples that are new, and for the same ones delivered again; raw is the driver's
COPY of the same rows, and for `vs_text_copy` of text that was written before the clock started.
`rows_per_s` and `copy_rows_per_s` are the medians. `rollup_s` is what the step after a collection
takes that brings the hour and the day up to date. PostgreSQL is a private one with fsync off, the
same for all.
"""

import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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

    from bench.fleet import mapped_interfaces
    from ispcore.base.timeseries import partitions, store
    from resellers.models import Usage, UsageHourly

    call_command("migrate", verbosity=0)
    keys = mapped_interfaces(ROWS)
    for model in (Usage, UsageHourly):
        partitions.ensure(model.series, START, START)
    took: dict[str, list[float]] = defaultdict(list)
    for turn in range(ROUNDS):
        took["ours"].append(_timed(_ours, _rows(keys, 3 * turn)))
        took["raw"].append(_timed(_raw, _rows(keys, 3 * turn + 1)))
        text = b"".join(store.as_lines(_rows(keys, 3 * turn + 2)))
        took["text"].append(_timed(_raw_text, text))
        took["again"].append(_timed(_ours, _rows(keys, 3 * turn)))
        sys.stderr.write(f"round {turn + 1} of {ROUNDS}\n")
    median_s = {name: statistics.median(each) for name, each in took.items()}
    return {
        "vs_copy": round(median_s["raw"] / median_s["ours"], 2),
        "repeat_vs_copy": round(median_s["raw"] / median_s["again"], 2),
        "vs_text_copy": round(median_s["text"] / median_s["ours"], 2),
        "rollup_s": round(_timed(_roll_up, START), 2),
        "rows_per_s": round(ROWS / median_s["ours"]),
        "copy_rows_per_s": round(ROWS / median_s["raw"]),
    }


def _ours(rows: Rows) -> None:
    from django.db import transaction

    from ispcore.base.timeseries import store
    from resellers.models import Usage
    from resellers.operations.usage import COLUMNS

    with transaction.atomic():
        store.insert(Usage, COLUMNS, rows)


def _raw(rows: Rows) -> None:
    with _copying() as copy:
        for row in rows:
            copy.write_row(row)


def _raw_text(text: bytes) -> None:
    with _copying() as copy:
        copy.write(text)


@contextmanager
def _copying() -> Iterator[Any]:
    from django.db import connection, transaction

    from resellers.operations.usage import COLUMNS

    sql = f"COPY usage_5m ({', '.join(COLUMNS)}) FROM STDIN"
    with transaction.atomic(), connection.cursor() as cursor, cursor.copy(sql) as copy:
        yield copy


def _roll_up(hour: datetime) -> None:
    from ispcore.base import clock
    from ispcore.base.timeseries import rollups
    from resellers.models import Usage
    from resellers.operations import usage

    rollups.mark(Usage, [hour])
    with clock.frozen(hour + timedelta(hours=1)):
        usage.roll_up()


def _rows(keys: Sequence[int], cycle: int) -> list[tuple[Any, ...]]:
    at = START + timedelta(minutes=5 * cycle)
    return [
        (key, at, key * 1_000, key * 4_000, key * 26, key * 106, 300, 0, "snmp") for key in keys
    ]


def _timed(work: Callable[[Any], None], given: Any) -> float:
    started = time.perf_counter()
    work(given)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
