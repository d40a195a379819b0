"""The embedded database files are for our user's eyes only."""

import sqlite3
from pathlib import Path

from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper

from ispcore.base.sqlite import keep_private


def opened(path: Path) -> DatabaseWrapper:
    settings = connections["default"].settings_dict | {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL;"},
    }
    return DatabaseWrapper(settings, "default")


def test_a_new_database_is_made_private_with_its_log(db: None, tmp_path: Path) -> None:
    connection = opened(tmp_path / "portal.sqlite3")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (x)")
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    connection.close()
    assert modes == {f"portal.sqlite3{suffix}": 0o600 for suffix in ("", "-wal", "-shm")}


def test_a_database_that_was_open_to_others_is_closed_to_them(db: None, tmp_path: Path) -> None:
    file = tmp_path / "portal.sqlite3"
    sqlite3.connect(file).close()
    file.chmod(0o644)
    connection = opened(file)
    connection.ensure_connection()
    connection.close()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_database_in_memory_has_no_file(tmp_path: Path) -> None:
    connection = opened(tmp_path)
    connection.settings_dict["NAME"] = ":memory:"
    keep_private(connection=connection)
    assert list(tmp_path.iterdir()) == []
