"""FreeRADIUS while its database is away, and with the login that documents give it."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.harness import environment
from tests.harness.databases import MariaDB
from tests.harness.freeradius import SECRET, Answer, FreeRADIUS, radclient

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


def test_the_login_that_documents_give_it_is_enough(mariadb: MariaDB) -> None:
    with closing(mariadb._connect()) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE USER freeradius@'127.0.0.1' IDENTIFIED BY 'only-for-tests'")
        cursor.execute("GRANT SELECT, INSERT, UPDATE ON radius.* TO freeradius@'127.0.0.1'")
    given = {"RADIUS_DB_USER": "freeradius", "RADIUS_DB_PASSWORD": "only-for-tests"}
    server = FreeRADIUS(mariadb.url("radius"), settings=given).start()
    try:
        assert login(server).code == "Access-Accept"
        with closing(mariadb._connect()) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT username, pass, reply FROM radius.radpostauth")
            assert cursor.fetchall() == (("rahim", "", "Access-Accept"),)
    finally:
        server.stop()


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
