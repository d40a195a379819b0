"""The harness itself: what it starts is real, private, and gone afterwards."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.db import connections
from django.test import Client

from ispcore.base import clock
from tests.harness import environment
from tests.harness.processes import DidNotStart, Running
from tests.harness.snmpd import Agent

if TYPE_CHECKING:
    from selenium import webdriver

    from ispcore.accounts.models import Account


def test_agent_answers_v2c_and_v3_and_refuses_a_wrong_password(snmpd: Agent) -> None:
    where = f"{snmpd.host}:{snmpd.port}"
    v3 = ["-v3", "-u", snmpd.user, "-l", "authPriv", "-a", "SHA", "-x", "AES"]
    right = [*v3, "-A", snmpd.auth_password, "-X", snmpd.priv_password]
    wrong = [*v3, "-A", "wrong-password", "-X", snmpd.priv_password]
    assert "ispcore-test-agent" in _system_name(["-v2c", "-c", snmpd.community, where])
    assert "ispcore-test-agent" in _system_name([*right, where])
    with pytest.raises(subprocess.CalledProcessError):
        _system_name([*wrong, where])


def _system_name(arguments: list[str]) -> str:
    command = ["snmpget", "-r0", "-t2", *arguments, "1.3.6.1.2.1.1.5.0"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_private_databases_keep_the_portals_settings(fresh_databases: dict[str, str]) -> None:
    import environ
    import MySQLdb

    with psycopg.connect(fresh_databases["DATABASE_URL"]) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row == (False, True)
    radius = environ.Env.db_url_config(fresh_databases["RADIUS_DATABASE_URL"])
    mariadb = MySQLdb.connect(
        host=radius["HOST"], port=radius["PORT"], user=radius["USER"], password=radius["PASSWORD"]
    )
    try:
        cursor = mariadb.cursor()
        cursor.execute("SELECT @@tx_isolation, @@time_zone, @@character_set_server")
        assert cursor.fetchone() == ("READ-COMMITTED", "+00:00", "utf8mb4")
    finally:
        mariadb.close()


def test_browser_runs_a_page_offline(chromium: "webdriver.Chrome") -> None:
    chromium.get("data:text/html,<title>here</title><p id=a>1</p>")
    assert chromium.title == "here"
    assert chromium.execute_script("return window.innerWidth") == 1280


def test_a_program_that_ends_early_is_reported_with_its_log(tmp_path: Path) -> None:
    running = Running(["/bin/sh", "-c", "echo no such disk >&2; exit 3"], log=tmp_path / "log")
    with pytest.raises(DidNotStart, match="no such disk"):
        running.wait_until(lambda: False, timeout_s=10)


def test_a_run_that_leaves_an_orphan_fails_and_ends_it(project: Path) -> None:
    orphan = "import subprocess; print(subprocess.Popen(['sleep', '61']).pid)"
    done = subprocess.run(
        [sys.executable, "-m", "tests.harness.run", sys.executable, "-c", orphan],
        check=False,
        cwd=project,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "left running by the tests" in done.stderr
    assert not Path(f"/proc/{int(done.stdout)}").exists()


def test_the_people_are_who_they_say(
    noc: "Account",
    reseller_dhaka: "Account",
    reseller_ctg: "Account",
    client_for: Callable[["Account"], Client],
) -> None:
    assert (noc.is_staff, reseller_dhaka.is_staff) == (True, False)
    assert reseller_dhaka.tenant_id != reseller_ctg.tenant_id
    assert client_for(noc).session["_auth_user_id"] == str(noc.pk)
    assert noc.check_password("noc-password")


def test_a_database_test_may_use_both_databases(db: None) -> None:
    vendors = {alias: connections[alias].vendor for alias in connections}
    expected = {
        "sqlite": {"default": "sqlite", "radius": "sqlite"},
        "postgresql": {"default": "postgresql", "radius": "mysql"},
    }
    assert vendors == expected[environment.VENDOR]
    for alias in connections:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone()[0] == 1


def test_the_clock_stands_until_moved(frozen_clock: Callable[[datetime], None]) -> None:
    assert clock.now() == clock.now() == datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    frozen_clock(datetime(2026, 3, 2, 12, 5, tzinfo=UTC))
    assert clock.now().minute == 5
