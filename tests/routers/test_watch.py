"""Of several `manage.py watch` on one database one pings."""

import os
import signal
import sqlite3
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync

from ispcore.base import clock, leases
from ispcore.base.models import Heartbeat, JobLease
from routers.models import RouterCheck
from routers.operations import watching
from tests.harness.processes import PATH, Running
from tests.routers.conftest import MakePlace

PROJECT = Path(__file__).resolve().parents[2]


def test_a_watch_stands_by_while_another_pings_and_takes_over_when_it_is_gone(
    shared_place: MakePlace,
) -> None:
    shared_place(ping_method="tcp")
    now = clock.now()
    other = JobLease.objects.create(
        job="watch",
        slot=leases.STANDING,
        owner="far-away:1",
        taken_at=now,
        expires_at=now + timedelta(seconds=30),
    )
    async_to_sync(watching.round_of_pings)()
    assert not RouterCheck.objects.exists()
    assert Heartbeat.objects.get(name="watch").note == "stands by"

    other.expires_at = now - timedelta(seconds=1)
    other.save()
    async_to_sync(watching.round_of_pings)()
    assert RouterCheck.objects.filter(state="ok").exists()
    assert Heartbeat.objects.get(name="watch").note == "1 routers pinged"


@pytest.mark.journey
def test_of_two_processes_one_holds_the_lease_and_leaves_it_to_the_other_at_its_end(
    tmp_path: Path,
) -> None:
    environment = {
        "PATH": PATH,
        "ISPCORE_VAR": str(tmp_path),
        "ISPCORE_PROCESS": "watch",
        "WATCH_PERIOD_S": "1",
    }
    passed = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}

    def run(*arguments: str, log: str) -> Running:
        command = [sys.executable, str(PROJECT / "manage.py"), *arguments]
        return Running(command, log=tmp_path / log, environment=environment | passed)

    def holder() -> int:
        with closing(sqlite3.connect(tmp_path / "ispcore.sqlite3")) as database:
            sql = "SELECT owner FROM job_leases WHERE job = 'watch' AND expires_at > ?"
            row = database.execute(sql, [f"{clock.now():%Y-%m-%d %H:%M:%S}"]).fetchone()
        return int(row[0].rpartition(":")[2]) if row else 0

    run("migrate", "--verbosity", "0", log="migrate.log").wait(timeout_s=120)
    watches = [run("watch", log=f"watch{number}.log") for number in (1, 2)]
    try:
        by_pid = {watch.pid: watch for watch in watches}
        watches[0].wait_until(lambda: holder() in by_pid, timeout_s=30)
        first = by_pid.pop(holder())
        (second,) = by_pid.values()
        os.kill(first.pid, signal.SIGTERM)
        first.wait(timeout_s=20)
        second.wait_until(lambda: holder() == second.pid, timeout_s=15)
    finally:
        for watch in watches:
            watch.stop()
