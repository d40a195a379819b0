"""Writing series: COPY where the database has it, and never a row twice."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, connection, models, transaction

Values = Sequence[Any]


def insert(
    model: type[models.Model], columns: Sequence[str], rows: Sequence[Values]
) -> list[Values]:
    """Insert rows that are not there yet (by primary key); returns those that were new.

    On PostgreSQL the first write of a batch is one COPY; where some rows exist already it is
    repeated through a temporary table. Must run inside the caller's transaction.
    """
    if not rows:
        return []
    if connection.vendor != "postgresql":
        return _insert_each(model._meta.db_table, columns, rows)
    try:
        with transaction.atomic():
            _copy(model._meta.db_table, columns, rows)
    except IntegrityError:
        return _copy_new(model, columns, rows)
    return list(rows)


def add_up(
    model: type[models.Model],
    key: Sequence[str],
    sums: Sequence[str],
    maxima: Sequence[str],
    rows: Sequence[Values],
) -> None:
    """Add rows onto those there: columns `sums` are added, `maxima` are raised.

    Columns of a row stand in the order key, sums, maxima.
    """
    if not rows:
        return
    table, greatest = model._meta.db_table, "MAX" if connection.vendor == "sqlite" else "GREATEST"
    columns = [*key, *sums, *maxima]
    added = [f'"{c}" = "{table}"."{c}" + excluded."{c}"' for c in sums]
    raised = [f'"{c}" = {greatest}("{table}"."{c}", excluded."{c}")' for c in maxima]
    sql = (
        f'INSERT INTO "{table}" ({_names(columns)}) VALUES ({_marks(columns)}) '  # noqa: S608 - names are the model's
        f"ON CONFLICT ({_names(key)}) DO UPDATE SET {', '.join(added + raised)}"
    )
    with connection.cursor() as cursor:
        cursor.executemany(sql, [_adapted(row) for row in rows])


def _copy(table: str, columns: Sequence[str], rows: Iterable[Values]) -> None:
    with (
        connection.wrap_database_errors,  # the driver's copy() is not wrapped by Django's cursor
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{table}" ({_names(columns)}) FROM STDIN') as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _copy_new(
    model: type[models.Model], columns: Sequence[str], rows: Sequence[Values]
) -> list[Values]:
    table, names = model._meta.db_table, _names(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f'CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS SELECT {names} FROM "{table}" LIMIT 0'  # noqa: S608
        )
        with cursor.copy(f"COPY incoming ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(
            f'INSERT INTO "{table}" ({names}) SELECT {names} FROM incoming '  # noqa: S608
            f"ON CONFLICT DO NOTHING RETURNING {names}"
        )
        new = list(cursor.fetchall())
        cursor.execute("DROP TABLE incoming")
    return new


def _insert_each(table: str, columns: Sequence[str], rows: Sequence[Values]) -> list[Values]:
    sql = (
        f'INSERT INTO "{table}" ({_names(columns)}) VALUES ({_marks(columns)}) '  # noqa: S608
        "ON CONFLICT DO NOTHING"
    )
    new = []
    with connection.cursor() as cursor:
        for row in rows:
            cursor.execute(sql, _adapted(row))
            if cursor.rowcount > 0:
                new.append(row)
    return new


def _adapted(row: Values) -> list[Any]:
    return [_plain(value) for value in row]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return connection.ops.adapt_datefield_value(value) if isinstance(value, date) else value


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _marks(columns: Sequence[str]) -> str:
    return ", ".join(["%s"] * len(columns))
