"""The portal runs, comes again, survives the death of its parts, and ends without a trace."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.platform.conftest import Portal, surroundings

pytestmark = pytest.mark.journey
PASSWORD = "    password   "

Start = Callable[..., Portal]


def gone(pids: dict[int, str]) -> bool:
    return not any(_lives(pid) for pid in pids)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_second_start_is_silent_and_ctrl_c_leaves_nothing(start_portal: Start) -> None:
    first = start_portal().started()
    assert first.text().count(PASSWORD) == 1
    family = first.children()
    assert {"web", "watch", "qcluster"} <= {
        name for name in ("web", "watch", "qcluster") for line in family.values() if name in line
    }
    assert first.end() == 0
    first.wait_for(lambda: gone(family), within_s=20)

    second = start_portal().started()
    assert PASSWORD not in second.text()
    assert "migrations applied" not in second.text()
    family = second.children()
    assert second.end(signal.SIGTERM) == 0
    second.wait_for(lambda: gone(family), within_s=20)
    assert "Traceback" not in second.text()


def test_every_process_that_is_killed_comes_again(start_portal: Start, tmp_path: Path) -> None:
    portal = start_portal().started()
    portal.wait_for(lambda: portal.beat_of("watch") != "", within_s=60)
    portal.wait_for(lambda: portal.beat_of("jobs default") != "", within_s=60)
    for words in ("ispcore.web", "manage.py watch", "manage.py qcluster"):
        leader = portal.find(words)[0]
        os.kill(leader, signal.SIGKILL)
        portal.wait_for(
            lambda words=words, leader=leader: portal.find(words)[:1] not in ([], [leader]),  # type: ignore[misc]
            within_s=60,
        )
    portal.wait_for(lambda: portal.beat_of("web") != "", within_s=60)
    _works_again(portal, tmp_path / "var", within_s=60)
    assert "signal 9 (Killed); again in 1 s" in portal.text()


def test_workers_that_are_killed_idle_do_not_stop_the_jobs(
    start_portal: Start, tmp_path: Path
) -> None:
    portal = start_portal().started()
    portal.wait_for(lambda: portal.beat_of("jobs default") != "", within_s=60)
    time.sleep(3)  # idle by then
    _leader, guard, *workers = portal.find("manage.py qcluster")
    for worker in workers[:2]:
        os.kill(worker, signal.SIGKILL)
    portal.wait_for(lambda: not _lives(guard), within_s=25)
    _works_again(portal, tmp_path / "var", within_s=60)
    assert "one of its processes is gone" in portal.text()


def test_supervisor_that_is_killed_takes_everything_with_it(start_portal: Start) -> None:
    portal = start_portal().started()
    family = portal.children()
    os.kill(portal.pid, signal.SIGKILL)
    portal.wait_for(lambda: gone(family), within_s=15)


def test_second_portal_on_the_same_var_is_refused(start_portal: Start) -> None:
    start_portal().started()
    second = start_portal()
    second.wait_for(lambda: "runs on" in second.text(), within_s=40)
    assert second._running._process.wait(5) == 1


@pytest.mark.servers
def test_the_same_command_runs_on_postgresql_and_mariadb(
    start_portal: Start, fresh_databases: dict[str, str]
) -> None:
    portal = start_portal(**fresh_databases).started()
    portal.wait_for(lambda: portal.beat_of("jobs default") != "", within_s=60)
    family = portal.children()
    assert portal.end() == 0
    portal.wait_for(lambda: gone(family), within_s=20)
    assert "Traceback" not in portal.text()
    for url in fresh_databases.values():
        assert url.partition("@")[0].rpartition(":")[2] not in portal.text()


def _works_again(portal: Portal, var: Path, *, within_s: float) -> None:
    """A job that is queued now is done: the cluster's heartbeat moves."""
    before = portal.beat_of("jobs default")
    queue = "import django; django.setup(); from ispcore import schedules; schedules.start_now()"
    settings = os.environ.get("DJANGO_SETTINGS_MODULE", "ispcore.settings")
    environment = surroundings(var, DJANGO_SETTINGS_MODULE=settings, ISPCORE_EMBEDDED="1")
    subprocess.run([sys.executable, "-c", queue], check=True, env=environment, timeout=30)
    portal.wait_for(lambda: portal.beat_of("jobs default") not in ("", before), within_s=within_s)
