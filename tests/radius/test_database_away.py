"""FreeRADIUS while its database is away, and with the login that documents give it."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError

from radius.models import Accounting, Check, Nas, NasReload, PostAuth
from tests.harness import environment
from tests.harness.databases import MariaDB
from tests.harness.freeradius import DEPLOY, SECRET, Answer, FreeRADIUS, radclient
from tests.harness.processes import PATH
from tests.radius.conftest import as_radius, execute

TABLES = (
    "CREATE TABLE nas (nasname varchar(128), secret varchar(60), type varchar(30))",
    f"INSERT INTO nas VALUES ('127.0.0.1', '{SECRET}', 'other')",  # noqa: S608
    *(
        f"CREATE TABLE {table} (id int, {key} varchar(64), attribute varchar(64), op char(2),"
        " value varchar(253))"
        for table, key in (
            *(("radcheck", "username"), ("radreply", "username")),
            *(("radgroupcheck", "groupname"), ("radgroupreply", "groupname")),
        )
    ),
    "INSERT INTO radcheck VALUES (1, 'rahim', 'Cleartext-Password', ':=', 's3cret')",
    "CREATE TABLE radusergroup (id int, username varchar(64), groupname varchar(64), priority int)",
    "CREATE TABLE radpostauth (username varchar(64), pass varchar(64), reply varchar(32),"
    " authdate datetime(6), class varchar(64))",
)


@pytest.fixture
def mariadb() -> Iterator[MariaDB]:
    """A server of this test's own, with what a login needs."""
    server = MariaDB()
    server.start()
    with closing(server._connect()) as connection:
        cursor = connection.cursor()
        for statement in ("USE radius", *TABLES, "COMMIT"):
            cursor.execute(statement)
    yield server
    server.stop()


def login(server: FreeRADIUS) -> Answer:
    asked = ('User-Name = "rahim"', 'User-Password = "s3cret"')
    return server.ask("auth", *asked, wait_s=4)


def test_who_is_answered_while_the_database_is_away(mariadb: MariaDB) -> None:
    """Nobody, since another server may know better; all again when it is back, with no restart."""
    mariadb.go_away()
    server = FreeRADIUS(mariadb.url("radius")).start()
    try:
        assert login(server) == Answer("")
        mariadb.come_back()
        answers = [login(server).code for _ in range(5)]
        assert "Access-Accept" in answers
        assert "Access-Reject" not in answers
        assert login(server).code == "Access-Accept"
        mariadb.go_away()
        assert login(server) == Answer("")
        mariadb.come_back()
        assert "Access-Accept" in [login(server).code for _ in range(5)]
    finally:
        server.stop()


def test_a_sqlite_path_without_a_file_is_refused_at_the_start(tmp_path: Path) -> None:
    missing = tmp_path / "radius.sqlite3"
    given = {"RADIUS_DB_DIALECT": "sqlite", "RADIUS_DB_NAME": str(missing), "PATH": PATH}
    done = subprocess.run(
        [DEPLOY / "start", "-C"], check=False, capture_output=True, text=True, env=given
    )
    assert done.returncode == 1
    assert f"there is no file {missing}" in done.stderr


FORBIDDEN = (
    *("SELECT 1 FROM radpostauth", "SELECT 1 FROM ispcore_markers"),
    *("DELETE FROM radacct", "DELETE FROM radpostauth", "DELETE FROM radcheck", "DELETE FROM nas"),
    *("UPDATE radcheck SET value = 'x'", "UPDATE radpostauth SET reply = 'x'"),
    *("INSERT INTO radcheck () VALUES ()", "INSERT INTO nas (nasname) VALUES ('10.0.0.9')"),
    *("INSERT INTO radusergroup () VALUES ()", "INSERT INTO radreply () VALUES ()"),
    *("DROP TABLE radacct", "ALTER TABLE radacct ADD x int", "CREATE TABLE more (id int)"),
)


def test_the_login_that_documents_give_it_is_enough_and_no_more(django_db_blocker: Any) -> None:
    """What it may do is said before the portal has made its tables."""
    url = environment.servers().mariadb.create("granted")
    said = subprocess.run(
        [DEPLOY / "grants", "127.0.0.1", "granted"], check=True, capture_output=True, text=True
    ).stdout
    made = "CREATE USER freeradius@'127.0.0.1' IDENTIFIED BY 'only-for-tests'"
    with django_db_blocker.unblock(), as_radius(url) as connection:
        execute(connection, made, *filter(None, map(str.strip, said.split(";"))))
        call_command("migrate", database="radius", verbosity=0)
        Nas.objects.create(address="127.0.0.1", secret=SECRET)
        Check.objects.create(
            username="rahim", attribute="Cleartext-Password", op=":=", value="s3cret"
        )
    given = {"RADIUS_DB_USER": "freeradius", "RADIUS_DB_PASSWORD": "only-for-tests"}
    server = FreeRADIUS(url, settings=given).start()
    try:
        assert login(server).code == "Access-Accept"
        for status in ("Start", "Interim-Update", "Stop", "Accounting-On"):
            about = (f"Acct-Status-Type = {status}", 'User-Name = "rahim"', "Acct-Session-Id = s1")
            assert server.ask("acct", *about).code == "Accounting-Response"
        assert "denied" not in server.log()
    finally:
        server.stop()
    with django_db_blocker.unblock(), as_radius(url) as connection:
        assert [row.stopped_at is None for row in Accounting.objects.all()] == [False]
        assert NasReload.objects.count() == PostAuth.objects.count() == 1
        connection.close()
        connection.settings_dict.update(USER="freeradius", PASSWORD="only-for-tests")
        for statement in FORBIDDEN:
            with pytest.raises(OperationalError, match=r"\(114[24]|command denied"):
                execute(connection, statement)


def test_many_who_dial_at_once_are_all_answered() -> None:
    """After a power cut; what does not fit into the socket is sent again, as routers do."""
    url = environment.servers().mariadb.create("storm")
    with closing(environment.servers().mariadb._connect()) as connection:  # type: ignore[attr-defined]
        cursor = connection.cursor()
        for statement in ("USE storm", *TABLES, "COMMIT"):
            cursor.execute(statement)
    server = FreeRADIUS(url).start()
    try:
        packets = [('User-Name = "rahim"', 'User-Password = "s3cret"')] * 400
        where = f"127.0.0.1:{server.auth_port}"
        answers = radclient(where, "auth", packets, secret=SECRET, at_once=400, tries=4)
        assert [each.code for each in answers].count("Access-Accept") == 400
    finally:
        server.stop()
