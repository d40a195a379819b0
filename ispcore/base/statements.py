"""Statements that every change makes: several in one round trip, and made by Django only once."""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django.db import connection, connections, models, transaction
from django.db.backends.utils import CursorWrapper

if TYPE_CHECKING:
    from django.db.models import QuerySet

Statement = tuple[str, Sequence[Any]]
Values = tuple[Any, ...]


def execute_together(alias: str, statements: Sequence[Statement]) -> list[int]:
    """Execute these in their order, up to the first that fails; returns how many rows each was
    about.

    MariaDB takes them in one packet (16 MB, as it ships): for few rows.
    """
    connection = connections[alias]
    if not statements:
        return []
    with connection.cursor() as cursor:
        if connection.vendor != "mysql":
            return [_rows_of(cursor, *statement) for statement in statements]
        counts = [_rows_of(cursor, *joined(statements))]
        # only with its turn comes how many rows a later one was about, or its error
        while cursor.nextset():
            counts.append(cursor.rowcount)
        return counts


def _rows_of(cursor: CursorWrapper, sql: str, values: Sequence[Any]) -> int:
    cursor.execute(sql, values)
    count: int = cursor.rowcount
    return count


def first_rows(*statements: Statement) -> list[Values | None]:
    """What the first row of each is that the portal answers with, executed in their order.

    PostgreSQL takes them in one packet.
    """
    packets = [joined(statements)] if connection.vendor == "postgresql" else statements
    found: list[Values | None] = []
    with connection.cursor() as cursor:
        for sql, values in packets:
            cursor.execute(sql, values)
            found.append(cursor.fetchone())
        while len(found) < len(statements) and cursor.nextset():
            found.append(cursor.fetchone())
    return found


def joined(statements: Sequence[Statement]) -> Statement:
    """One of them all, for a database that takes several in one packet."""
    together = "; ".join(sql for sql, _ in statements)
    return together, [value for _, values in statements for value in values]


def insert(row: models.Model) -> None:
    """Store a new row in the portal, whose key the database counts and the row has afterwards.

    As `save(force_insert=True)`, for which Django makes the SQL anew each time; no signals are sent.
    """
    sql, values = insertion(row)
    with (
        transaction.mark_for_rollback_on_error(using=connection.alias),
        connection.cursor() as cursor,
    ):
        cursor.execute(f'{sql} RETURNING "{row._meta.pk.column}"', values)
        [row.pk] = cursor.fetchone()
    row._state.adding, row._state.db = False, connection.alias


def insertion(row: models.Model) -> Statement:
    """What stores a new row, but for a key that the database counts."""
    sql, fields = _insertion(type(row))
    portal = connections[connection.alias]  # itself, which is asked several times for each value
    return sql, [each.get_db_prep_save(each.pre_save(row, True), portal) for each in fields]


@functools.cache
def _insertion(model: type[models.Model]) -> tuple[str, "list[models.Field[Any, Any]]"]:
    fields = [each for each in model._meta.concrete_fields if each is not model._meta.auto_field]
    columns = ", ".join(f'"{each.column}"' for each in fields)
    marks = ", ".join(["%s"] * len(fields))
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({marks})', fields  # noqa: S608


class Prepared:
    """A query of one row's values. Django takes several times as long to make the SQL of it as the
    database to answer, so it is made once and kept; who may see what is asked of each answer anew.
    """

    def __init__(self, rows: "Callable[[], QuerySet[Any, Values]]") -> None:
        """`rows` names the columns by values_list(), and has a filter for each parameter."""
        self._rows = rows
        self._made: dict[str, tuple[str, list[tuple[int, Any]]]] = {}

    def row(self, *parameters: Any) -> Values | None:
        """The first one found, as values_list() gives it."""
        [found] = first_rows(self.asking(*parameters))
        return self.read(found)

    def asking(self, *parameters: Any) -> Statement:
        """What asks for it, together with others; `read` makes of the answer what `row` gives."""
        return self._of_vendor()[0], parameters

    def read(self, found: Values | None) -> Values | None:
        _, converters = self._of_vendor()
        if found is None or not converters:
            return found
        values = list(found)
        for at, (convert, expression) in converters:
            for each in convert:
                values[at] = each(values[at], expression, connection)
        return tuple(values)

    def _of_vendor(self) -> tuple[str, list[tuple[int, Any]]]:
        vendor = connection.vendor
        if vendor not in self._made:
            self._made[vendor] = self._make()
        return self._made[vendor]

    def _make(self) -> tuple[str, list[tuple[int, Any]]]:
        compiler = self._rows().query.get_compiler(connection.alias)
        sql, _ = compiler.as_sql()
        columns = [column for column, _, _ in compiler.select]
        return sql, list(compiler.get_converters(columns).items())
