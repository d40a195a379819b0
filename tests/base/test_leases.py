"""At most one run of a job per slot, whoever starts it and however often."""

import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.test import override_settings

from ispcore.base import clock, leases
from ispcore.base.models import Heartbeat, JobLease

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
Clock = Callable[[datetime], None]


def test_slots_lie_on_a_grid_from_the_epoch() -> None:
    assert leases.slot_start(datetime(2026, 3, 2, 12, 4, 59, tzinfo=UTC), 300) == NOON


def test_a_slot_is_taken_once(db: None, frozen_clock: Clock) -> None:
    assert leases.take("collect", slot=NOON, ttl_s=300) is not None
    assert leases.take("collect", slot=NOON, ttl_s=300) is None
    assert leases.take("discover", slot=NOON, ttl_s=300) is not None


def test_a_finished_slot_is_never_taken_again(db: None, frozen_clock: Clock) -> None:
    lease = leases.take("collect", slot=NOON, ttl_s=300)
    assert lease is not None
    leases.finish(lease, note="3 of 3 routers answered")
    frozen_clock(NOON + timedelta(hours=1))
    assert leases.take("collect", slot=NOON, ttl_s=300) is None
    assert JobLease.objects.get().note == "3 of 3 routers answered"


def test_a_slot_whose_holder_died_elsewhere_is_taken_over_when_the_lease_ends(
    db: None, frozen_clock: Clock
) -> None:
    assert leases.take("collect", slot=NOON, ttl_s=60) is not None
    JobLease.objects.update(owner="far-away:1")
    frozen_clock(NOON + timedelta(seconds=60))
    assert leases.take("collect", slot=NOON, ttl_s=60) is None
    frozen_clock(NOON + timedelta(seconds=61))
    assert leases.take("collect", slot=NOON, ttl_s=60) is not None


def test_a_holder_whose_lease_lapsed_cannot_finish_the_run_of_another(
    db: None, frozen_clock: Clock
) -> None:
    slow = leases.take("collect", slot=NOON, ttl_s=60)
    frozen_clock(NOON + timedelta(seconds=61))
    assert leases.take("collect", slot=NOON, ttl_s=60) is not None
    assert slow is not None
    leases.finish(slow)
    assert JobLease.objects.get().finished_at is None


def test_of_ten_that_start_at_once_one_runs(transactional_db: None) -> None:
    won: list[bool] = []
    start = threading.Barrier(10)

    def run() -> None:
        start.wait()
        won.append(leases.take("collect", slot=NOON, ttl_s=300) is not None)
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 9 + [True]


def test_old_leases_are_forgotten_and_fresh_ones_kept(db: None, frozen_clock: Clock) -> None:
    leases.take("collect", slot=NOON - timedelta(days=3), ttl_s=1)
    leases.take("collect", slot=NOON, ttl_s=1)
    assert leases.forget() == 1
    assert JobLease.objects.get().slot == NOON


def test_a_heartbeat_is_one_row_that_moves(db: None, frozen_clock: Clock) -> None:
    leases.beat("watch", started_at=NOON)
    frozen_clock(NOON + timedelta(seconds=10))
    leases.beat("watch", started_at=NOON, note="3 routers")
    row = Heartbeat.objects.get()
    assert (row.beat_at - row.started_at, row.note) == (timedelta(seconds=10), "3 routers")
    assert str(row) == f"watch on {settings.NODE}"
    assert clock.now() == row.beat_at


def test_processes_of_one_kind_on_two_nodes_show_life_apart(db: None, frozen_clock: Clock) -> None:
    leases.beat("watch", started_at=NOON)
    with override_settings(NODE="far-away"):
        frozen_clock(NOON + timedelta(seconds=100))
        leases.beat("watch", started_at=NOON)
    stale = {row.node: row.is_stale(clock.now()) for row in Heartbeat.objects.all()}
    assert stale == {settings.NODE: True, "far-away": False}


def test_who_ends_in_good_order_takes_its_own_sign_of_life_back(
    db: None, frozen_clock: Clock
) -> None:
    leases.beat("watch", started_at=NOON)
    with override_settings(NODE="far-away"):
        leases.beat("watch", started_at=NOON)
    leases.retire("watch")
    assert [row.node for row in Heartbeat.objects.all()] == ["far-away"]


def test_who_vanished_is_forgotten_after_a_day(db: None, frozen_clock: Clock) -> None:
    leases.beat("watch", started_at=NOON)
    frozen_clock(NOON + timedelta(hours=24))
    assert leases.forget_silent() == 0
    frozen_clock(NOON + timedelta(hours=25))
    assert leases.forget_silent() == 1


# ---- who died is known on its own node


def _owner(pid: int, node: str | None = None) -> str:
    return f"{node or settings.NODE}:{pid}"


def test_a_process_that_lives_is_not_gone_and_a_dead_one_is() -> None:
    sleeper = subprocess.Popen(["sleep", "60"])
    since = clock.now()
    assert not leases.is_gone(_owner(sleeper.pid), since=since)
    sleeper.kill()
    assert sleeper.wait() == -9
    assert leases.is_gone(_owner(sleeper.pid), since=since)
    assert not leases.is_gone(_owner(sleeper.pid, "far-away"), since=since)


def test_another_process_with_the_number_of_a_dead_one_is_known_by_its_start() -> None:
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        assert not leases.is_gone(_owner(sleeper.pid), since=clock.now())
        assert leases.is_gone(_owner(sleeper.pid), since=clock.now() - timedelta(days=3))
        sleeper.kill()


def test_nobody_thinks_himself_gone_whatever_his_clock_says() -> None:
    assert not leases.is_gone(leases.me(), since=clock.now() - timedelta(days=3))


def test_a_slot_whose_holder_was_killed_on_this_node_is_free_at_once(db: None) -> None:
    slot = leases.slot_start(clock.now(), 300)
    assert leases.take("evaluate", slot=slot, ttl_s=60) is not None
    assert leases.take("evaluate", slot=slot, ttl_s=60) is None
    dead = subprocess.Popen(["true"])
    dead.wait()
    JobLease.objects.update(owner=_owner(dead.pid))
    assert leases.take("evaluate", slot=slot, ttl_s=60) is not None
    assert JobLease.objects.get().owner == leases.me()
