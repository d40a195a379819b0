"""5-minute samples as columns: by the ten thousand they are made, handed on and stored as arrays.

What web processes load must not import this module at its top: numpy takes 20 MB of each.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection, models

from ispcore.base.timeseries import store

Table = npt.NDArray[np.void]
GAP = -1  # stands for null in octets and rates, which are null together
MEASURED = ("in_octets", "out_octets", "in_bps", "out_bps")
SAMPLE = np.dtype(
    [
        ("key", np.int64),
        ("bucket_ms", np.int64),
        *((name, np.int64) for name in MEASURED),
        ("covered_s", np.int16),
        ("quality", np.int16),
        ("source", "S4"),
    ]
)
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # no flags, no extension
_TRAILER = b"\xff\xff"
_YEAR_2000_MS = 946_684_800_000


@dataclass(frozen=True, slots=True)
class Samples:
    """Rows of a usage table, its key and then the columns of `UsageSample`, as an array of SAMPLE.

    Iterating gives them as tuples, with null as None.
    """

    table: Table

    @classmethod
    def of(cls, rows: Iterable[Sequence[Any]]) -> "Samples":
        """Plain rows as columns; `bucket` is on the grid, `source` has four letters at most."""
        plain = [
            (row[0], _epoch_ms(row[1]), *(GAP if n is None else n for n in row[2:6]), *row[6:])
            for row in rows
        ]
        return cls(np.array(plain, SAMPLE))

    @classmethod
    def together(cls, parts: Iterable["Samples"]) -> "Samples":
        return cls(np.concatenate([np.empty(0, SAMPLE), *(part.table for part in parts)]))

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return map(_plain, self.table.tolist())

    def __getitem__(self, n: int) -> tuple[Any, ...]:
        return _plain(self.table[n].item())

    @property
    def keys(self) -> list[int]:
        return self.table["key"].tolist()  # type: ignore[no-any-return]

    @property
    def instants(self) -> set[datetime]:
        """The starts of the buckets that occur."""
        return {_instant(start_ms) for start_ms in np.unique(self.table["bucket_ms"]).tolist()}

    def under(self, keys: Sequence[int]) -> "Samples":
        """The same samples under other keys, without those whose key is 0."""
        table, table["key"] = self.table.copy(), keys
        return Samples(table[table["key"] != 0])

    def insert(self, model: type[models.Model], columns: Sequence[str]) -> set[datetime]:
        """Insert what is not there yet, as `store.insert` does; returns the starts of the buckets
        of which some row was new."""
        if connection.vendor != "postgresql":
            return {row[1] for row in store.insert(model, columns, list(self))}
        new = store.insert_binary(model, columns, lambda: _binary(self.table)) if len(self) else []
        return self.instants if new is None else {row[1] for row in new}


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    key, start_ms, *measured, covered_s, quality, source = row
    octets = (None if n == GAP else n for n in measured)
    return (key, _instant(start_ms), *octets, covered_s, quality, source.decode())


@lru_cache(maxsize=1_000)
def _instant(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


def _epoch_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _binary(table: Table) -> Iterator[bytes]:
    """In COPY's binary format (PostgreSQL's manual, COPY, "Binary Format"): rows that follow each
    other and have nulls in the same columns, and sources of one length, are one array."""
    yield _SIGNATURE
    gap, letters = table["in_octets"] == GAP, np.strings.str_len(table["source"])
    shape = letters * 2 + gap
    turns = np.flatnonzero(shape[1:] != shape[:-1]) + 1
    for rows in np.split(table, turns):
        for at in range(0, len(rows), store.ROWS_A_WRITE):
            yield _encoded(rows[at : at + store.ROWS_A_WRITE])
    yield _TRAILER


def _encoded(rows: Table) -> bytes:
    """Rows of one shape: the number of columns, then for each its length in octets and its value;
    -1 and no value for null."""
    nulls = MEASURED if rows["in_octets"][0] == GAP else ()
    values = {name: rows[name] for name in SAMPLE.names or () if name not in nulls}
    values["bucket_ms"] = (rows["bucket_ms"] - _YEAR_2000_MS) * 1000  # a timestamp counts µs
    values["source"] = rows["source"].astype(f"S{len(rows['source'][0])}")
    layout: list[tuple[str, Any]] = [("columns", ">i2")]
    for name in SAMPLE.names or ():
        layout.append((f"octets of {name}", ">i4"))
        if name in values:
            layout.append((name, values[name].dtype.newbyteorder(">")))
    encoded = np.empty(len(rows), layout)
    encoded["columns"] = len(SAMPLE.names or ())
    for name in nulls:
        encoded[f"octets of {name}"] = -1
    for name, column in values.items():
        encoded[f"octets of {name}"], encoded[name] = column.dtype.itemsize, column
    return encoded.tobytes()
