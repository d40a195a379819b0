"""The key of a row that is not there yet, for what has to be named by it before it is."""

from django.db import connection, models


def next_key(model: type[models.Model], *, given: int | None = None) -> int:
    """A primary key that no other row of `model` gets. Must be asked in the transaction that
    inserts the row: SQLite, where that holds the only lock, gives the same one again else.

    `given` is what was answered before, in this transaction or one that was undone: it stays where
    no number comes twice.
    """
    if given is not None and connection.vendor == "postgresql":
        return given
    table, column = model._meta.db_table, model._meta.pk.column
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, %s))", [f'"{table}"', column])
        else:
            cursor.execute(
                "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = %s), 0), "  # noqa: S608
                f'coalesce((SELECT max("{column}") FROM "{table}"), 0)) + 1',
                [table],
            )
        return int(cursor.fetchone()[0])
