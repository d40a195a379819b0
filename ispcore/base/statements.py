"""Several statements in one round trip, where the driver can."""

from collections.abc import Sequence
from typing import Any

from django.db import connections

Statement = tuple[str, Sequence[Any]]


def execute_together(alias: str, statements: Sequence[Statement]) -> None:
    """Execute these in their order, up to the first that fails; their results are not looked at.

    MariaDB takes them in one packet (16 MB, as it ships): for few rows.
    """
    connection = connections[alias]
    if not statements:
        return
    with connection.cursor() as cursor:
        if connection.vendor != "mysql":
            for sql, values in statements:
                cursor.execute(sql, values)
            return
        together = "; ".join(sql for sql, _ in statements)
        cursor.execute(together, [value for _, values in statements for value in values])
        while cursor.nextset():
            """What a later statement has to say, and its error, comes with its turn."""
