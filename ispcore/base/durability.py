"""Whether a change that a database has acknowledged outlives a crash: its settings, as they are now.

Provisioning rests on it: a commit of one database that is lost afterwards leaves the two apart.
Sources: PostgreSQL's chapter "Reliability", MariaDB's pages on innodb_flush_log_at_trx_commit and
sync_binlog, SQLite's PRAGMA synchronous.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connections

LOST = "what was acknowledged may be lost when {}"
TORN = "a page that was half written when the machine stops cannot be mended"


@dataclass(frozen=True, slots=True)
class Setting:
    """Which values are safe, and what may happen with any other."""

    safe: frozenset[str]
    wanted: str
    why: str


@dataclass(frozen=True, slots=True)
class Unsafe:
    """A setting of the server behind `alias` that loses what it has acknowledged."""

    alias: str
    name: str
    value: str
    setting: Setting

    @property
    def words(self) -> str:
        """ "default: fsync is off: what was acknowledged may be lost when the machine stops" """
        return f"{self.alias}: {self.name} is {self.value}: {self.setting.why}"


def _setting(*safe: str, why: str) -> Setting:
    return Setting(frozenset(safe), safe[0], why)


_ON_STOP = LOST.format("the machine stops")
SETTINGS: Mapping[str, Mapping[str, Setting]] = {
    "postgresql": {
        "fsync": _setting("on", why=f"{_ON_STOP}, and all of the database with it"),
        "synchronous_commit": _setting(
            *("on", "local", "remote_write", "remote_apply"),
            why=LOST.format("the server or the machine stops"),
        ),
        "full_page_writes": _setting("on", why=TORN),
    },
    "mysql": {
        "innodb_flush_log_at_trx_commit": _setting("1", "3", why=_ON_STOP),
        "sync_binlog": _setting("1", why=_ON_STOP),
        "innodb_doublewrite": _setting("ON", "DETECT_AND_RECOVER", why=TORN),
    },
    "sqlite": {
        "synchronous": _setting("2", "3", why=_ON_STOP),
        "journal_mode": _setting(
            *("wal", "delete", "truncate", "persist"),
            why="the file is broken when a process is killed while it writes",
        ),
    },
}


def unsafe(alias: str) -> list[Unsafe]:
    """What of its settings is unsafe. Raises DatabaseError."""
    connection: Any = connections[alias]
    settings = SETTINGS[connection.vendor]
    with connection.cursor() as cursor:
        values = _READERS[connection.vendor](cursor, list(settings))
    if connection.vendor == "sqlite" and connection.is_in_memory_db():  # no file to lose
        return []
    return [
        Unsafe(alias, name, values[name], setting)
        for name, setting in settings.items()
        if name in values and values[name] not in setting.safe
    ]


def _of_postgresql(cursor: Any, names: list[str]) -> dict[str, str]:
    """Of this session: a role or database may have its own."""
    cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [names])
    return dict(cursor.fetchall())


def _of_mysql(cursor: Any, names: list[str]) -> dict[str, str]:
    asked = [*names, "log_bin"]
    cursor.execute("SHOW GLOBAL VARIABLES WHERE Variable_name IN %s", [asked])
    found = dict(cursor.fetchall())
    if found.pop("log_bin", "OFF") == "OFF":  # no log to be synchronised
        found.pop("sync_binlog", None)
    return found


def _of_sqlite(cursor: Any, names: list[str]) -> dict[str, str]:
    found = {}
    for name in names:
        cursor.execute(f"PRAGMA {name}")
        found[name] = str(cursor.fetchone()[0])
    return found


_READERS: Mapping[str, Callable[[Any, list[str]], dict[str, str]]] = {
    "postgresql": _of_postgresql,
    "mysql": _of_mysql,
    "sqlite": _of_sqlite,
}
