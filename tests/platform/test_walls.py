"""The second wall in real processes: without roles, with them later, and with a login for each."""

import http.cookiejar
import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ispcore.base.rls import roles
from tests.harness.databases import PostgreSQL, Servers
from tests.harness.processes import PATH, Running, free_port
from tests.platform.conftest import PROJECT, Portal

Start = Callable[..., Portal]
LINE = "does not keep tenants apart by itself"
KEYS = {
    "SECRET_KEY": "only-for-tests-" + "0123456789abcdef" * 4,
    "FIELD_ENCRYPTION_KEYS": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
}
PEOPLE = """
from ispcore.accounts.models import Account, Tenant
from resellers.models import Reseller
for name in ("dhaka", "ctg"):
    tenant = Tenant.objects.create(name=f"{name} net")
    Reseller.objects.create(tenant=tenant)
    Account.objects.create_user(name, password=f"{name}-password", role="client", tenant=tenant)
"""


@pytest.fixture
def server(database_servers: Servers) -> PostgreSQL:
    assert isinstance(database_servers.postgresql, PostgreSQL)
    return database_servers.postgresql


def manage(var: Path, url: str, *arguments: str) -> str:
    """What `manage.py ...` says, on both channels."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env={"PATH": PATH, "ISPCORE_VAR": str(var), "DATABASE_URL": url, **KEYS},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def test_without_roles_the_portal_runs_and_says_so_and_with_them_the_wall_stands(
    start_portal: Start, server: PostgreSQL, tmp_path: Path
) -> None:
    name = f"plain_{os.getpid()}"
    words = server.make_login(name)
    server.as_superuser(f"CREATE DATABASE {name} OWNER {name}")
    url = f"postgresql://{words}@127.0.0.1:{server.port}/{name}"
    portal = start_portal(DATABASE_URL=url).started()
    assert portal.text().count(LINE) == 1
    assert portal.end() == 0
    assert "Traceback" not in portal.text()
    var = tmp_path / "var"
    assert "base.W003" in manage(var, url, "check", "--database", "default")
    server.as_superuser(roles.sql(name))  # as `manage.py database_roles | psql` does
    portal = start_portal(DATABASE_URL=url).started()
    assert LINE not in portal.text()
    assert "walls between tenants" in portal.text()
    portal.wait_for(lambda: portal.beat_of("jobs default") != "", within_s=20)
    portal.wait_for(lambda: portal.beat_of("collector") != "", within_s=20)
    assert portal.end() == 0
    assert "Traceback" not in portal.text()
    assert "base." not in manage(var, url, "check", "--database", "default")
    with psycopg.connect(url) as connection:
        connection.execute("SET ROLE ispcore_app")
        assert connection.execute("SELECT count(*) FROM accounts").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM alert_rules").fetchone() != (0,)


def test_each_process_with_a_login_of_its_own(server: PostgreSQL, tmp_path: Path) -> None:
    """As docs/production.md recommends: what the web logs in as can take no other role."""
    name = f"apart_{os.getpid()}"
    server.as_superuser(f"CREATE DATABASE {name} OWNER ispcore_owner")
    urls = {
        kind: f"postgresql://{server.make_login(f'{name}_{kind}', role=role)}"
        f"@127.0.0.1:{server.port}/{name}"
        for kind, role in (
            ("migrate", "ispcore_owner"),
            ("web", "ispcore_app"),
            ("worker", "ispcore_worker"),
        )
    }
    var = tmp_path / "var"
    (var / "static").mkdir(parents=True)
    manage(var, urls["migrate"], "migrate", "--no-input")
    manage(var, urls["migrate"], "migrate", "--no-input", "--database", "radius")
    manage(var, urls["migrate"], "sync_schedules")
    manage(var, urls["worker"], "shell", "--command", PEOPLE)
    manage(var, urls["worker"], "series", "--tidy")
    for kind in ("migrate", "worker"):
        assert "base." not in manage(var, urls[kind], "check", "--database", "default")
    _sees_nothing_by_itself(urls["web"])
    port = free_port()
    web = Running(
        [sys.executable, "-m", "ispcore.web", "--port", str(port)],
        log=tmp_path / "web.log",
        environment={
            **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
            **KEYS,
            "PYTHONPATH": str(PROJECT),
            "ISPCORE_VAR": str(var),
            "DATABASE_URL": urls["web"],
        },
    )
    try:
        browser = Browser(port)
        web.wait_until(browser.is_answered, timeout_s=30)
        assert browser.log_in("dhaka") == ["dhaka net"]
    finally:
        web.stop()
    assert "Traceback" not in (tmp_path / "web.log").read_text()


def _sees_nothing_by_itself(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:

        def names() -> list[Any]:
            return connection.execute("SELECT name FROM tenants").fetchall()

        bound = connection.execute(
            "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert bound == (False, False)
        assert names() == []
        ids = connection.execute("SET ispcore.sight = 'all'; SELECT id FROM tenants").nextset()
        assert ids
        connection.execute("SET ispcore.sight = ''")
        connection.execute("SELECT set_config('ispcore.tenant', '1', false)")
        assert len(names()) == 1
        for role in ("ispcore_worker", "ispcore_owner"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SET ROLE {role}")


class Browser:
    """A person at the web process."""

    def __init__(self, port: int) -> None:
        self._url, self._jar = f"http://127.0.0.1:{port}", http.cookiejar.CookieJar()
        cookies = urllib.request.HTTPCookieProcessor(self._jar)
        self._opener = urllib.request.build_opener(cookies)

    def is_answered(self) -> bool:
        with suppress(OSError):
            self._ask("/health/")
            return True
        return False

    def log_in(self, name: str) -> list[str]:
        """Returns the names of the resellers that the API lists afterwards."""
        self._ask("/account/login/")
        token = next(cookie.value for cookie in self._jar if cookie.name == "csrftoken")
        form = {"login": name, "password": f"{name}-password", "csrfmiddlewaretoken": token}
        self._ask("/account/login/", urllib.parse.urlencode(form).encode())
        return [one["name"] for one in json.loads(self._ask("/api/resellers/"))["results"]]

    def _ask(self, path: str, form: bytes | None = None) -> bytes:
        with self._opener.open(f"{self._url}{path}", form, timeout=20) as answer:
            return bytes(answer.read())
