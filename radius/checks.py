"""System checks of FreeRADIUS' database: zone, isolation, tables (with `check --database`)."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.utils import DatabaseError

from radius import schema

RADIUS = "radius"  # the alias; ispcore/dbrouter.py sends this app there

TABLES = (*sorted(schema.STOCK), "ispcore_markers")
BY_NAME = ("radcheck", "radreply", "radusergroup", "radacct")


@register(Tags.database)
def radius_database(
    app_configs: Any, databases: Sequence[str] | None = None, **options: Any
) -> list[CheckMessage]:
    """Errors radius.E001 to E006; silent on SQLite, and where the database was not asked for."""
    connection = connections[RADIUS]
    if RADIUS not in (databases or ()) or connection.vendor != "mysql":
        return []
    try:
        return [
            *_session(connection), *_engines(connection), *_columns(connection), *_names(connection)
        ]  # fmt: skip
    except DatabaseError as error:
        return [Error(f"the RADIUS database does not answer: {error.args[-1]}", id="radius.E004")]


def _session(connection: Any) -> list[CheckMessage]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), NOW()), "
            "TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), "
            "CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', @@global.time_zone))"
        )
        session_minutes, server_minutes = cursor.fetchone()
        # MariaDB says tx_isolation, MySQL 8 transaction_isolation, newer MariaDB both
        cursor.execute(
            "SHOW VARIABLES WHERE Variable_name IN ('tx_isolation', 'transaction_isolation')"
        )
        isolation = cursor.fetchone()[1]
    found: list[CheckMessage] = []
    if session_minutes:
        found.append(Error(f"our session is {session_minutes} min off UTC", id="radius.E001"))
    if server_minutes:
        found.append(
            Error(
                f"the server's time zone is {server_minutes} min off UTC: FreeRADIUS would write "
                "times that the portal reads wrongly",
                hint="set default_time_zone = '+00:00' in MariaDB's configuration",
                id="radius.E001",
            )
        )
    if isolation != "READ-COMMITTED":
        found.append(Error(f"isolation is {isolation}, not READ-COMMITTED", id="radius.E002"))
    return found


def _engines(connection: Any) -> list[CheckMessage]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, engine FROM information_schema.tables "
            "WHERE table_schema = DATABASE() AND table_name IN %s AND engine <> 'InnoDB'",
            [TABLES],
        )
        return [
            Error(
                f"table {table} is {engine}, not InnoDB: a change could not be undone",
                hint=f"ALTER TABLE {table} ENGINE=InnoDB",
                id="radius.E003",
            )
            for table, engine in cursor.fetchall()
        ]


def _columns(connection: Any) -> list[CheckMessage]:
    return [
        Error(
            f"table {table} has no column {column}: this is an older schema than FreeRADIUS 3.2's",
            hint="see mods-config/sql/main/mysql/schema.sql of FreeRADIUS 3.2, and ALTER TABLE",
            id="radius.E005",
        )
        for table, column in schema.lacking(connection)
    ]


def _names(connection: Any) -> list[CheckMessage]:
    """We find the rows of a name by its small letters."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, collation_name FROM information_schema.columns "
            "WHERE table_schema = DATABASE() AND column_name = 'username' "
            "AND table_name IN %s AND collation_name NOT LIKE '%%\\_ci'",
            [BY_NAME],
        )
        return [
            Error(
                f"table {table} compares usernames with capitals ({collation}): the portal would not "
                "find all rows of a name",
                hint=f"give {table}.username a collation that ends with _ci",
                id="radius.E006",
            )
            for table, collation in cursor.fetchall()
        ]
