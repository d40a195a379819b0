"""The scripts, on machines that lack something."""

import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.packaging.documents import PROJECT

TEMPORARY = Path(tempfile.gettempdir())
MINIMAL = {"PATH": "/usr/bin:/bin"}
NEEDED = ("script", "constraints.txt", "requirements.txt", "requirements-dev.txt")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout in which nothing was ever installed, usable by any user."""
    for name in (*NEEDED, "requirements-databases.txt"):
        source = PROJECT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o777)
    for parent in itertools.takewhile(lambda path: path != TEMPORARY, tmp_path.parents):
        parent.chmod(0o755)  # pytest's directories are closed to other users
    return tmp_path


def command(path: Path, text: str) -> None:
    """A stand-in for one of the machine's programs."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def bootstrap(
    where: Path, *arguments: str, as_nobody: bool = True, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run it with nothing but a minimal PATH; `bin/` in the checkout stands before it."""
    drop = ["setpriv", "--reuid=65534", "--clear-groups"]
    become = drop if as_nobody and os.geteuid() == 0 else []
    return subprocess.run(
        [*become, where / "script" / "bootstrap", *arguments],
        env={"PATH": f"{where}/bin:/usr/bin:/bin", **environment},
        check=False,
        capture_output=True,
        text=True,
    )


def test_without_root_the_exact_line_is_printed(bare: Path) -> None:
    command(bare / "bin" / "dpkg-query", "exit 1")
    command(bare / "bin" / "apt-get", "echo apt-get was called >&2; exit 9")
    (bare / ".venv").mkdir()
    fake_venv(bare)
    done = bootstrap(bare, "--dev")
    assert done.returncode == 1
    assert "apt-get install --no-install-recommends -y postgresql mariadb-server" in done.stderr
    assert "apt-get was called" not in done.stderr


def test_without_a_python_that_is_new_enough_the_message_says_which_one_is_there(
    bare: Path,
) -> None:
    names = ("python3", "python3.11", "python3.12", "python3.13", "python3.14")
    for name in names:
        command(bare / "bin" / name, 'case "$1" in --version) echo Python 3.9.2;; *) exit 1;; esac')
    done = bootstrap(bare)
    assert done.returncode == 1
    assert "Python 3.11 or newer" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_failing_step_is_named(bare: Path) -> None:
    fake_venv(bare, pip="echo 'no route to the index' >&2; exit 1")
    done = bootstrap(bare)
    assert done.returncode == 1
    assert "no route to the index" in done.stderr
    assert "bootstrap: installing requirements.txt failed" in done.stderr
    assert not (bare / ".venv" / ".bootstrap-run").exists()


def test_a_second_run_does_nothing(bare: Path) -> None:
    fake_venv(bare, pip="echo pip ran; exit 0")
    first = bootstrap(bare)
    started = time.monotonic()
    second = bootstrap(bare)
    assert time.monotonic() - started < 30
    assert "pip ran" in first.stdout
    assert second.stdout.startswith("bootstrap: ready")


def test_changed_requirements_are_installed_again(bare: Path) -> None:
    fake_venv(bare, pip="echo pip ran; exit 0")
    bootstrap(bare)
    (bare / "requirements.txt").write_text("tzdata\n")
    assert "pip ran" in bootstrap(bare).stdout


def test_runs_at_the_same_time_install_once(bare: Path) -> None:
    fake_venv(bare, pip="sleep 0.5; echo pip ran; exit 0")
    runs = [
        subprocess.Popen(
            [bare / "script" / "bootstrap"], env=MINIMAL, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    outputs = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert sum("pip ran" in output for output in outputs) == 1


def fake_venv(where: Path, *, pip: str = "exit 0") -> None:
    """A virtual environment whose pip does what we say; the rest is the machine's Python."""
    directory = where / ".venv" / "bin"
    directory.mkdir(parents=True, exist_ok=True)
    command(
        directory / "python",
        f'if [ "$1 $2" = "-m pip" ]; then {pip}; fi\nexec /usr/bin/python3 "$@"',
    )
    (where / ".venv").chmod(0o777)


def test_an_unknown_benchmark_lists_what_there_is() -> None:
    done = subprocess.run(
        [PROJECT / "script" / "bench", "no_such"],
        env=MINIMAL,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "NAME is one of:" in done.stderr


def test_a_benchmark_ends_with_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    import bench

    bench.emit("collection", {"rows_per_s": 1200.5})
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last.keys() == {"name", "figures", "commit", "time", "load"}
    assert last["figures"] == {"rows_per_s": 1200.5}
