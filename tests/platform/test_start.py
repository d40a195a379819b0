"""What stops a start is said in one line, before anything was changed."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ispcore.supervisor.prepare import without_password
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
    assert f"--port {port + 1}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("host", ["203.0.113.9", "no-such-host.invalid"])
def test_address_that_is_not_ours_is_named(tmp_path: Path, host: str) -> None:
    done = start(tmp_path / "var", "--host", host, "--port", "8999")
    assert done.returncode == 1
    assert host in done.stderr
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


def test_passwords_are_cut_out_of_urls() -> None:
    assert (
        without_password('bad: "postgresql://me:p:w@host/x" and mysql://a:b@c')
        == 'bad: "postgresql://me:***@host/x" and mysql://a:***@c'
    )
