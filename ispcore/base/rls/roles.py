"""The three roles in PostgreSQL: which are there, which this login may take, and how they are made.

`ispcore_owner` owns all tables (migrations, partitions); `ispcore_app` is the web's and is bound by
the policies; `ispcore_worker` is that of jobs, collectors and commands, which work for all tenants
and COPY, and is not. They belong to the server, not to one database.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connection, transaction

from ispcore.base.rls import identity
from ispcore.base.rls.identity import APP, OWNER, WORKER

ALL = (OWNER, APP, WORKER)
FILE = Path(__file__).with_name("roles.sql")
MAY_TAKE = (
    "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND pg_has_role(session_user, oid, "
    "CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)"
)
_allowed: dict[tuple[Any, ...], frozenset[str]] = {}


@dataclass(frozen=True, slots=True)
class Role:
    """One of the three as the server has it."""

    name: str
    is_superuser: bool
    bypasses: bool


def allowed(wrapper: Any) -> frozenset[str]:
    """Which of the three the login of this connection may take; asked once for each login."""
    config = wrapper.settings_dict
    login = tuple(config[name] for name in ("HOST", "PORT", "NAME", "USER"))
    if login not in _allowed:
        with wrapper.wrap_database_errors:
            rows = wrapper.connection.execute(MAY_TAKE, [list(ALL)]).fetchall()
        _allowed[login] = frozenset(name for (name,) in rows)
    return _allowed[login]


def forget() -> None:
    """Ask again: roles were made or granted meanwhile."""
    _allowed.clear()
    connection.close()


def apply_here() -> bool:
    """Whether there is a second wall to keep: PostgreSQL, and a login that may act as the owner.

    The one place that decides it; False on SQLite, and where nobody made the roles (yet).
    """
    if connection.vendor != "postgresql":
        return False
    connection.ensure_connection()
    return OWNER in allowed(connection)


def missing() -> list[str]:
    """Those of the three that our login may not take, or that are not there."""
    if connection.vendor != "postgresql":
        return []
    connection.ensure_connection()
    return [name for name in ALL if name not in allowed(connection)]


def present() -> list[Role]:
    """Those of the three that the server has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = ANY(%s)",
            [list(ALL)],
        )
        return [Role(*row) for row in cursor.fetchall()]


def sql(login: str) -> str:
    """What makes the roles and lets `login` take them; harmless where all of it was done."""
    quoted = login.replace("'", "''")
    return f"SET ispcore.login = '{quoted}';\n{FILE.read_text()}"


def login() -> str:
    """Who this process logs in as."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_user")
        return str(cursor.fetchone()[0])


def may_make() -> bool:
    """Whether our login may make the roles: a superuser may."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = session_user")
        return bool(cursor.fetchone()[0])


def make(for_login: str | None = None) -> None:
    """Make the roles for that login, ours by default. Raises DatabaseError where ours may not."""
    with identity.in_role(identity.LOGIN_ROLE), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql(for_login or login()))
    forget()


def ensure() -> bool:
    """Make the roles if they are missing and our login may; whether the wall can stand."""
    if missing() and may_make():
        try:
            make()
        except DatabaseError:  # the server says no: as if we might not
            return False
    return not missing()


def adopt() -> None:
    """What the login made in this database before there were roles is the owner's from here on.

    A login that owns the database can do it; what belongs to others stays with them. Nothing where
    there is no second wall to keep.
    """
    if not apply_here():
        return
    with identity.in_role(identity.LOGIN_ROLE), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_schema_privilege(%s, current_schema(), 'CREATE'), "
            "has_schema_privilege(%s, current_schema(), 'USAGE')",
            [OWNER, APP],
        )
        if cursor.fetchone() != (True, True):
            cursor.execute(f"GRANT ALL ON SCHEMA public TO {OWNER}")
            cursor.execute(f"GRANT USAGE ON SCHEMA public TO {APP}, {WORKER}")
        cursor.execute(ADOPT)


# a sequence that a column owns goes with its table; what an extension made is the extension's
ADOPT = """
DO $$
DECLARE
  thing record;
BEGIN
  IF session_user = 'ispcore_owner' THEN RETURN; END IF;
  FOR thing IN
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW'
             WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END AS kind,
           c.oid::regclass::text AS name
    FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
      AND pg_get_userbyid(c.relowner) = session_user
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
        AND d.objid = c.oid
        AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('a', 'i')))
    UNION ALL
    SELECT 'FUNCTION', p.oid::regprocedure::text FROM pg_proc p
    WHERE p.pronamespace = current_schema()::regnamespace
      AND pg_get_userbyid(p.proowner) = session_user
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
        AND d.objid = p.oid AND d.deptype = 'e')
  LOOP
    EXECUTE format('ALTER %s %s OWNER TO ispcore_owner', thing.kind, thing.name);
  END LOOP;
END $$
"""
