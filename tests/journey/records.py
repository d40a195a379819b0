"""What a portal's own database says, asked from outside with plain SQL."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg


class Records:
    """The portal's database: an SQLite file under its var/, or the PostgreSQL of a URL."""

    def __init__(self, *, var: Path, url: str = "") -> None:
        self._file, self._url = var / "ispcore.sqlite3", url

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a SELECT; nothing is kept open between two questions."""
        if self._url:
            with psycopg.connect(
                self._url, connect_timeout=5, options="-c role=ispcore_worker"
            ) as server:
                return list(server.execute(query.encode()))
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=20)) as file:
            return list(file.execute(query))

    def pid_of(self, name: str, node: str) -> int:
        """Which process last showed life as `name`; 0 where none did."""
        found = self.rows(f"SELECT pid FROM heartbeats WHERE name='{name}' AND node='{node}'")  # noqa: S608
        return int(found[0][0]) if found else 0


def instant(value: Any) -> datetime:
    """A stored time; SQLite keeps it as text without a zone."""
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    assert isinstance(value, datetime)
    return value.astimezone(UTC)
