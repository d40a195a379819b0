"""Plain drivers doing the durable statements of the portal's operations: journal and marker
included, no reads, no locks, no checks.

What they write is copied from what an operation wrote, so that both write the same.
"""

import contextlib
import itertools
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.provisioned.isp import PIECE

Row = Mapping[str, Any]
CHECKS = ("username", "attribute", "op", "value")
GROUPS = ("username", "groupname", "priority")
MARKER = ("gid", "scope", "at")
_numbers = itertools.count(1_000_000)


class Plain:
    """One connection of each driver, as the portal opens its own."""

    def __init__(self, portal_url: str, radius: Mapping[str, Any]) -> None:
        """`radius` are what MySQLdb.connect() is given."""
        import MySQLdb
        import psycopg

        self.portal = psycopg.connect(portal_url)
        self.portal.execute("SET ROLE ispcore_worker")
        self.portal.commit()
        self.radius = MySQLdb.connect(**radius, charset="utf8mb4", autocommit=False)
        self._pattern: dict[str, list[Row]] = {}
        self._last_gid = ""

    def learn(self, username: str, subscriber_id: int) -> None:
        """Take the rows of a subscriber that an operation has just made as the pattern."""
        named = {
            "network_users": ("id = %s", subscriber_id),
            "subscriber_status_changes": ("subscriber_id = %s", subscriber_id),
            "audit_log": ("object_id = %s ORDER BY id DESC LIMIT 1", str(subscriber_id)),
            "provisioning_journal": ("keys ? %s", username),
        }
        for table, (where, value) in named.items():
            self._pattern[table] = self._portal_rows(table, where, value)
        with contextlib.closing(self.radius.cursor()) as cursor:
            for table, columns in (
                ("radcheck", CHECKS),
                ("radreply", CHECKS),
                ("radusergroup", GROUPS),
            ):
                cursor.execute(
                    f"SELECT {', '.join(columns)} FROM {table} WHERE username = %s",  # noqa: S608
                    [username],
                )
                self._pattern[table] = [
                    dict(zip(columns, row, strict=True)) for row in cursor.fetchall()
                ]
        self.radius.commit()

    def learn_package(self, package_id: int) -> None:
        """As `learn`, of a package that an operation has just made."""
        named = {
            "audit_log": ("object_id = %s ORDER BY id DESC LIMIT 1", str(package_id)),
            "provisioning_journal": ("keys ? %s ORDER BY at DESC LIMIT 1", str(package_id)),
        }
        for table, (where, value) in named.items():
            self._pattern[table] = self._portal_rows(table, where, value)

    def create(self, username: str) -> None:
        """A subscriber of that name, durable in both databases."""
        gid = str(uuid.uuid4())
        number = f"P-{next(_numbers)}"
        with self.portal.cursor() as cursor:
            self._insert(cursor, "provisioning_journal", gid=gid)
            cursor.execute("UPDATE account_numbers SET last = last + 1, updated_at = now()")
            names = {"username": username, "username_key": username, "account_number": number}
            key = self._insert(cursor, "network_users", **names)
            if self._pattern["subscriber_status_changes"]:
                self._insert(cursor, "subscriber_status_changes", subscriber_id=key)
            self._insert(cursor, "audit_log", object_id=str(key), object_name=username)
        with contextlib.closing(self.radius.cursor()) as cursor:
            self._put_marker(cursor, gid, username)
            for table in ("radcheck", "radreply", "radusergroup"):
                rows = [{**row, "username": username} for row in self._pattern[table]]
                _many(cursor, table, rows)
            cursor.execute("DELETE FROM ispcore_markers WHERE gid = %s", [self._last_gid])
        self.radius.commit()
        self.portal.commit()
        self._last_gid = gid

    def change_package(self, package_id: int, group: str) -> None:
        """The rows of a group, written anew."""
        with contextlib.closing(self.radius.cursor()) as cursor:
            columns = ("groupname", "attribute", "op", "value")
            cursor.execute(
                f"SELECT {', '.join(columns)} FROM radgroupreply WHERE groupname = %s",  # noqa: S608
                [group],
            )
            rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        self.radius.rollback()
        with self._unit(package_id) as cursor:
            cursor.execute("DELETE FROM radgroupcheck WHERE groupname = %s", [group])
            cursor.execute("DELETE FROM radgroupreply WHERE groupname = %s", [group])
            _many(cursor, "radgroupreply", rows)

    def move(self, package_id: int, keys: Sequence[int], value: str) -> None:
        """Another value in these rows of radreply, in statements of 500."""
        with self._unit(package_id) as cursor:
            for at in range(0, len(keys), 500):
                some = keys[at : at + 500]
                marks = ", ".join(["%s"] * len(some))
                update = f"UPDATE radreply SET op = ':=', value = %s WHERE id IN ({marks})"  # noqa: S608
                cursor.execute(update, [value, *some])

    def rewrite(
        self, package_id: int, names: Sequence[str], tables: Mapping[str, list[Row]]
    ) -> None:
        """All rows of these usernames, in statements of 500 names."""
        with self._unit(package_id) as cursor:
            for table, rows in tables.items():
                for at in range(0, len(names), 500):
                    some = names[at : at + 500]
                    marks = ", ".join(["%s"] * len(some))
                    cursor.execute(f"DELETE FROM {table} WHERE username IN ({marks})", some)  # noqa: S608
                for at in range(0, len(rows), PIECE):
                    _many(cursor, table, rows[at : at + PIECE])

    def keys_of(self, names: Sequence[str], attribute: str) -> list[int]:
        """Of these usernames' rows of radreply that have the attribute."""
        with contextlib.closing(self.radius.cursor()) as cursor:
            marks = ", ".join(["%s"] * len(names))
            cursor.execute(
                f"SELECT id FROM radreply WHERE attribute = %s AND username IN ({marks})",  # noqa: S608
                [attribute, *names],
            )
            keys = [key for (key,) in cursor.fetchall()]
        self.radius.rollback()
        return keys

    def rows_of(self, names: Sequence[str]) -> dict[str, list[Row]]:
        """What RADIUS has of these usernames, by table; nothing is written."""
        found: dict[str, list[Row]] = {}
        for table, columns in (("radcheck", CHECKS), ("radreply", CHECKS)):
            with contextlib.closing(self.radius.cursor()) as cursor:
                marks = ", ".join(["%s"] * len(names))
                cursor.execute(
                    f"SELECT {', '.join(columns)} FROM {table} WHERE username IN ({marks})",  # noqa: S608
                    list(names),
                )
                rows = cursor.fetchall()
            found[table] = [dict(zip(columns, row, strict=True)) for row in rows]
        self.radius.rollback()
        return found

    def read_everything(self) -> int:
        """What a comparison has to read at the very least; returns the number of rows."""
        count = 0
        with self.portal.cursor() as cursor:
            cursor.execute(
                "SELECT username_key, username, radius_password, service, status, expires_at, "
                "period_from_at, period_until_at, device_limit, ipv4, ipv6_prefix, "
                "delegated_prefix, mac, package_id FROM network_users"
            )
            while rows := cursor.fetchmany(PIECE):
                count += len(rows)
        self.portal.rollback()
        for table, columns in (
            ("radcheck", CHECKS),
            ("radreply", CHECKS),
            ("radusergroup", GROUPS),
        ):
            with contextlib.closing(self.radius.cursor()) as cursor:
                cursor.execute(f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608
                count += len(cursor.fetchall())
        self.radius.rollback()
        return count

    def close(self) -> None:
        self.portal.close()
        self.radius.close()

    @contextlib.contextmanager
    def _unit(self, package_id: int) -> Iterator[Any]:
        """A cursor of RADIUS, inside of the statements of a unit that changes a package."""
        gid = str(uuid.uuid4())
        with self.portal.cursor() as portal:
            self._insert(portal, "provisioning_journal", gid=gid)
            portal.execute("UPDATE packages SET updated_at = now() WHERE id = %s", [package_id])
            self._insert(portal, "audit_log", object_id=str(package_id))
        with contextlib.closing(self.radius.cursor()) as cursor:
            self._put_marker(cursor, gid, str(package_id))
            yield cursor
            cursor.execute("DELETE FROM ispcore_markers WHERE gid = %s", [self._last_gid])
        self.radius.commit()
        self.portal.commit()
        self._last_gid = gid

    def _put_marker(self, cursor: Any, gid: str, key: str) -> None:
        scope = f'{{"kind": "subscriber", "keys": ["{key}"]}}'
        cursor.execute(
            "INSERT INTO ispcore_markers (gid, scope, at) VALUES (%s, %s, UTC_TIMESTAMP(6))",
            [gid, scope],
        )

    def _portal_rows(self, table: str, where: str, value: Any) -> list[Row]:
        from psycopg.rows import dict_row

        with self.portal.cursor(row_factory=dict_row) as cursor:
            cursor.execute(f"SELECT * FROM {table} WHERE {where}", [value])  # noqa: S608
            rows: list[Row] = list(cursor.fetchall())
        self.portal.rollback()
        return rows

    def _insert(self, cursor: Any, table: str, **changed: Any) -> int:
        from psycopg.types.json import Jsonb

        [pattern] = self._pattern[table]
        row = {name: value for name, value in pattern.items() if name != "id"} | changed
        values = [Jsonb(v) if isinstance(v, dict | list) else v for v in row.values()]
        marks = ", ".join(["%s"] * len(row))
        names = ", ".join(f'"{name}"' for name in row)
        end = " RETURNING id" if "id" in pattern else ""
        cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({marks}){end}", values)  # noqa: S608
        return int(cursor.fetchone()[0]) if end else 0


def _many(cursor: Any, table: str, rows: Sequence[Row]) -> None:
    """One statement."""
    if not rows:
        return
    columns = list(rows[0])
    marks = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
    cursor.executemany(statement, [list(row.values()) for row in rows])
