"""FreeRADIUS' database: what is wrong with it is said, and what is there is left alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import environ
import pytest
from django.core.management import call_command
from django.db import connections, models

from ispcore import settings as portal
from radius.checks import radius_database
from radius.models import RadiusClient

CLOSED = "mysql://nobody:none@127.0.0.1:1/radius"
# as FreeRADIUS' mods-config/sql/main/mysql/schema.sql has it, in an older edition, with an
# index and a column of somebody's own
ADOPTED = """
CREATE TABLE nas (
  id int(10) NOT NULL auto_increment,
  nasname varchar(128) NOT NULL,
  shortname varchar(32) DEFAULT NULL,
  type varchar(30) DEFAULT 'other',
  ports int(5) DEFAULT NULL,
  secret varchar(60) NOT NULL DEFAULT 'secret',
  server varchar(64) DEFAULT NULL,
  community varchar(50) DEFAULT NULL,
  description varchar(200) DEFAULT 'RADIUS Client',
  pop varchar(20) DEFAULT 'unknown',
  PRIMARY KEY (id),
  KEY nasname (nasname),
  KEY ours (pop)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COMMENT='do not touch'
"""
Radius = Callable[..., Any]


@pytest.fixture
def radius(fresh_databases: dict[str, str], django_db_blocker: Any) -> Iterator[Radius]:
    """radius(**options) is the alias `radius` on a new MariaDB database; options differ."""
    opened: list[Any] = []

    @contextmanager
    def alias(url: str = fresh_databases["RADIUS_DATABASE_URL"], **options: Any) -> Iterator[Any]:
        settings = portal._database(dict(environ.Env.db_url_config(url)))
        settings["OPTIONS"] = settings["OPTIONS"] | options
        before = connections["radius"]
        connections["radius"] = made = _connection(settings)
        opened.append(made)
        try:
            yield made
        finally:
            connections["radius"] = before

    with django_db_blocker.unblock():
        yield alias
        for each in opened:
            each.close()


def _connection(settings: dict[str, Any]) -> Any:
    from django.db.backends.mysql.base import DatabaseWrapper

    usual = connections["radius"].settings_dict | {"TIME_ZONE": None, "CONN_HEALTH_CHECKS": False}
    return DatabaseWrapper(usual | settings, "radius")


def execute(connection: Any, *statements: str) -> Any:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall()


def found() -> list[tuple[str | None, str]]:
    return [(each.id, each.msg) for each in radius_database(None, databases=["radius"])]


def test_a_database_as_the_portal_asks_for_it_has_no_faults(radius: Radius) -> None:
    with radius():
        call_command("migrate", database="radius", verbosity=0)
        assert found() == []


def test_nothing_is_asked_where_the_database_is_not_meant(radius: Radius) -> None:
    with radius(url=CLOSED):
        assert radius_database(None, databases=["default"]) == []
        assert radius_database(None) == []


def test_a_session_off_utc_is_e001(radius: Radius) -> None:
    with radius(init_command="SET time_zone='+06:00'"):
        assert found() == [("radius.E001", "our session is 360 min off UTC")]


def test_a_server_off_utc_is_e001(radius: Radius) -> None:
    with radius() as connection:
        execute(connection, "SET GLOBAL time_zone='+05:30'")
        try:
            ((identifier, words),) = found()
        finally:
            execute(connection, "SET GLOBAL time_zone='+00:00'")
    assert identifier == "radius.E001"
    assert words.startswith("the server's time zone is 330 min off UTC")


def test_another_isolation_is_e002(radius: Radius) -> None:
    with radius(isolation_level="repeatable read"):
        assert found() == [("radius.E002", "isolation is REPEATABLE-READ, not READ-COMMITTED")]


def test_a_table_without_transactions_is_e003(radius: Radius) -> None:
    with radius() as connection:
        execute(
            connection,
            "CREATE TABLE radacct (radacctid bigint PRIMARY KEY) ENGINE=MyISAM",
            "CREATE TABLE somebody_elses (id int PRIMARY KEY) ENGINE=MyISAM",
        )
        ((identifier, words),) = found()
    assert identifier == "radius.E003"
    assert words.startswith("table radacct is MyISAM, not InnoDB")


def test_a_database_that_is_away_is_e004(radius: Radius) -> None:
    with radius(url=CLOSED):
        ((identifier, words),) = found()
    assert identifier == "radius.E004"
    assert words.startswith("the RADIUS database does not answer")


def test_an_existing_table_is_adopted_as_it_is(radius: Radius) -> None:
    """Form, rows, engine, comment, and what somebody added: all the same before and after."""

    def everything(connection: Any) -> tuple[Any, Any]:
        return execute(connection, "SHOW CREATE TABLE nas"), execute(
            connection, "SELECT * FROM nas"
        )

    with radius() as connection:
        execute(
            connection,
            ADOPTED,
            "INSERT INTO nas (nasname, shortname, secret, pop) VALUES"
            " ('10.100.1.1', 'utt', 's3cret', 'Uttara'), ('10.100.1.2', 'mir', 'x', 'Mirpur')",
        )
        before = everything(connection)
        call_command("migrate", database="radius", verbosity=0)
        assert everything(connection) == before
        assert [c.short_name for c in RadiusClient.objects.using("radius").order_by("id")] == [
            "utt",
            "mir",
        ]
        call_command("migrate", "radius", "zero", database="radius", verbosity=0)
        assert everything(connection) == before


def test_a_new_table_has_the_stock_form(radius: Radius) -> None:
    with radius() as connection:
        call_command("migrate", database="radius", verbosity=0)
        columns = {row[0]: (row[1], row[2], row[4]) for row in execute(connection, "DESCRIBE nas")}
        assert columns == {
            "id": ("int(10)", "NO", None),
            "nasname": ("varchar(128)", "NO", None),
            "shortname": ("varchar(32)", "YES", None),
            "type": ("varchar(30)", "YES", "other"),
            "ports": ("int(5)", "YES", None),
            "secret": ("varchar(60)", "NO", "secret"),
            "server": ("varchar(64)", "YES", None),
            "community": ("varchar(50)", "YES", None),
            "description": ("varchar(200)", "YES", "RADIUS Client"),
        }
        tables = {row[0] for row in execute(connection, "SHOW TABLES")}
        assert tables == {"nas", "django_migrations"}


def test_radius_rows_live_in_the_radius_database(db: None) -> None:
    made = RadiusClient.objects.create(address="10.100.1.1", short_name="utt")
    assert made._state.db == "radius"
    assert str(made) == "utt"
    assert str(RadiusClient(address="10.100.1.1")) == "10.100.1.1"


def test_models_of_the_two_databases_are_never_joined() -> None:
    from ispcore.dbrouter import ByAppLabel
    from routers.models import Router

    router = ByAppLabel()
    client: models.Model = RadiusClient()
    assert not router.allow_relation(client, Router())
    assert router.allow_relation(Router(), Router())
    assert router.db_for_read(Router) == router.db_for_write(Router) == "default"
    assert router.allow_migrate("radius", "radius")
    assert not router.allow_migrate("default", "radius")
    assert not router.allow_migrate("radius", "routers")
