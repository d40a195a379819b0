"""FreeRADIUS' database: what is wrong with it is said, and what is there is left alone."""

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import models

from radius.checks import radius_database
from radius.models import Accounting, Nas
from tests.harness.databases import Servers
from tests.radius.conftest import CLOSED, Radius, execute

# FreeRADIUS' own file, as Debian's freeradius-config brings it
STOCK = Path("/etc/freeradius/3.0/mods-config/sql/main/mysql/schema.sql")
TABLES = (
    *("nas", "nasreload", "radacct", "radcheck", "radgroupcheck", "radgroupreply"),
    *("radpostauth", "radreply", "radusergroup"),
)


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
            "CREATE TABLE nasreload (nasipaddress varchar(15), reloadtime datetime) ENGINE=MyISAM",
            "CREATE TABLE somebody_elses (id int PRIMARY KEY) ENGINE=MyISAM",
        )
        ((identifier, words),) = found()
    assert identifier == "radius.E003"
    assert words.startswith("table nasreload is MyISAM, not InnoDB")


def test_a_database_that_is_away_is_e004(radius: Radius) -> None:
    with radius(url=CLOSED):
        ((identifier, words),) = found()
    assert identifier == "radius.E004"
    assert words.startswith("the RADIUS database does not answer")


def stock_statements() -> list[str]:
    lines = [line for line in STOCK.read_text().splitlines() if not line.startswith("#")]
    return [each.strip() for each in "\n".join(lines).split(";") if each.strip()]


def everything(connection: Any) -> dict[str, Any]:
    """Form and rows of each table."""
    return {
        table: (
            execute(connection, f"SHOW CREATE TABLE {table}"),
            execute(connection, f"SELECT * FROM {table}"),  # noqa: S608
        )
        for table in TABLES
    }


def test_an_existing_database_is_adopted_as_it_is(radius: Radius) -> None:
    """FreeRADIUS' own tables with rows, indexes and columns of somebody's own: all the same before
    and after, and when the portal goes again."""
    with radius() as connection:
        execute(
            connection,
            *stock_statements(),
            "ALTER TABLE nas ADD pop varchar(20) DEFAULT 'Uttara', ADD KEY ours (pop),"
            " COMMENT='do not touch'",
            "INSERT INTO nas (nasname, shortname) VALUES ('10.100.1.1', 'utt'), ('10.0.0.2', 'b')",
            "INSERT INTO radcheck (username, attribute, op, value)"
            " VALUES ('rahim', 'Cleartext-Password', ':=', 'x'), ('old', 'MD5-Password', ':=', 'y')",
            "INSERT INTO radacct (acctuniqueid, username, acctstarttime)"
            " VALUES ('u1', 'rahim', '2026-01-01 10:00:00')",
            "INSERT INTO radpostauth (username, pass, reply) VALUES ('rahim', 'x', 'Access-Accept')",
            "INSERT INTO radusergroup (username, groupname) VALUES ('rahim', 'gold')",
            "INSERT INTO nasreload VALUES ('10.100.1.1', '2026-01-01 09:00:00')",
        )
        before = everything(connection)
        call_command("migrate", database="radius", verbosity=0)
        assert everything(connection) == before
        assert found() == []
        assert [c.short_name for c in Nas.objects.order_by("id")] == ["utt", "b"]
        session = Accounting.objects.get(unique_id="u1")
        assert (session.username, session.started_at) == (
            "rahim",
            datetime(2026, 1, 1, 10, tzinfo=UTC),
        )
        call_command("migrate", "radius", "zero", database="radius", verbosity=0)
        assert everything(connection) == before


def test_new_tables_have_the_stock_form(radius: Radius, database_servers: Servers) -> None:
    with radius() as connection:
        call_command("migrate", database="radius", verbosity=0)
        ours = {table: execute(connection, f"SHOW CREATE TABLE {table}") for table in TABLES}
        tables = {row[0] for row in execute(connection, "SHOW TABLES")}
    assert tables == {*TABLES, "ispcore_markers", "django_migrations"}
    with radius(url=database_servers.mariadb.create("stock")) as connection:
        execute(connection, *stock_statements())
        assert ours == {
            table: execute(connection, f"SHOW CREATE TABLE {table}") for table in TABLES
        }


