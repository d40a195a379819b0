"""Writing series: COPY where the database has it, and never a row twice."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, connection, models, transaction

Values = Sequence[Any]
ROWS_A_WRITE = 5_000  # the server reads one piece while the next is being written
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def insert(
    model: type[models.Model], columns: Sequence[str], rows: Iterable[Values]
) -> list[Values]:
    """Insert rows that are not there yet (by primary key); returns those that were new.

    On PostgreSQL the first write of a batch is one COPY; where some rows exist already it is
    repeated through a temporary table. Must run inside the caller's transaction.
    """
    given = rows if isinstance(rows, list) else list(rows)
    if not given:
        return []
    if connection.vendor != "postgresql":
        return _insert_each(model._meta.db_table, columns, given)
    new = _copy(model, columns, lambda: as_lines(given))
    return given if new is None else new


def insert_binary(
    model: type[models.Model], columns: Sequence[str], content: Callable[[], Iterable[bytes]]
) -> list[Values] | None:
    """The same for rows that `content()` gives in COPY's binary format, on PostgreSQL; None where
    all of them were new."""
    return _copy(model, columns, content, how=" (FORMAT BINARY)")


def as_lines(rows: Sequence[Values]) -> Iterator[bytes]:
    """Rows in COPY's text format (tabs, \\N for null), in pieces of some thousand whole lines."""
    for at in range(0, len(rows), ROWS_A_WRITE):
        yield "\n".join([*_lines(rows[at : at + ROWS_A_WRITE]), ""]).encode()


def _lines(rows: Sequence[Values]) -> Iterator[str]:
    """A column at a time, for most of them hold one kind of value: five times as fast as a row at
    a time."""
    columns = [_texts(values) for values in zip(*rows, strict=True)]
    return map("\t".join, zip(*columns, strict=True))


def _texts(values: Sequence[Any]) -> Iterable[str]:
    """A column's values as COPY reads them."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return map(str, values)
    if kinds <= {int, type(None)}:
        return [r"\N" if value is None else str(value) for value in values]
    known = {value: _text(value) for value in set(values)}  # few of them: instants, sources
    return map(known.__getitem__, values)


def _text(value: Any) -> str:
    return r"\N" if value is None else str(value).translate(_ESCAPES)


def _copy(
    model: type[models.Model],
    columns: Sequence[str],
    content: Callable[[], Iterable[bytes]],
    how: str = "",
) -> list[Values] | None:
    """COPY what `content()` gives; None where all of it was new, else the rows that were."""
    table = model._meta.db_table
    try:
        with transaction.atomic():
            _write(table, columns, content(), how)
    except IntegrityError as error:
        if not _is_repeated(error):
            raise
        return _copy_new(table, columns, content(), how)
    return None


def _copy_new(
    table: str, columns: Sequence[str], content: Iterable[bytes], how: str
) -> list[Values]:
    names = _names(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f'CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS SELECT {names} FROM "{table}" LIMIT 0'  # noqa: S608
        )
        _write("incoming", columns, content, how)
        cursor.execute(
            f'INSERT INTO "{table}" ({names}) SELECT {names} FROM incoming '  # noqa: S608
            f"ON CONFLICT DO NOTHING RETURNING {names}"
        )
        new = list(cursor.fetchall())
        cursor.execute("DROP TABLE incoming")
    return new


def _write(table: str, columns: Sequence[str], content: Iterable[bytes], how: str) -> None:
    with (
        connection.wrap_database_errors,  # the driver's copy() is not wrapped by Django's cursor
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{table}" ({_names(columns)}) FROM STDIN{how}') as copy,
    ):
        for piece in content:
            copy.write(piece)


def _is_repeated(error: IntegrityError) -> bool:
    """A key that is there already, and not a rule that a row breaks."""
    return getattr(error.__cause__, "sqlstate", None) == "23505"


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
