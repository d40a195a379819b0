"""What can go wrong with a unit, for people; and what the databases' errors mean."""

from typing import Any, NoReturn

from django.db import Error, InterfaceError, OperationalError, connections
from django.db.transaction import TransactionManagementError

from ispcore.base.faults import Undecided

PORTAL, RADIUS = "default", "radius"


class NotProvisioned(OperationalError):
    """A change that was not made, in neither database; the text is for whoever asked for it."""


class RadiusAway(NotProvisioned):
    """FreeRADIUS' database does not answer."""


class PortalAway(NotProvisioned):
    """The portal's database does not answer."""


class Busy(NotProvisioned):
    """Somebody else was changing the same thing for too long."""


class BeingDecided(Undecided):
    """The portal's database went away with its answer to COMMIT; recovery decides when it is back."""

    def __init__(self, what: str, gid: str) -> None:
        super().__init__(
            f"{what}: the portal's database went away as the change was being completed. Whether it "
            "stands is decided in both databases as soon as it answers, within seconds; the "
            f"provisioning journal has it as {gid}"
        )
        self.gid = gid


AWAY: dict[str, tuple[type[NotProvisioned], str]] = {
    PORTAL: (PortalAway, "The portal's database does not answer; nothing was changed."),
    RADIUS: (RadiusAway, "FreeRADIUS' database does not answer; nothing was changed."),
}
BUSY = "Somebody else is changing the same thing. Try again in a moment; nothing was changed."
RADIUS_BUSY = (
    "RADIUS database: others have held the same rows for too long. Try again in a moment; nothing "
    "was changed."
)
TAKEN_BACK = (
    "FreeRADIUS' database went away as the change was being written. What it may have of it is taken "
    "back as soon as it answers; nothing was changed."
)

_POSTGRESQL = {
    "busy": {"55P03", "57014"},  # lock_timeout, statement_timeout
    "deadlock": {"40P01", "40001"},
    # idle for too long in a transaction, shut down, crashed, starting, no more connections
    "away": {"25P03", "57P01", "57P02", "57P03", "53300"},
}
_MYSQL: dict[str, set[Any]] = {
    "busy": {1205},
    "deadlock": {1213, 1020},
    # no more connections, shutting down, killed, lost, and the client's own: cannot connect, gone
    "away": {1040, 1053, 1152, 1158, 1159, 1160, 1161, 1927, 2002, 2003, 2006, 2013, 2055, 0},
}


def meaning(error: BaseException) -> str:
    """ "busy", "deadlock", "away", or "" for what is no matter of waiting or coming again."""
    if not isinstance(error, OperationalError | InterfaceError):
        return ""
    cause = error.__cause__
    driver = type(cause).__module__.partition(".")[0] if cause else ""
    if driver.startswith("psycopg"):
        return _of_postgresql(getattr(cause, "sqlstate", None))
    if driver == "MySQLdb":
        code = error.args[0] if error.args else 0
        return next((word for word, codes in _MYSQL.items() if code in codes), "")
    return _of_sqlite(str(error))


def tell(error: Error, alias: str) -> NoReturn:
    """Raise `error`, which came while `alias` was asked and changed nothing, as people should hear
    it: Busy, PortalAway or RadiusAway where it is such a thing, else as it is."""
    word = "" if isinstance(error, NotProvisioned) else meaning(error)
    if word in {"busy", "deadlock"}:
        raise Busy(RADIUS_BUSY if _alias_of(error, alias) == RADIUS else BUSY) from error
    if word == "away":
        where = _alias_of(error, alias)
        close_quietly(where)  # the next to ask connects anew
        kind, text = AWAY[where]
        raise kind(text) from error
    raise error


def need_soundness(alias: str) -> None:
    """Raise unless COMMIT will commit all that the transaction did.

    Django rolls back without a word where an inner block failed and was caught; PostgreSQL answers
    COMMIT by a rollback where a statement failed; MariaDB undoes all after a deadlock, and begins
    anew with the next statement.
    """
    connection = connections[alias]
    is_sound = not connection.needs_rollback
    if connection.vendor == "postgresql":
        from psycopg.pq import TransactionStatus

        status = connection.connection.info.transaction_status
        is_sound = is_sound and status == TransactionStatus.INTRANS
    elif connection.vendor == "sqlite":
        is_sound = is_sound and connection.connection.in_transaction
    if alias == RADIUS:
        is_sound = is_sound and not connection.errors_occurred
    if not is_sound:
        raise TransactionManagementError(f"an error in the {alias} transaction was passed over")


def close_quietly(alias: str) -> None:
    """Let go of a connection of which nothing good is known."""
    try:
        connections[alias].close()
    except Error:
        connections[alias].connection = None


def _of_postgresql(code: str | None) -> str:
    if code is None or code.startswith("08"):  # no server spoke
        return "away"
    return next((word for word, codes in _POSTGRESQL.items() if code in codes), "")


def _of_sqlite(text: str) -> str:
    if "locked" in text:
        return "busy"
    return "away" if "unable to open" in text or "disk I/O" in text else ""


def _alias_of(error: Exception, alias: str) -> str:
    """Whose error it is: the driver tells where the two databases are of different makes."""
    driver = type(error.__cause__).__module__.partition(".")[0]
    vendor = {"psycopg": "postgresql", "psycopg_pool": "postgresql", "MySQLdb": "mysql"}.get(driver)
    of_vendor = [each for each in (PORTAL, RADIUS) if connections[each].vendor == vendor]
    return of_vendor[0] if len(of_vendor) == 1 else alias
