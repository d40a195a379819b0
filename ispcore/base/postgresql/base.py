"""A connection that says its role and sight (ispcore.base.rls) before each statement, if they moved.

One round trip for each change, in practice two for a request. What was said inside a transaction
is unsaid by its rollback, so after one it is said again; what a connection was told ends with its
return to the pool.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus

from ispcore.base.rls import identity, roles
from ispcore.base.rls.identity import Sight

UNTOLD = "SET ispcore.tenant = ''; SET ispcore.sight = ''"


def forget(connection: Any) -> None:
    """What the pool does with a connection that comes back, before it gives it to anybody else."""
    connection.execute(UNTOLD)
    if not connection.autocommit:
        connection.commit()


class DatabaseWrapper(base.DatabaseWrapper):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._told: tuple[str, Sight] | None = None
        self.execute_wrappers.append(self._tell_first)

    @property
    def pool(self) -> Any:
        options = self.settings_dict["OPTIONS"].get("pool")
        if isinstance(options, dict):
            options.setdefault("reset", forget)
        return super().pool

    def connect(self) -> None:
        self._told = None
        super().connect()

    def tell(self) -> None:
        """Say for whom and in which role from here on; nothing where that was said already."""
        wanted = (identity.role(), identity.sight())
        if wanted == self._told or self.connection is None or self._is_broken():
            return
        role, sight = wanted
        if role != identity.LOGIN_ROLE and role not in roles.allowed(self):
            role = identity.LOGIN_ROLE
        tenant = "" if sight.tenant_id is None else f"{sight.tenant_id:d}"
        self._told = None
        with self.wrap_database_errors:
            self.connection.execute(
                f"SET ROLE {role}; SET ispcore.tenant = '{tenant}'; "
                f"SET ispcore.sight = '{sight.scope}'"
            )
        self._told = wanted

    def _cursor(self, name: str | None = None) -> Any:
        self.ensure_connection()
        self.tell()  # also for what is no execute(), as COPY
        return super()._cursor(name)  # type: ignore[misc] # its types lack it

    def _tell_first(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        self.tell()
        return execute(sql, params, many, context)

    def _is_broken(self) -> bool:
        """In a transaction that failed nothing can be said, and nothing else either."""
        return bool(
            self.needs_rollback
            or self.connection.info.transaction_status == TransactionStatus.INERROR
        )

    def _commit(self) -> Any:
        try:
            return super()._commit()  # type: ignore[misc] # as above
        except BaseException:
            self._told = None
            raise

    def _rollback(self) -> Any:
        self._told = None
        return super()._rollback()  # type: ignore[misc] # as above

    def _savepoint_rollback(self, sid: str) -> Any:
        try:
            return super()._savepoint_rollback(sid)  # type: ignore[misc] # as above
        finally:
            self._told = None

    @contextlib.contextmanager
    def _nodb_cursor(self) -> Iterator[Any]:
        """Databases are made and dropped by whoever logs in."""
        with identity.in_role(identity.LOGIN_ROLE), super()._nodb_cursor() as cursor:
            yield cursor
