"""Insert or update many rows in one statement, far cheaper than through model instances."""

from collections.abc import Sequence
from typing import Any

from django.db import connection, models


def upsert(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    key: Sequence[str],
    kept: Sequence[str] = (),
) -> None:
    """Write `rows`, whose values stand in the order of `columns`; where `key` (a unique constraint)
    is there already, all other columns but the `kept` ones are updated.

    No key may come twice. Values are those of the columns, aware times among them.
    """
    if not rows:
        return
    fields = [model._meta.get_field(name) for name in columns]
    keys = [model._meta.get_field(name) for name in key]
    moved = [field for field in fields if field.name not in {*key, *kept}]
    into = f'INSERT INTO "{model._meta.db_table}" ({_names(fields)})'
    update = ", ".join(f'"{_column(f)}" = excluded."{_column(f)}"' for f in moved)
    update = f"ON CONFLICT ({_names(keys)}) DO UPDATE SET {update}"
    values = [_plain(f, column) for f, column in zip(fields, zip(*rows, strict=True), strict=True)]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"%s::{_type(field)}[]" for field in fields)
            sql = f"{into} SELECT * FROM unnest({arrays}) {update}"  # noqa: S608 - names are the model's
            cursor.execute(sql, values)
        else:
            marks = ", ".join(["%s"] * len(fields))
            each = list(zip(*values, strict=True))
            cursor.executemany(f"{into} VALUES ({marks}) {update}", each)


def _column(field: Any) -> str:
    return str(field.column)


def _names(fields: Sequence[Any]) -> str:
    return ", ".join(f'"{_column(field)}"' for field in fields)


def _type(field: Any) -> str:
    return str(field.db_type(connection))


def _plain(field: Any, values: Sequence[Any]) -> list[Any]:
    """One column's values as the driver takes them."""
    if isinstance(field, models.DateTimeField) and connection.vendor != "postgresql":
        adapted = connection.ops.adapt_datetimefield_value
        return [None if value is None else adapted(value) for value in values]
    return list(values)
