"""Which errors say that a database is away, and how they are logged."""

import logging
import sqlite3

import psycopg
import pytest
from django.db import InterfaceError, OperationalError
from psycopg_pool import PoolTimeout

from ispcore.base.outages import Brief, is_away


def raised(cause: Exception, kind: type[Exception] = OperationalError) -> Exception:
    """A driver's error as Django passes it on."""
    error = kind(*cause.args)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "cause",
    [
        psycopg.OperationalError("connection failed: Connection refused"),
        psycopg.errors.AdminShutdown("terminating connection due to administrator command"),
        psycopg.errors.CannotConnectNow("the database system is starting up"),
        PoolTimeout("couldn't get a connection after 10.00 sec"),
    ],
)
def test_no_server_is_a_database_that_is_away(cause: Exception) -> None:
    assert is_away(raised(cause))


@pytest.mark.parametrize("number", [2002, 2006, 2013])
def test_no_mariadb_is_a_database_that_is_away(number: int) -> None:
    mysql = pytest.importorskip("MySQLdb")
    assert is_away(raised(mysql.OperationalError(number, "Server has gone away")))
    assert not is_away(raised(mysql.OperationalError(1054, "Unknown column")))


@pytest.mark.parametrize(
    "error",
    [
        None,
        ValueError("x"),
        raised(psycopg.errors.QueryCanceled("canceling statement due to statement timeout")),
        raised(psycopg.errors.DeadlockDetected("deadlock detected")),
        raised(sqlite3.OperationalError("no such table: resellers")),
        raised(sqlite3.InterfaceError("bad parameter"), InterfaceError),
    ],
)
def test_a_fault_of_ours_is_no_outage(error: Exception | None) -> None:
    assert not is_away(error)


def test_an_outage_is_logged_in_one_line_and_a_fault_with_its_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = logging.getLogger("tests.outages")
    causes = [psycopg.OperationalError("connection refused\n\tIs it running?"), ValueError("x")]
    for cause in causes:
        try:
            raise raised(cause) if isinstance(cause, psycopg.Error) else cause
        except Exception:
            log.exception("%s: not stored", "edge-01")
    away, fault = caplog.records
    assert all(Brief().filter(record) for record in (away, fault))
    assert (away.getMessage(), away.exc_info) == ("edge-01: not stored: connection refused", None)
    assert fault.exc_info is not None
