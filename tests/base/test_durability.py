"""Settings with which a database loses what it has acknowledged are named, by the server itself."""

from pathlib import Path
from typing import Any

from ispcore.base import durability
from ispcore.base.checks import what_is_acknowledged_is_kept
from tests.radius.conftest import CLOSED, as_radius


def found() -> dict[str, str]:
    return {each.name: each.value for each in durability.unsafe("radius")}


def test_postgresql(fresh_databases: dict[str, str], django_db_blocker: Any) -> None:
    """The harness' servers are quick, and keep nothing."""
    with django_db_blocker.unblock(), as_radius(fresh_databases["DATABASE_URL"]) as connection:
        off = dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off")
        assert found() == off
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = local")
        assert found().keys() == {"fsync", "full_page_writes"}


def test_mariadb(fresh_databases: dict[str, str], django_db_blocker: Any) -> None:
    with (
        django_db_blocker.unblock(),
        as_radius(fresh_databases["RADIUS_DATABASE_URL"]) as connection,
    ):
        assert found() == {"innodb_flush_log_at_trx_commit": "0", "innodb_doublewrite": "OFF"}
        with connection.cursor() as cursor:
            cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
            try:
                assert found().keys() == {"innodb_doublewrite"}
            finally:
                cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 0")


def test_sqlite_as_the_portal_opens_it_is_safe(tmp_path: Path, django_db_blocker: Any) -> None:
    with (
        django_db_blocker.unblock(),
        as_radius(f"sqlite:///{tmp_path / 'radius.sqlite3'}") as connection,
    ):
        assert found() == {}
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous = NORMAL")
            cursor.execute("PRAGMA journal_mode = MEMORY")
        assert found() == {"synchronous": "1", "journal_mode": "memory"}


def test_the_check_names_setting_and_value_and_what_to_set(
    fresh_databases: dict[str, str], django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock(), as_radius(fresh_databases["RADIUS_DATABASE_URL"]):
        said = what_is_acknowledged_is_kept(None, databases=["radius"])
        assert [(each.id, each.level) for each in said] == [("durability.W001", 30)] * 2
        assert said[0].msg == (
            "radius: innodb_flush_log_at_trx_commit is 0: what was acknowledged may be lost when the "
            "machine stops"
        )
        assert str(said[0].hint).startswith("set innodb_flush_log_at_trx_commit = 1")
        assert what_is_acknowledged_is_kept(None, databases=None) == []


def test_of_a_database_that_is_away_nothing_is_said(django_db_blocker: Any) -> None:
    with django_db_blocker.unblock(), as_radius(CLOSED):
        assert what_is_acknowledged_is_kept(None, databases=["radius"]) == []
