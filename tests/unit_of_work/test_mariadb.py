"""Transactions of MariaDB that begin with their first statement, and never stand by halves."""

from contextlib import closing, suppress

import pytest
from django.db import OperationalError, ProgrammingError, connections, transaction
from django.db.transaction import TransactionManagementError

from tests.harness.environment import VENDOR
from tests.unit_of_work import isp
from tests.unit_of_work.isp import RADIUS

pytestmark = pytest.mark.skipif(VENDOR != "postgresql", reason="of MariaDB's backend")
PUT = "INSERT INTO uow_check (name, plan) VALUES (%s, %s)"
MOVE = "UPDATE uow_check SET plan = 'x' WHERE name = '{}'"


def execute(sql: str, *values: str) -> None:
    with connections[RADIUS].cursor() as cursor:
        cursor.execute(sql, values)


def counted(*names: str) -> list[int]:
    """How many statements of these kinds our session has sent."""
    with connections[RADIUS].cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Com\\_%%'", [])
        found = dict(cursor.fetchall())
    return [int(found[f"Com_{name}"]) for name in names]


def test_a_unit_begins_one_transaction_and_leaves_its_session_as_it_is() -> None:
    isp.put("ali", "gold")
    kinds = ("begin", "commit", "set_option")
    before = counted(*kinds)
    isp.put("ali", "silver")
    assert [n - m for n, m in zip(counted(*kinds), before, strict=True)] == [1, 1, 0]


def test_what_was_put_first_is_taken_back_with_the_rest() -> None:
    with suppress(ZeroDivisionError), transaction.atomic(using=RADIUS):
        execute(PUT, "ali", "gold")
        raise ZeroDivisionError
    with suppress(ZeroDivisionError), transaction.atomic(using=RADIUS):
        with connections[RADIUS].cursor() as cursor:
            cursor.executemany(PUT, [("ali", "gold"), ("bea", "gold")])
        raise ZeroDivisionError
    with transaction.atomic(using=RADIUS):
        with suppress(ZeroDivisionError), transaction.atomic(using=RADIUS):
            execute(PUT, "ali", "gold")
            raise ZeroDivisionError
        execute(PUT, "bea", "gold")
    assert isp.radius() == [("bea", "gold")]


def test_what_never_came_to_the_server_has_not_begun_it() -> None:
    with suppress(ZeroDivisionError), transaction.atomic(using=RADIUS):
        with suppress(ProgrammingError):
            execute(PUT, "one value too few")
        execute(PUT, "ali", "gold")
        raise ZeroDivisionError
    with transaction.atomic(using=RADIUS):
        """Nothing is executed."""
    execute(PUT, "bea", "gold")  # stands at once
    assert isp.radius() == [("bea", "gold")]
    connections[RADIUS].close()
    assert isp.radius() == [("bea", "gold")]


@pytest.mark.parametrize("is_told", [True, False])
def test_nothing_stands_of_what_follows_a_deadlock(is_told: bool) -> None:
    """The server has ended the transaction by itself, and would commit each statement that follows;
    also where nobody asks for the result of the statement that it said so of."""
    for name in ("ali", "bea"):
        execute(PUT, name, "gold")
    radius = connections[RADIUS]
    with closing(radius.get_new_connection(radius.get_connection_params())) as other:
        other.query("BEGIN")
        for _ in range(20):  # so it has more to lose
            other.query("INSERT INTO uow_check (name, plan) VALUES ('x', 'x')")
        other.query(MOVE.format("bea"))
        with transaction.atomic(using=RADIUS):
            execute(MOVE.format("ali"))
            other.send_query(MOVE.format("ali").encode())
            if is_told:
                with pytest.raises(OperationalError):
                    execute(MOVE.format("bea"))
            else:
                execute(f"SELECT 1; {MOVE.format('bea')}")
            with pytest.raises(TransactionManagementError):
                execute(PUT, "eve", "gold")
        other.read_query_result()
        other.rollback()
    assert isp.radius() == [("ali", "gold"), ("bea", "gold")]
