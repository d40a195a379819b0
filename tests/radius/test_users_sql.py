"""Users of an existing database as a file to import: what they have, and nobody who was refused."""

import csv
import subprocess
from urllib.parse import urlsplit

import pytest

from tests.harness.databases import Servers
from tests.harness.freeradius import DEPLOY
from tests.radius.test_database import STOCK

ROWS = """
INSERT INTO radcheck (username, attribute, op, value) VALUES
    ('karim', 'Cleartext-Password', ':=', 'a"b,c'), ('karim', 'Expiration', ':=', '31 Dec 2026'),
    ('karim', 'Simultaneous-Use', ':=', '2'), ('karim', 'Calling-Station-Id', '==', '001b21aabbcc'),
    ('lima', 'Cleartext-Password', ':=', 'lima-1'), ('lima', 'Expiration', ':=', '1800000000'),
    ('bob', 'Cleartext-Password', ':=', 'bob-1'), ('bob', 'Expiration', ':=', 'Jan 15 2027 18:00:00'),
    ('jamil', 'Cleartext-Password', ':=', 'jamil'), ('jamil', 'Expiration', ':=', 'some day'),
    ('susp', 'Cleartext-Password', ':=', 'susp-1'), ('susp', 'Auth-Type', ':=', 'Reject'),
    ('off', 'Cleartext-Password', ':=', 'off-1'), ('hash', 'Crypt-Password', ':=', '$1$x$y');
INSERT INTO radreply (username, attribute, op, value) VALUES
    ('karim', 'Framed-IP-Address', ':=', '100.64.9.2'),
    ('karim', 'Delegated-IPv6-Prefix', ':=', '2001:db8:100::/56'),
    ('lima', 'Framed-IP-Address', ':=', '255.255.255.254');
INSERT INTO radusergroup (username, groupname, priority) VALUES
    ('karim', 'gold', 2), ('karim', 'Home 40', 1), ('off', 'disabled', 1);
INSERT INTO radgroupcheck (groupname, attribute, op, value) VALUES
    ('disabled', 'Auth-Type', ':=', 'Reject');
"""


def client(url: str, statements: str, *options: str) -> str:
    """What MariaDB's client prints, with the options that the documents say."""
    at = urlsplit(url)
    login = (f"-h{at.hostname}", f"-P{at.port}", f"-u{at.username}", f"-p{at.password}")
    return subprocess.run(
        ["mariadb", "--no-defaults", *login, *options, "-rNB", at.path.lstrip("/")],
        input=statements,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def exported(url: str, *options: str) -> list[dict[str, str]]:
    written = client(url, (DEPLOY / "users.sql").read_text(), *options)
    return list(csv.DictReader(written.splitlines()))


@pytest.mark.parametrize("collation", ["latin1_swedish_ci", "utf8mb4_unicode_ci"])
def test_who_logs_in_is_written_with_end_devices_and_addresses(
    database_servers: Servers, collation: str
) -> None:
    """Whatever the database compares by: older ones have MariaDB's default of their time."""
    url = database_servers.mariadb.create(f"users_{collation}")
    client(url, f"ALTER DATABASE COLLATE {collation}; {STOCK.read_text()} {ROWS}")
    karim, *others = exported(url)
    assert karim == {
        "username": "karim",
        "package": "Home 40",
        "password": 'a"b,c',
        "expires": "2026-12-31 00:00:00",
        "device_limit": "2",
        "mac": "001b21aabbcc",
        "ipv4": "100.64.9.2",
        "ipv6_prefix": "",
        "delegated_prefix": "2001:db8:100::/56",
    }
    assert [(each["username"], each["expires"], each["ipv4"]) for each in others] == [
        ("lima", "2027-01-15 08:00:00+00:00", ""),
        ("bob", "2027-01-15 18:00:00", ""),
        ("jamil", "some day", ""),
    ]
    all_in_one = exported(url, "--init-command=SET @package = 'Home 80'")
    assert [each["package"] for each in all_in_one] == ["Home 80"] * 4
