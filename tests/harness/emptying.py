"""Takes away what a test committed and leaves what migrations wrote.

Django's flush empties a hundred tables to find three rows, and takes what migrations wrote with it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ispcore.base import append_only
from ispcore.base.models import AuditEntry

Rows = list[tuple[Any, ...]]


def remember() -> Callable[[], None]:
    """All databases as they are; the function returned brings them back to that."""
    kept = {alias: _rows(connections[alias]) for alias in connections}

    def bring_back() -> None:
        for alias, rows in kept.items():
            _bring_back(connections[alias], rows)

    return bring_back


def _rows(connection: BaseDatabaseWrapper) -> dict[str, Rows]:
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return {table: _read(connection, table) for table in sorted(tables)}


def _bring_back(connection: BaseDatabaseWrapper, kept: dict[str, Rows]) -> None:
    filled = _filled(connection, kept)
    changed = [
        table
        for table, rows in kept.items()
        if (table in filled or rows) and _read(connection, table) != rows
    ]
    if changed:
        with _unguarded(connection, changed), connection.cursor() as cursor:
            for table in changed:
                name = connection.ops.quote_name(table)
                cursor.execute(f"DELETE FROM {name}")  # noqa: S608 - a table of ours
                if rows := kept[table]:
                    values = ", ".join(["%s"] * len(rows[0]))
                    cursor.executemany(f"INSERT INTO {name} VALUES ({values})", rows)  # noqa: S608


def _filled(connection: BaseDatabaseWrapper, tables: dict[str, Rows]) -> set[str]:
    if not tables:
        return set()
    quoted = connection.ops.quote_name
    asked = (f"SELECT '{t}' WHERE EXISTS (SELECT 1 FROM {quoted(t)})" for t in tables)  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        return {table for (table,) in cursor.fetchall()}


def _read(connection: BaseDatabaseWrapper, table: str) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)} ORDER BY 1")  # noqa: S608
        return list(cursor.fetchall())


@contextmanager
def _unguarded(connection: BaseDatabaseWrapper, tables: list[str]) -> Iterator[None]:
    """In one transaction, at whose end foreign keys are looked at: rows go in any order."""
    guarded = AuditEntry._meta.db_table in tables
    if guarded:
        append_only.remove(connection)
    with transaction.atomic(using=connection.alias):
        yield
    if guarded:
        append_only.install(connection)
