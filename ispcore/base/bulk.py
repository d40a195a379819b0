"""Change many rows by one statement: Django's bulk_update is a CASE for each value of each row."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models

from ispcore.base import clock


def update_rows(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    stamped: bool = True,
) -> None:
    """Set `columns` of the rows whose primary key stands first in each of `rows`.

    Values are numbers, texts, octets or aware instants: what PostgreSQL's driver takes as it is.
    `stamped` moves `updated_at` too. Rows that are not there are passed over.
    """
    values = [tuple(row) for row in rows]
    if not values:
        return
    if stamped:
        now = clock.now()
        columns, values = [*columns, "updated_at"], [(*row, now) for row in values]
    fields = [model._meta.pk, *(model._meta.get_field(column) for column in columns)]
    assert all(isinstance(field, models.Field) for field in fields)  # noqa: S101 - no relations
    write = _from_arrays if connection.vendor == "postgresql" else _one_by_one
    write(model._meta.db_table, fields, values)


def _from_arrays(table: str, fields: Sequence[Any], rows: Sequence[Sequence[Any]]) -> None:
    """Each column is one array, sent in binary: as text, which Django's cursors would make of it,
    a megabyte of octets takes a tenth of a second."""
    from psycopg import Cursor

    key, *others = (field.column for field in fields)
    arrays = ", ".join(f"%b::{_type(field)}[]" for field in fields)
    names = ", ".join(f'"{field.column}"' for field in fields)
    changes = ", ".join(f'"{column}" = given."{column}"' for column in others)
    connection.ensure_connection()
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        cursor.execute(
            f'UPDATE "{table}" AS old SET {changes} '  # noqa: S608 - names are the model's
            f'FROM unnest({arrays}) AS given({names}) WHERE old."{key}" = given."{key}"',
            [list(column) for column in zip(*rows, strict=True)],
        )


def _type(field: Any) -> str:
    return str(field.rel_db_type(connection) if field.primary_key else field.db_type(connection))


def _one_by_one(table: str, fields: Sequence[Any], rows: Sequence[Sequence[Any]]) -> None:
    prepare = [field.get_db_prep_save for field in fields]
    prepared = [
        [made(value, connection) for made, value in zip(prepare, row, strict=True)] for row in rows
    ]
    key, *others = (field.column for field in fields)
    changes = ", ".join(f'"{column}" = %s' for column in others)
    with connection.cursor() as cursor:
        cursor.executemany(
            f'UPDATE "{table}" SET {changes} WHERE "{key}" = %s',  # noqa: S608
            [(*row[1:], row[0]) for row in prepared],
        )
