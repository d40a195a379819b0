"""The triggers that make the audit log append-only, on both engines of the portal's database.

UPDATE, TRUNCATE, REPLACE and DELETE are refused to everybody who may write the table at all. What
is older than FLOOR_DAYS can be deleted, for retention: on PostgreSQL only where the transaction
says `SET LOCAL ispcore.forget_audit = 'on'`, on SQLite, which has no such word, by its age alone.
Only the owner of the table can take the triggers away; `manage.py check --database default` says
so then.
"""

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

FLOOR_DAYS = 365
SETTING = "ispcore.forget_audit"
_REFUSED = "audit_log is append-only"

_POSTGRESQL = (
    # the statement's trigger has no OLD, hence the nesting
    f"""
    CREATE OR REPLACE FUNCTION audit_log_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF OLD.at < now() - interval '{FLOOR_DAYS} days'
                AND current_setting('{SETTING}', true) = 'on'
            THEN
                RETURN OLD;
            END IF;
        END IF;
        RAISE EXCEPTION '{_REFUSED}: % refused', TG_OP USING ERRCODE = 'restrict_violation';
    END
    $$
    """,
    """
    CREATE TRIGGER audit_log_rows BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_append_only()
    """,
    """
    CREATE TRIGGER audit_log_table BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_append_only()
    """,
    # also in a session that plays a replica
    "ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_rows",
    "ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_table",
)
_POSTGRESQL_AWAY = (
    "DROP TRIGGER IF EXISTS audit_log_rows ON audit_log",
    "DROP TRIGGER IF EXISTS audit_log_table ON audit_log",
)
_SQLITE = (
    f"""
    CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
    BEGIN SELECT RAISE(ABORT, '{_REFUSED}: UPDATE refused'); END
    """,
    f"""
    CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
    WHEN OLD.at >= datetime('now', '-{FLOOR_DAYS} days')
    BEGIN SELECT RAISE(ABORT, '{_REFUSED}: DELETE refused'); END
    """,
    # INSERT OR REPLACE deletes without asking the trigger above
    f"""
    CREATE TRIGGER audit_log_no_replace BEFORE INSERT ON audit_log
    WHEN EXISTS (SELECT 1 FROM audit_log WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, '{_REFUSED}: REPLACE refused'); END
    """,  # noqa: S608 - the only word put in is ours
)
_SQLITE_AWAY = tuple(
    f"DROP TRIGGER IF EXISTS audit_log_{name}" for name in ("no_update", "no_delete", "no_replace")
)
NAMES = {
    "postgresql": {"audit_log_rows", "audit_log_table"},
    "sqlite": {"audit_log_no_update", "audit_log_no_delete", "audit_log_no_replace"},
}


def install(to: BaseDatabaseWrapper) -> None:
    """(Re)make the triggers. A migration that alters the table calls this last: SQLite's way to
    alter a table is to make it anew, without its triggers."""
    remove(to)
    _run(to, _POSTGRESQL if to.vendor == "postgresql" else _SQLITE)


def remove(of: BaseDatabaseWrapper) -> None:
    """Take the triggers away: for migrations, and for tests that empty all tables."""
    _run(of, _POSTGRESQL_AWAY if of.vendor == "postgresql" else _SQLITE_AWAY)


def missing() -> set[str]:
    """The names of triggers that should be on the table and are not, or are switched off."""
    if connection.vendor == "postgresql":
        sql = "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass('audit_log') "
        sql += "AND tgenabled = 'A'"
    else:
        sql = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_log'"
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return NAMES[connection.vendor] - {name for (name,) in cursor.fetchall()}


def _run(where: BaseDatabaseWrapper, statements: tuple[str, ...]) -> None:
    with where.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