def test_every_model_reads_and_writes_its_table(radius: Radius) -> None:
    with radius() as connection:
        call_command("migrate", database="radius", verbosity=0)
        for model in apps.get_app_config("radius").get_models():
            times = {
                field.name: datetime(2026, 3, 2, tzinfo=UTC)
                for field in model._meta.concrete_fields
                if isinstance(field, models.DateTimeField)
            }
            made = model._default_manager.create(**times)
            assert str(model._default_manager.get(pk=made.pk)) == str(made)
        assert execute(connection, "SELECT COUNT(*) FROM radacct") == ((1,),)


def test_an_older_schema_is_e005(radius: Radius) -> None:
    with radius() as connection:
        execute(
            connection,
            *stock_statements(),
            "ALTER TABLE radpostauth DROP COLUMN class",
            "ALTER TABLE nasreload ADD extra int",
        )
        ((identifier, words),) = found()
    assert identifier == "radius.E005"
    assert words.startswith("table radpostauth has no column class")


def test_usernames_that_differ_by_capitals_are_e006(radius: Radius) -> None:
    with radius() as connection:
        execute(
            connection,
            *stock_statements(),
            "ALTER TABLE radreply MODIFY username varchar(64) COLLATE utf8mb4_bin NOT NULL",
        )
        ((identifier, words),) = found()
    assert identifier == "radius.E006"
    assert words.startswith("table radreply compares usernames with capitals (utf8mb4_bin)")


def test_names_that_the_database_takes_for_one_another_are_reported(radius: Radius) -> None:
    with radius() as connection:
        execute(
            connection,
            *stock_statements(),
            "INSERT INTO radcheck (username, attribute) VALUES ('bob', 'Expiration'),"
            " ('BOB', 'Expiration'), ('carol', 'Expiration'), ('carol', 'X-Unknown')",
            "INSERT INTO radusergroup (username, groupname) VALUES ('bob ', 'g'), ('cárol', 'g')",
            "INSERT INTO radreply (username, attribute) VALUES ('dave', 'Session-Timeout')",
            "INSERT INTO nas (nasname) VALUES ('10.0.0.1'), ('10.0.0.0/24')",
        )
        call_command("migrate", database="radius", verbosity=0)
        told = StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("radius_report", stdout=told)
    assert ended.value.code == 1
    lines = told.getvalue().splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        *("username", "username", "client", "attribute")
    ]
    assert "“BOB”, “bob”, “bob ”" in lines[0]
    assert "“carol”, “cárol”" in lines[1]
    assert "10.0.0.0/24" in lines[2]
    assert "radcheck has X-Unknown" in lines[3]


def test_a_new_database_has_nothing_to_report(radius: Radius) -> None:
    with radius():
        call_command("migrate", database="radius", verbosity=0)
        told = StringIO()
        call_command("radius_report", stdout=told)
    assert told.getvalue() == "all fits\n"


def test_radius_rows_live_in_the_radius_database(db: None) -> None:
    made = Nas.objects.create(address="10.100.1.1", short_name="utt")
    assert made._state.db == "radius"
    assert str(made) == "utt"
    assert str(Nas(address="10.100.1.1")) == "10.100.1.1"


def test_models_of_the_two_databases_are_never_joined() -> None:
    from ispcore.dbrouter import ByAppLabel
    from routers.models import Router

    router = ByAppLabel()
    client: models.Model = Nas()
    assert not router.allow_relation(client, Router())
    assert router.allow_relation(Router(), Router())
    assert router.db_for_read(Router) == router.db_for_write(Router) == "default"
    assert router.allow_migrate("radius", "radius")
    assert not router.allow_migrate("default", "radius")
    assert not router.allow_migrate("radius", "routers")
