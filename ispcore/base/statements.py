"""Statements that every change makes: several in one round trip, and made by Django only once."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django.db import connection, connections
from django.db.backends.utils import CursorWrapper

if TYPE_CHECKING:
    from django.db.models import QuerySet

Statement = tuple[str, Sequence[Any]]
Values = tuple[Any, ...]


def execute_together(alias: str, statements: Sequence[Statement]) -> list[int]:
    """Execute these in their order, up to the first that fails; returns how many rows each was about.

    MariaDB takes them in one packet (16 MB, as it ships): for few rows.
    """
    connection = connections[alias]
    if not statements:
        return []
    with connection.cursor() as cursor:
        if connection.vendor != "mysql":
            return [_rows_of(cursor, *statement) for statement in statements]
        together = "; ".join(sql for sql, _ in statements)
        counts = [_rows_of(cursor, together, [v for _, values in statements for v in values])]
        while (
            cursor.nextset()
        ):  # what a later statement has to say, and its error, comes with its turn
            counts.append(cursor.rowcount)
        return counts


def _rows_of(cursor: CursorWrapper, sql: str, values: Sequence[Any]) -> int:
    cursor.execute(sql, values)
    count: int = cursor.rowcount
    return count


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
        vendor = connection.vendor
        if vendor not in self._made:
            self._made[vendor] = self._make()
        sql, converters = self._made[vendor]
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            found: Values | None = cursor.fetchone()
        if found is None or not converters:
            return found
        values = list(found)
        for at, (convert, expression) in converters:
            for each in convert:
                values[at] = each(values[at], expression, connection)
        return tuple(values)

    def _make(self) -> tuple[str, list[tuple[int, Any]]]:
        compiler = self._rows().query.get_compiler(connection.alias)
        sql, _ = compiler.as_sql()
        columns = [column for column, _, _ in compiler.select]
        return sql, list(compiler.get_converters(columns).items())
