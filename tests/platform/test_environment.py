"""Settings that cannot be used are refused in one line that names the variable."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.platform.conftest import PROJECT, surroundings


def manage(
    var: Path, *arguments: str, options: str = "-B", **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, options, str(PROJECT / "manage.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=surroundings(var, **environment),
    )


@pytest.mark.parametrize(
    ("variable", "value", "hint"),
    [
        ("ISPCORE_TIME_ZONE", "EAT", "Africa/Nairobi"),
        ("COLLECT_PERIOD_S", "soon", "whole number"),
        ("COLLECT_PERIOD_S", "90", "60 to 300"),
        ("SNMP_ENGINE", "pysnmp", "gufo or easysnmp"),
        ("UPLINK_PROBES", "10.0.0.1, core.example.net", "'core.example.net' is no IP address"),
        ("PUBLIC_URL", "portal.example.net", "https://portal.example.net"),
        ("FIELD_ENCRYPTION_KEYS", "opensesame", "32 bytes"),
        ("DATABASE_URL", "opensesame", "kind://user:password@host/name"),
        ("DATABASE_URL", "postgresql://ispcore:open/sesame@host/name", "%2F"),
        ("RADIUS_DATABASE_URL", "mariadb://ispcore:opensesame@host/name", "mysql"),
        ("SECRET_KEY_FILE", "/no/such/file", "cannot read /no/such/file"),
    ],
)
def test_variable_that_cannot_be_used_is_named(
    tmp_path: Path, variable: str, value: str, hint: str
) -> None:
    done = manage(tmp_path / "var", "check", **{variable: value})
    assert done.returncode == 1
    assert variable in done.stderr
    assert hint in done.stderr
    assert "sesame" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_empty_variable_is_as_good_as_none(tmp_path: Path) -> None:
    names = ("ALLOWED_HOSTS", "ISPCORE_TIME_ZONE", "COLLECT_PERIOD_S", "DATABASE_URL")
    say = "from django.conf import settings as s; print(s.ALLOWED_HOSTS, s.TIME_ZONE)"
    done = manage(tmp_path / "var", "shell", "-v0", "-c", say, **dict.fromkeys(names, ""))
    assert done.stdout == "['localhost', '127.0.0.1', '[::1]'] UTC\n"


def test_python_without_django_is_told_which_one_to_take(tmp_path: Path) -> None:
    done = manage(tmp_path / "var", "check", options="-S")
    assert done.returncode == 1
    assert ".venv/bin/python manage.py" in done.stderr
    assert done.stderr.count("\n") == 1


def test_database_that_is_away_is_told_in_one_line(tmp_path: Path) -> None:
    url = "postgresql://ispcore:opensesame@127.0.0.1:1/ispcore"
    done = manage(tmp_path / "var", "create_admin", DATABASE_URL=url)
    assert done.returncode == 1
    assert "the database refuses" in done.stderr
    assert "sesame" not in done.stderr
    assert done.stderr.count("\n") == 1
