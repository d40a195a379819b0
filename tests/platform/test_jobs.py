"""Jobs of a period run once, queued ones are not begun without end, and a cluster shows its life."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import override_settings
from django_q.models import Failure, OrmQ, Schedule
from django_q.scheduler import scheduler
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from ispcore import schedules
from ispcore.base import clock, leases, lost_jobs
from ispcore.base.models import Heartbeat, JobLease
from ispcore.jobs import broker
from ispcore.jobs.broker import PULSE, Broker
from ispcore.jobs.members import members

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
Clock = Callable[[datetime], None]


# ---- jobs of a period


def run_evaluate(due_at: datetime) -> str:
    return schedules.run("evaluate", due_at=due_at.isoformat())


def test_a_job_of_a_period_runs_once(frozen_clock: Clock) -> None:
    assert run_evaluate(NOON) == "0 routers and 0 resellers judged"
    assert run_evaluate(NOON) == "done already, or being done"
    lease = JobLease.objects.get(job="job evaluate")
    assert (lease.slot, lease.note) == (NOON, "0 routers and 0 resellers judged")
    assert lease.finished_at is not None


def test_a_job_that_another_host_is_doing_is_left_to_it(frozen_clock: Clock) -> None:
    now = clock.now()
    until = now + timedelta(seconds=50)
    JobLease.objects.create(
        job="job evaluate", slot=NOON, owner="far-away:1", taken_at=now, expires_at=until
    )
    assert run_evaluate(NOON) == "done already, or being done"


def test_a_job_whose_period_is_over_is_dropped_and_counted(
    frozen_clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    frozen_clock(NOON + timedelta(seconds=60))
    assert run_evaluate(NOON) == "0 routers and 0 resellers judged"
    frozen_clock(NOON + timedelta(seconds=121))
    with caplog.at_level(logging.WARNING):
        assert run_evaluate(NOON + timedelta(seconds=60)) == (
            "dropped: 61 s late, and it comes every 60 s"
        )
    assert "evaluate: dropped: 61 s late" in caplog.text
    assert JobLease.objects.count() == 1
    assert lost_jobs.count() == 1
    assert Failure.objects.get().group == "evaluate"


def test_a_job_that_fails_says_so_in_its_record(
    frozen_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_text: str) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(schedules, "import_string", lambda _name: lambda: fail(""))
    with pytest.raises(OperationalError):
        run_evaluate(NOON)
    assert JobLease.objects.get().note == "failed"


def test_a_job_that_is_no_more_is_named() -> None:
    assert schedules.run("old", due_at=NOON.isoformat()) == "old: no such job any more"


@pytest.mark.django_db(transaction=True)
def test_the_scheduler_hands_over_the_period_and_of_two_one_queues_it() -> None:
    schedules.sync()
    Schedule.objects.update(next_run=leases.slot_start(clock.now(), 60))
    Schedule.objects.exclude(name="evaluate").delete()
    scheduler(broker=Broker("default"))
    scheduler(broker=Broker("default"))
    package = broker.unpacked(OrmQ.objects.get().payload)
    assert package is not None
    assert package["args"] == ("evaluate",)
    result = schedules.run(*package["args"], **package["kwargs"])
    assert result == "0 routers and 0 resellers judged"


def test_what_was_due_while_nobody_ran_the_portal_is_due_for_the_present_period(
    frozen_clock: Clock,
) -> None:
    schedules.sync()
    frozen_clock(NOON + timedelta(hours=5, minutes=20))
    schedules.sync()
    rows = dict(Schedule.objects.values_list("name", "next_run"))
    assert rows["discover"] == NOON + timedelta(hours=5)
    assert rows["evaluate"] == NOON + timedelta(hours=5, minutes=20)


# ---- the queue


def queue_a_job() -> OrmQ:
    async_task("time.sleep", 0, q_options={"cluster": "default", "group": "nap"})
    return OrmQ.objects.get()


def taken(queue: Broker) -> list[int]:
    """The rows that are handed to workers, with pulses left out."""
    for _ in range(3):
        found = [key for key, _ in queue.dequeue() or () if key != PULSE]
        if found:
            return found
    return []


def make_due() -> None:
    """As when `retry` is over, without the wait."""
    OrmQ.objects.update(lock=clock.now() - timedelta(seconds=1))


def test_a_job_is_handed_out_once_and_its_tries_are_counted() -> None:
    row = queue_a_job()
    make_due()
    queue = Broker("default")
    assert taken(queue) == [row.pk]
    assert taken(queue) == []
    package = broker.unpacked(OrmQ.objects.get().payload)
    assert package is not None
    assert (package["tries"], package["taken_by"]) == (1, leases.me())


def test_a_job_that_killed_its_worker_twice_is_given_up_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue_a_job()
    for _ in range(settings.Q_CLUSTER["max_attempts"]):
        make_due()
        assert taken(Broker("default"))
    make_due()
    assert taken(Broker("default")) == []
    assert not OrmQ.objects.exists()
    assert "nap: given up: begun 2 times" in caplog.text
    assert lost_jobs.count() == 1


def test_what_a_dead_cluster_of_this_node_had_taken_is_free_at_once() -> None:
    queue_a_job()
    make_due()
    dead = subprocess.Popen(["true"])
    dead.wait()
    queue = Broker("default")
    queue._owner = f"{settings.NODE}:{dead.pid}"
    assert taken(queue)
    assert broker.reclaim("collect") == 0
    assert broker.reclaim("default") == 1
    time.sleep(0.01)
    assert taken(Broker("default"))


def test_what_lives_or_is_elsewhere_keeps_its_jobs() -> None:
    queue_a_job()
    make_due()
    assert taken(Broker("default"))  # by this process, which lives
    assert broker.reclaim("default") == 0
    make_due()
    queue = Broker("default")
    queue._owner = "far-away:1"
    assert taken(queue)
    assert broker.reclaim("default") == 0


def test_a_row_that_was_not_signed_by_us_is_left_for_the_pusher_to_drop() -> None:
    row = OrmQ.objects.create(key="default", payload="forged", lock=clock.now())
    make_due()
    found = Broker("default").dequeue()
    assert found == [(row.pk, "forged")]


@contextmanager
def database_away() -> Iterator[None]:
    def fail(*_args: Any) -> Any:
        raise OperationalError("server closed the connection unexpectedly")

    with connection.execute_wrapper(fail):
        yield


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_ends_neither_pusher_nor_monitor(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(broker, "AWAY_PAUSE_S", 0.0)
    row, queue = queue_a_job(), Broker("default")
    make_due()
    with database_away():
        assert queue.dequeue() is None
        assert queue.dequeue() is None
        queue.acknowledge(row.pk)
    assert caplog.text.count("the database does not answer") == 1
    assert OrmQ.objects.exists()
    queue.acknowledge(PULSE)  # the next pulse makes up for it
    assert not OrmQ.objects.exists()


# ---- the sign of life of a node's cluster


def test_a_pulse_goes_to_our_own_workers_and_becomes_the_heartbeat() -> None:
    queue = Broker("default")
    queue.set_stat("guard", "comes round", 3)
    [(key, payload)] = queue.dequeue() or []
    assert key == PULSE
    package = SignedPackage.loads(payload)
    assert package["func"] == f"{broker.pulse.__module__}.pulse"
    assert not OrmQ.objects.exists()
    assert not Heartbeat.objects.exists()
    queue.acknowledge(key)
    beat = Heartbeat.objects.get()
    assert (beat.name, beat.node) == ("jobs default", settings.NODE)
    assert beat.stale_after_s == schedules.stale_after_s("default")


def test_pulses_come_every_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    queue, now_s = Broker("default"), 1000.0
    monkeypatch.setattr(clock, "monotonic_s", lambda: now_s)
    came = []
    for _ in range(7):
        queue.set_stat("guard", "comes round", 3)
        came.append(bool(queue.dequeue()))
        now_s += broker.PULSE_EVERY_S / 3
    assert came == [True, False, False, True, False, False, True]


def test_there_is_no_pulse_while_the_guard_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    queue, now_s = Broker("default"), 1000.0
    monkeypatch.setattr(clock, "monotonic_s", lambda: now_s)
    queue.set_stat("guard", "comes round", 3)
    now_s += broker.GUARD_WITHIN_S + 1
    assert queue.dequeue() is None
    queue.set_stat("guard", "comes round", 3)
    assert queue.dequeue()


def test_every_job_that_is_done_shows_life_but_not_each_of_many() -> None:
    queue = Broker("default")
    queue.acknowledge(queue_a_job().pk)
    first = Heartbeat.objects.get().beat_at
    queue.acknowledge(queue_a_job().pk)
    assert Heartbeat.objects.get().beat_at == first


@override_settings(EMBEDDED=False)
def test_each_cluster_says_how_long_its_own_jobs_may_hold_it_up() -> None:
    for cluster in settings.CLUSTERS:
        Broker(cluster).acknowledge(PULSE)
    limits = dict(Heartbeat.objects.values_list("name", "stale_after_s"))
    assert limits == {
        schedules.heartbeat_name(each): schedules.stale_after_s(each) for each in settings.CLUSTERS
    }


# ---- who belongs to a cluster


def test_members_are_children_and_their_children(tmp_path: Path) -> None:
    script = tmp_path / "family.py"
    script.write_text(
        "import subprocess, sys, time\n"
        "if sys.argv[1] != '0':\n"
        "    subprocess.Popen([sys.executable, __file__, str(int(sys.argv[1]) - 1)])\n"
        "time.sleep(60)\n"
    )
    leader = subprocess.Popen([sys.executable, str(script), "3"], start_new_session=True)
    try:
        until = time.monotonic() + 20
        while len(members(leader.pid)) < 2:
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(0.3)  # for the one further down, which does not count
        assert len(members(leader.pid)) == 2
    finally:
        os.killpg(leader.pid, 9)
        leader.wait()
