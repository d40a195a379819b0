"""Several statements in one round trip, on the database of FreeRADIUS."""

import pytest
from django.db import DatabaseError, transaction

from ispcore.base.statements import execute_together
from radius.models import Check

pytestmark = pytest.mark.django_db(databases=["default", "radius"])
PUT = "INSERT INTO radcheck (username, attribute, op, value) VALUES (%s, %s, %s, %s)"


def row(value: str) -> tuple[str, list[str]]:
    return PUT, ["rahim", "Cleartext-Password", ":=", value]


def values() -> list[str]:
    return list(Check.objects.order_by("id").values_list("value", flat=True))


def test_they_are_executed_in_their_order() -> None:
    execute_together("radius", [row("one"), ("DELETE FROM radcheck", []), row("two"), row("three")])
    assert values() == ["two", "three"]


def test_what_is_written_may_look_like_sql() -> None:
    hostile = "'; DROP TABLE radcheck; -- %s \\"
    execute_together("radius", [row(hostile), row("two")])
    assert values() == [hostile, "two"]


def test_the_error_of_a_later_one_is_raised_and_nothing_follows() -> None:
    with pytest.raises(DatabaseError), transaction.atomic(using="radius"):
        execute_together("radius", [row("one"), ("DELETE FROM nowhere", []), row("two")])
    assert values() == []


def test_there_may_be_none() -> None:
    execute_together("radius", [])
    assert values() == []
