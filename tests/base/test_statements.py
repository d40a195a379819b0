"""Several statements in one round trip, on the database of FreeRADIUS."""

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.db.transaction import TransactionManagementError
from django.forms.models import model_to_dict

from ispcore.base import statements
from ispcore.base.statements import Prepared, execute_together
from radius.models import Check
from routers.models import Router

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


def test_a_prepared_query_answers_as_the_one_it_is_made_from() -> None:
    """Times are converted on SQLite, and secrets are decrypted."""
    columns = ("name", "api_password", "created_at")
    made = Prepared(lambda: Router.objects.order_by().filter(name="?").values_list(*columns))
    assert made.row("utt-edge-01") is None
    for name, address in (("utt-edge-01", "10.88.4.1"), ("mir-edge-01", "10.88.5.1")):
        Router.objects.create(name=name, address=address, api_password=f"s3cret-of-{name}")
        assert made.row(name) == Router.objects.filter(name=name).values_list(*columns).get()
    assert made.row("' OR name <> '") is None


def test_the_first_row_of_each_is_told() -> None:
    for name, address in (("utt-edge-01", "10.88.4.1"), ("mir-edge-01", "10.88.5.1")):
        Router.objects.create(name=name, address=address, api_password="s3cret")
    asked = [
        ("SELECT name FROM router_configs WHERE name LIKE %s ORDER BY name", [like])
        for like in ("%edge%", "none%", "utt%")
    ]
    assert statements.first_rows(*asked) == [("mir-edge-01",), None, ("utt-edge-01",)]


def test_a_row_is_stored_as_django_stores_it() -> None:
    def router(number: int) -> Router:
        return Router(name=f"r{number}", address=f"10.88.4.{number}", api_password="s3cret")

    by_django, ours = router(1), router(2)
    by_django.save(force_insert=True)
    statements.insert(ours)
    assert ours.pk == by_django.pk + 1
    assert not ours._state.adding
    rows = [model_to_dict(Router.objects.get(pk=each.pk)) for each in (by_django, ours)]
    assert {name for name in rows[0] if rows[0][name] != rows[1][name]} == {"id", "name", "address"}


def test_a_transaction_is_broken_by_a_row_that_is_refused() -> None:
    Router.objects.create(name="r1", address="10.88.4.1", api_password="s3cret")
    with transaction.atomic():
        with pytest.raises(IntegrityError):
            statements.insert(Router(name="r1", address="10.88.4.2", api_password="s3cret"))
        with pytest.raises(TransactionManagementError):
            Router.objects.exists()
