"""Writing series: COPY where the database has it, and never a row twice."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, connection, models, transaction

from ispcore.base.rls import identity

Values = Sequence[Any]
ROWS_A_WRITE = 5_000  # the server reads one piece while the next is being written
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def insert(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Iterable[Values],
    *,
    tails: Sequence[str] | None = None,
) -> list[Values]:
    """Insert rows that are not there yet (by primary key); returns those that were new.

    On PostgreSQL the first write of a batch is one COPY; where some rows exist already it is
    repeated through a temporary table. Must run inside the caller's transaction. `tails` are what
    `tails_of` made of these rows, if they are written to several tables under another key.
    """
    given = rows if isinstance(rows, list) else list(rows)
    if not given:
        return []
    if connection.vendor != "postgresql":
        return _insert_each(model._meta.db_table, columns, given)
    new = _copy(model, columns, lambda: as_lines(given, tails))
    return given if new is None else new


def tails_of(rows: Sequence[Values]) -> list[str]:
    """Each row but its first column as COPY reads it; empty where the database has no COPY."""
    return list(_lines(rows, first=1)) if connection.vendor == "postgresql" else []


def as_lines(rows: Sequence[Values], tails: Sequence[str] | None = None) -> Iterator[bytes]:
    """Rows in COPY's text format (tabs, \\N for null), in pieces of some thousand whole lines."""
    for at in range(0, len(rows), ROWS_A_WRITE):
        piece = rows[at : at + ROWS_A_WRITE]
        lines: Iterable[str]
        if tails:
            lines = map("\t".join, zip(_firsts(piece), tails[at : at + ROWS_A_WRITE], strict=True))
        else:
            lines = _lines(piece)
        yield "\n".join([*lines, ""]).encode()


def _lines(rows: Sequence[Values], *, first: int = 0) -> Iterator[str]:
    """A column at a time, for most of them hold one kind of value: five times as fast as a row at
    a time."""
    columns = [_texts(values) for values in list(zip(*rows, strict=True))[first:]]
    return map("\t".join, zip(*columns, strict=True))


def _firsts(rows: Sequence[Values]) -> Iterable[str]:
    return _texts([row[0] for row in rows])


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


def _copy(model: type[models.Model], columns: Sequence[str], lines: Any) -> list[Values] | None:
    """COPY what `lines()` gives; None where all of it was new, else the rows that were."""
    table = model._meta.db_table
    if identity.role() == identity.APP:
        return _copy_new(table, columns, lines())  # no COPY into a table with policies
    try:
        with transaction.atomic():
            _write(table, columns, lines())
    except IntegrityError as error:
        if not _is_repeated(error):
            raise
        return _copy_new(table, columns, lines())
    return None


def _copy_new(table: str, columns: Sequence[str], lines: Iterable[bytes]) -> list[Values]:
    names = _names(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f'CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS SELECT {names} FROM "{table}" LIMIT 0'  # noqa: S608
        )
        _write("incoming", columns, lines)
        cursor.execute(
            f'INSERT INTO "{table}" ({names}) SELECT {names} FROM incoming '  # noqa: S608
            f"ON CONFLICT DO NOTHING RETURNING {names}"
        )
        new = list(cursor.fetchall())
        cursor.execute("DROP TABLE incoming")
    return new


def _write(table: str, columns: Sequence[str], lines: Iterable[bytes]) -> None:
    with (
        connection.wrap_database_errors,  # the driver's copy() is not wrapped by Django's cursor
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{table}" ({_names(columns)}) FROM STDIN') as copy,
    ):
        for piece in lines:
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
