"""A connection whose transaction begins in the packet of its first statement.

Django turns the session's autocommit off before a transaction and on after it: two round trips in
each unit of work. Here it stays on, and START TRANSACTION goes before whatever is executed first.

With autocommit on, what follows a transaction that the server has ended by itself (a deadlock)
would stand at once; so after an error that may have been one, nothing is executed before a rollback.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db import IntegrityError
from django.db.backends.mysql import base
from MySQLdb import OperationalError

BEGIN = "START TRANSACTION"


class Cursor(base.CursorWrapper):
    """One of a connection that may have to begin a transaction."""

    def __init__(self, cursor: Any, wrapper: "DatabaseWrapper") -> None:
        super().__init__(cursor)
        self._wrapper = wrapper

    def execute(self, query: Any, args: Any = None) -> Any:
        if not self._wrapper.has_to_begin:
            with self._minded():
                return self.cursor.execute(query, args)
        with self._minded():
            self.cursor.execute(f"{BEGIN}; {query}", args)
            self._wrapper.has_to_begin = False
            self.cursor.nextset()  # which raises what is wrong with `query`
            return self.cursor.rowcount

    def executemany(self, query: Any, args: Any) -> Any:
        if self._wrapper.has_to_begin:
            with self._minded():
                self.cursor.execute(BEGIN)
            self._wrapper.has_to_begin = False
        with self._minded():
            return self.cursor.executemany(query, args)

    def nextset(self) -> Any:
        with self._minded():
            return self.cursor.nextset()

    def close(self) -> None:
        """Django passes over what is wrong with results that nobody asked for."""
        with self._minded():
            self.cursor.close()

    @contextlib.contextmanager
    def _minded(self) -> Iterator[None]:
        """Errors as Django wants them; what may have ended the transaction breaks it."""
        try:
            yield
        except OperationalError as error:
            if error.args[0] in self.codes_for_integrityerror:
                raise IntegrityError(*error.args) from error
            if self._wrapper.in_atomic_block:
                self._wrapper.needs_rollback = True
            raise


class DatabaseWrapper(base.DatabaseWrapper):
    has_to_begin = False
    """In an atomic block of which the server has not heard."""

    def connect(self) -> None:
        self.has_to_begin = False
        super().connect()

    def create_cursor(self, name: str | None = None) -> Any:
        return Cursor(self.connection.cursor(), self)

    def _start_transaction_under_autocommit(self) -> None:
        self.has_to_begin = True

    def _commit(self) -> Any:
        self.has_to_begin = False
        return super()._commit()  # type: ignore[misc] # its types lack it

    def _rollback(self) -> Any:
        self.has_to_begin = False
        return super()._rollback()  # type: ignore[misc] # as above
