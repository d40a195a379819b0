"""The watch: who is pinged by whom and when, and what it takes to call a router dead."""

import asyncio
import os
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from ispcore.base import clock, leases
from ispcore.base.models import Heartbeat, JobLease
from ispcore.live.models import LiveEvent
from routers.models import Router, RouterCheck, Uplink
from routers.operations import pinging, routers, status
from routers.operations.status import Checked
from routers.operations.watching import Watch, next_tick
from tests.conftest import NOON
from tests.harness.processes import PATH, Running
from tests.routers.conftest import BY, MakePlace, a_round

PROJECT = Path(__file__).resolve().parents[2]
needs_fping = pytest.mark.skipif(shutil.which("fping") is None, reason="fping is not installed")


def some_routers(count: int) -> list[Router]:
    return [
        routers.save(Router(name=f"edge-{n}", address=f"127.0.8.{n}"), by=BY)
        for n in range(1, count + 1)
    ]


def pings() -> dict[str, str]:
    rows = RouterCheck.objects.filter(method="ping").select_related("router")
    return {row.router.name: row.state for row in rows.order_by("router__name")}


# ---- fping stands in for the network: what it answers is written to files


class Air:
    """A stand-in for fping on the path: `answers` are the round trips of the first look, `again`
    those of the probes after a loss."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        script = directory / "fping"
        script.write_text(
            "#!/bin/sh\n"
            f"cd {directory}\n"
            'case "$2" in 1) file=first;; *) file=again;; esac\n'
            "echo x >> calls.$file\n"
            "while read one; do echo $one >> asked.$file; "
            'echo "$one : $(cat $file)"; done\n'
            "while [ $file = again ] && [ -e wait ]; do /bin/sleep 0.05; done; exit 0\n"
        )
        script.chmod(0o755)
        self.says("0.5", again="0.5 0.5 0.5 0.5")

    def says(self, first: str, *, again: str) -> None:
        (self.directory / "first").write_text(first)
        (self.directory / "again").write_text(again)

    def asked(self, file: str) -> list[str]:
        path = self.directory / f"asked.{file}"
        return path.read_text().split() if path.exists() else []

    def forget(self) -> None:
        for path in self.directory.glob("asked.*"):
            path.unlink()


@pytest.fixture
def air(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Air:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return Air(tmp_path)


@pytest.mark.parametrize(
    ("again", "state", "detail", "error"),
    [
        ("- - - -", "failed", "", "no answer to ping"),
        ("- 8 - -", "failed", "", "no answer to ping"),
        ("- 8 - 8", "ok", "3 of 5 lost", ""),
        ("8 8 8 8", "ok", "1 of 5 lost", ""),
    ],
)
def test_a_router_that_was_up_is_gone_when_three_of_four_probes_are_lost_too(
    transactional_db: None, air: Air, again: str, state: str, detail: str, error: str
) -> None:
    some_routers(1)
    a_round()
    air.says("-", again=again)
    a_round()
    row = RouterCheck.objects.get()
    assert (row.state, row.detail, row.error) == (state, detail, error)


def test_who_is_down_is_not_probed_again_and_one_answer_brings_it_back(
    transactional_db: None, air: Air
) -> None:
    some_routers(1)
    air.says("-", again="- - - -")
    a_round()
    air.forget()
    a_round()
    assert (pings(), air.asked("again")) == ({"edge-1": "failed"}, [])
    air.says("0.5", again="- - - -")
    a_round()
    assert (pings(), air.asked("again")) == ({"edge-1": "ok"}, [])


def test_a_failure_counts_from_the_first_loss(transactional_db: None, air: Air) -> None:
    some_routers(1)
    a_round()
    air.says("-", again="- - - -")
    (air.directory / "wait").touch()
    before = clock.now()

    async def lose() -> datetime:
        watch = Watch()
        await watch.round()
        lost_at = clock.now()
        await asyncio.sleep(0.3)
        (air.directory / "wait").unlink()
        await watch.settle()
        return lost_at

    lost_at = async_to_sync(lose)()
    row = RouterCheck.objects.get()
    assert row.state == "failed"
    assert before < row.since < lost_at + timedelta(seconds=0.3) <= row.checked_at


def test_probes_of_a_few_hold_up_nobody_and_are_not_doubled(
    transactional_db: None, air: Air
) -> None:
    """While lost routers are probed again, rounds go on without them."""
    some_routers(3)
    a_round()
    air.says("-", again="- - - -")
    (air.directory / "wait").touch()

    async def three_rounds() -> list[str]:
        watch = Watch()
        await watch.round()
        await asyncio.sleep(0.3)  # probes have begun
        air.forget()
        air.says("0.5", again="- - - -")
        await watch.round()  # ends, though probes wait
        asked = air.asked("first") + air.asked("again")
        (air.directory / "wait").unlink()
        await watch.settle()
        await watch.round()
        return asked

    assert async_to_sync(three_rounds)() == []
    assert set(pings().values()) == {"ok"}  # the third round found them there


@needs_fping
def test_what_says_the_same_is_stored_once_a_minute(
    transactional_db: None, frozen_clock: Callable[[datetime], None]
) -> None:
    some_routers(60)
    watch = Watch()
    a_round(watch)
    first = dict(RouterCheck.objects.values_list("pk", "checked_at"))
    LiveEvent.objects.all().delete()
    refreshed = []
    for seconds in range(10, 70, 10):
        frozen_clock(NOON + timedelta(seconds=seconds))
        a_round(watch)
        now = dict(RouterCheck.objects.values_list("pk", "checked_at"))
        refreshed.append(sum(1 for pk in now if now[pk] == clock.now()))
    assert refreshed == [10] * 6  # a sixth in each round, each of them once
    assert all(first[pk] < at for pk, at in RouterCheck.objects.values_list("pk", "checked_at"))
    assert not LiveEvent.objects.exists()


@needs_fping
def test_a_round_of_hundreds_takes_few_queries(transactional_db: None) -> None:
    """Some of them have their turn to be refreshed and judged."""
    Router.objects.bulk_create(
        Router(name=f"edge-{n}", address=f"127.0.9.{n}") for n in range(1, 251)
    )
    watch = Watch()
    a_round(watch)
    with CaptureQueriesContext(connection) as captured:
        a_round(watch)
    assert len(captured) <= 40


# ---- the grid


@pytest.mark.parametrize(
    ("now_s", "due_s"),
    [(100.0, 110), (105.2, 110), (109.8, 110), (109.99, 120), (110.0, 120), (134.2, 140)],
)
def test_rounds_start_on_a_steady_grid_and_never_pile_up(now_s: float, due_s: float) -> None:
    assert next_tick(100.0, now_s, 10) == pytest.approx(due_s)


# ---- several watches


def another_watch(*, for_s: float) -> JobLease:
    now = clock.now()
    return JobLease.objects.create(
        job="watch/far-away:1",
        slot=leases.STANDING,
        owner="far-away:1",
        taken_at=now,
        expires_at=now + timedelta(seconds=for_s),
    )


@needs_fping
def test_watches_share_the_routers_and_take_over_those_of_one_that_is_gone(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_routers(40)
    other = another_watch(for_s=30)
    a_round()
    ours = set(pings())
    assert 8 < len(ours) < 32
    note = Heartbeat.objects.get(name="watch").note
    assert note.startswith(f"{len(ours)} routers pinged, share ")
    assert note.endswith(" of 2")

    with monkeypatch.context() as patched:  # what the other one does
        patched.setattr("ispcore.base.shares.me", lambda: "far-away:1")
        RouterCheck.objects.all().delete()
        a_round()
    theirs = set(pings())
    assert not ours & theirs
    assert len(ours | theirs) == 40

    JobLease.objects.filter(pk=other.pk).update(expires_at=clock.now() - timedelta(seconds=1))
    a_round()
    assert len(pings()) == 40


def test_a_watch_without_an_uplink_leaves_its_routers_to_another(
    transactional_db: None, air: Air
) -> None:
    some_routers(6)
    a_round()
    another_watch(for_s=300)
    air.says("-", again="- - - -")
    with override_settings(UPLINK_PROBES=["127.0.8.200"]):
        a_round()
        assert Uplink.objects.get().words == "127.0.8.200 does not answer"
        RouterCheck.objects.all().delete()
        a_round()
        assert not RouterCheck.objects.exists()
        assert not JobLease.objects.filter(job=f"watch/{leases.me()}").exists()
        note = Heartbeat.objects.get(name="watch").note
        assert note == "stands aside: our own uplink is gone"
        air.says("0.5", again="0.5 0.5 0.5 0.5")
        a_round()
        a_round()
    assert JobLease.objects.filter(job=f"watch/{leases.me()}").exists()
    assert RouterCheck.objects.filter(state="ok").exists()


def test_without_others_it_keeps_them_and_calls_them_unknown(
    transactional_db: None, air: Air
) -> None:
    some_routers(2)
    a_round()
    air.says("-", again="- - - -")
    with override_settings(UPLINK_PROBES=["127.0.8.200"]):
        a_round()
        a_round()
    assert set(pings().values()) == {"unknown"}
    assert JobLease.objects.filter(job=f"watch/{leases.me()}").exists()


def test_a_watch_that_ends_leaves_its_routers_at_once(transactional_db: None) -> None:
    watch = Watch()
    a_round(watch)
    assert JobLease.objects.filter(job=f"watch/{leases.me()}").exists()
    async_to_sync(watch.end)()
    assert not JobLease.objects.filter(job__startswith="watch/").exists()


def test_a_router_by_tcp_is_probed_by_tcp(shared_place: MakePlace) -> None:
    edge = shared_place(ping_method="tcp")
    a_round()
    edge.control("dead")
    a_round()
    row = edge.check("ping")
    assert (row.state, row.error) == ("failed", "connection refused")
    edge.control("alive")
    a_round()
    assert edge.check("ping").state == "ok"


@pytest.mark.journey
def test_of_two_processes_each_has_its_share_and_one_takes_all_when_the_other_ends(
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

    def owners() -> set[int]:
        with closing(sqlite3.connect(tmp_path / "ispcore.sqlite3")) as database:
            sql = "SELECT owner FROM job_leases WHERE job LIKE 'watch/%' AND expires_at > ?"
            rows = database.execute(sql, [f"{clock.now():%Y-%m-%d %H:%M:%S}"]).fetchall()
        return {int(owner.rpartition(":")[2]) for (owner,) in rows}

    run("migrate", "--verbosity", "0", log="migrate.log").wait(timeout_s=120)
    watches = [run("watch", log=f"watch{number}.log") for number in (1, 2)]
    first, second = watches
    try:
        first.wait_until(lambda: owners() == {first.pid, second.pid}, timeout_s=30)
        os.kill(first.pid, signal.SIGTERM)
        started = time.monotonic()
        first.wait(timeout_s=20)
        assert time.monotonic() - started < 15
        second.wait_until(lambda: owners() == {second.pid}, timeout_s=5)
        assert not (tmp_path / "watch1.log").read_text().count("Traceback")
    finally:
        for watch in watches:
            watch.stop()


def test_no_answer_to_a_person_who_tests_is_the_same_as_to_the_watch(
    transactional_db: None, air: Air
) -> None:
    router = some_routers(1)[0]
    air.says("-", again="-")
    status.record([Checked(router, "ping", ok=False, error=pinging.NO_ANSWER)])
    before = RouterCheck.objects.get().since
    a_round()
    assert RouterCheck.objects.get().since == before
