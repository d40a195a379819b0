"""A database that is away, as logs tell it: in one line, without the path through our code."""

import logging

from django.db import InterfaceError, OperationalError

# SQLSTATE: connection exceptions, and a server that is shutting down or starting up
_AWAY_STATES = ("08", "57P01", "57P02", "57P03")
_AWAY_NUMBERS = {1927, 2002, 2003, 2006, 2013, 2055}  # MariaDB's client and server


def is_away(error: BaseException | None) -> bool:
    """Whether a database error says that there is no server to talk to (any more)."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    cause = error.__cause__ or error
    driver = type(cause).__module__.partition(".")[0]
    if driver.startswith("psycopg"):
        state = getattr(cause, "sqlstate", None)
        return state is None or state.startswith(_AWAY_STATES)
    return driver == "MySQLdb" and bool(cause.args) and cause.args[0] in _AWAY_NUMBERS


def brief(error: BaseException) -> str:
    """The first line of what the driver says: the second is advice."""
    return str(error).strip().partition("\n")[0]


class Brief(logging.Filter):
    """Takes the traceback of an error of this kind from a record, whoever logs it."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and is_away(error):
            record.msg, record.args = f"{record.getMessage()}: {brief(error)}", ()
            record.exc_info = record.exc_text = None
        return True
