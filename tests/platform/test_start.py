"""What stops a start is said in one line, before anything was changed."""

import json
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.http import JsonResponse
from django.test import RequestFactory, override_settings

from ispcore import health
from ispcore.supervisor import prepare
from tests.harness.environment import VENDOR
from tests.platform.conftest import surroundings


def start(var: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ispcore.supervisor", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=surroundings(var, **environment),
    )


def test_port_in_use_is_named_and_nothing_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = start(tmp_path / "var", "--port", str(port))
    assert done.returncode == 1
    assert f"port {port} of 127.0.0.1" in done.stderr
    assert "--port 8010" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("port", ["99999", "0", "-1", "http"])
def test_number_that_is_no_port_is_refused(tmp_path: Path, port: str) -> None:
    done = start(tmp_path / "var", f"--port={port}")
    assert done.returncode == 2
    assert f"'{port}' is no port" in done.stderr
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("host", ["203.0.113.9", "no-such-host.invalid"])
def test_address_that_is_not_ours_is_named(tmp_path: Path, host: str) -> None:
    done = start(tmp_path / "var", "--host", host, "--port", "8999")
    assert done.returncode == 1
    assert host in done.stderr
    assert "--host" in done.stderr
    assert done.stderr.count("\n") == 1


def test_var_that_cannot_be_written_is_named(tmp_path: Path, free_port: int) -> None:
    (tmp_path / "file").write_text("in the way")
    done = start(tmp_path / "file" / "var", "--port", str(free_port))
    assert done.returncode == 1
    assert str(tmp_path / "file" / "var") in done.stderr
    assert "ISPCORE_VAR" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("DATABASE_URL", "postgresql://ispcore:opensesame@127.0.0.1:1/ispcore"),
        ("RADIUS_DATABASE_URL", "mysql://ispcore:opensesame@127.0.0.1:1/radius"),
        ("DATABASE_URL", "sqlite:////no/such/directory/portal.sqlite3"),
    ],
)
def test_database_that_is_away_is_named_without_its_password(
    tmp_path: Path, free_port: int, variable: str, url: str
) -> None:
    done = start(tmp_path / "var", "--port", str(free_port), **{variable: url})
    assert done.returncode == 1
    said = done.stderr
    assert variable in said
    assert url.rpartition("@")[2].removeprefix("sqlite:///") in said
    assert "opensesame" not in said + done.stdout
    assert said.count("\n") == 1


@pytest.mark.one_database
@pytest.mark.django_db(databases=["default", "radius"])
def test_tables_of_another_version_are_left_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    made = MigrationRecorder(connections["default"])
    made.record_applied("base", "0099_of_a_newer_one")
    assert prepare.missing_migrations("default") == 0
    assert "newer version" in capsys.readouterr().out
    for name in sorted(name for app, name in made.applied_migrations() if app == "subscribers"):
        made.record_unapplied("subscribers", name)
    with pytest.raises(prepare.CannotStart, match=r"base\.0099_of_a_newer_one.*ISPCORE_VAR"):
        prepare.migrate()
    made.record_unapplied("base", "0099_of_a_newer_one")
    made.record_unapplied("accounts", "0001_tenants_and_accounts")
    with pytest.raises(prepare.CannotStart, match=r"before its dependency.*ISPCORE_VAR"):
        prepare.migrate()


def test_passwords_are_cut_out_of_urls() -> None:
    assert (
        prepare.without_password('bad: "postgresql://me:p:w@host/x" and mysql://a:b@c')
        == 'bad: "postgresql://me:***@host/x" and mysql://a:***@c'
    )


@override_settings(ALLOWED_HOSTS=["localhost", "127.0.0.1"])
def test_listening_for_others_without_a_name_is_hinted_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepare.hint_at_names("127.0.0.1")
    assert capsys.readouterr().out == ""
    prepare.hint_at_names("0.0.0.0")  # noqa: S104 - what people type
    assert "PUBLIC_URL" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("allowed", "asked"),
    [
        (["portal.example.net", "x"], "portal.example.net"),
        ([".example.net"], "example.net"),
        (["*"], "localhost"),
        ([], "localhost"),
    ],
)
def test_supervisor_asks_the_web_process_by_a_name_that_is_allowed(
    allowed: list[str], asked: str
) -> None:
    with override_settings(ALLOWED_HOSTS=allowed):
        assert prepare.host_name() == asked


def test_production_runs_one_cluster_for_each_kind_of_job() -> None:
    with override_settings(EMBEDDED=False):
        programs = {one.name: one for one in prepare.programs(demo=False, host="h", port=1)}
    clusters = {"jobs collect", "jobs provision", "jobs default"}
    assert set(programs) == {"web", "collector", "watch"} | clusters
    # django-q reads its cluster's name from the environment when it is imported
    assert programs["jobs collect"].environment["Q_CLUSTER_NAME"] == "collect"


@pytest.mark.django_db(databases=["default", "radius"])
def test_health_tells_that_the_database_is_away() -> None:
    nowhere = "/no/such/directory/portal" if VENDOR == "sqlite" else "no_such_database"

    def ask() -> JsonResponse:
        """Each thread has connections of its own; this one's leads nowhere."""
        lost = connections["default"]
        lost.settings_dict = {**lost.settings_dict, "NAME": nowhere}
        try:
            return health.health(RequestFactory().get("/health/"))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(ask).result()
    assert answer.status_code == 503
    assert json.loads(answer.content)["databases"] == {"default": "away", "radius": "ok"}
