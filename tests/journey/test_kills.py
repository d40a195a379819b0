"""Whatever of the portal is killed -9, its work goes on within a minute, and nothing is lost.

On one host with SQLite, on one with PostgreSQL and MariaDB, and on two hosts that share these. All
of it at the same time, since most of it is waiting.
"""

import itertools
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.testing import running_lab
from tests.journey import two_hosts
from tests.journey.campaign import (
    BUCKET_S,
    COLLECTOR,
    DYING,
    JOBS,
    PERIOD_S,
    VLANS,
    WATCH,
    WEB,
    WITHIN_S,
    Campaign,
    longest_gap_s,
    network,
)

if TYPE_CHECKING:
    from tests.harness.databases import Servers

pytestmark = [pytest.mark.journey, pytest.mark.servers]
UNREACHABLE_S = 20.0  # so long is a router silent before it alerts, by the rules we ship
ENDED_S = 900.0
DEATHS = 2  # of the router: at the third within ten minutes it would be flapping, another alert


@pytest.fixture(scope="module")
def campaigns(
    database_servers: "Servers", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    """All of them, under way."""

    def databases(name: str) -> dict[str, str]:
        return {
            "DATABASE_URL": database_servers.postgresql.create(name),
            "RADIUS_DATABASE_URL": database_servers.mariadb.create(name),
        }

    planned = {
        "sqlite": (_campaign, {}),
        "postgresql": (_campaign, databases("kills")),
        "two-hosts": (two_hosts.one_takes_over_from_the_other, databases("two_hosts")),
    }
    with ThreadPoolExecutor(len(planned)) as pool:
        yield {
            name: pool.submit(carry_out, tmp_path_factory.mktemp(name), given)
            for name, (carry_out, given) in planned.items()
        }


@pytest.mark.parametrize("vendor", ["sqlite", "postgresql"])
def test_work_goes_on_whatever_is_killed(campaigns: dict[str, Future[None]], vendor: str) -> None:
    campaigns[vendor].result(ENDED_S)


def test_of_two_hosts_one_takes_over_from_the_other(campaigns: dict[str, Future[None]]) -> None:
    campaigns["two-hosts"].result(ENDED_S)


def _campaign(directory: Path, databases: dict[str, str]) -> None:
    with running_lab(network()) as lab:
        attacked = Campaign(lab, var=directory / "var", node="dhaka-1", databases=databases)
        attacked.found_isp()
        with attacked:
            first, began = attacked.first_octets(), time.time()
            _kill_each(attacked)
            _kill_pairs(attacked)
            _kill_the_supervisor(attacked)
            _nothing_is_lost(attacked, first, began)
        for each in attacked.recoveries:
            sys.stdout.write(f"{directory.name}: {each.killed}: {each.seconds:.1f} s\n")
        assert "Traceback" not in attacked.portal.output


def _kill_each(attacked: Campaign) -> None:
    with _router_dies(attacked):
        attacked.attack("watch", [attacked.leader_of("manage.py watch")], [WATCH])
        attacked.attack(
            "an idle worker that waits for the queue lock",
            [attacked.jobs().idle_without_it()],
            [JOBS],
        )
        attacked.attack("web", [attacked.leader_of("ispcore.web")], [WEB])
    attacked.attack("the collector", [attacked.leader_of("manage.py collector")], [COLLECTOR])
    with _router_lives(attacked):
        attacked.attack(
            "an idle worker that holds the queue lock",
            [attacked.jobs().idle_with_the_lock()],
            [JOBS],
        )
    _kill_a_busy_worker(attacked)
    attacked.attack("the guard, which is the scheduler", [attacked.jobs().guard], [JOBS])
    attacked.attack("the pusher", [attacked.jobs().pusher], [JOBS])
    attacked.attack("the monitor", [attacked.jobs().monitor], [JOBS])
    attacked.attack("the cluster's leader", [attacked.jobs().leader], [JOBS])


def _kill_a_busy_worker(attacked: Campaign) -> None:
    """Its job is begun anew at once, and given up when that kills its worker again."""
    attacked.tell("sleep", 120)
    attacked.attack("a busy worker", [attacked.jobs().asleep_in_a_job()], [JOBS])
    attacked.attack("a busy worker again", [attacked.jobs().asleep_in_a_job()], [JOBS])
    attacked.wait(
        "the job is given up",
        lambda: (
            not attacked.records.rows("SELECT id FROM django_q_ormq WHERE lock > '2100-01-01'")
            and [group for group, _ in attacked.tell("runs")["lost"]] == ["sleep"]
        ),
        30,
    )


def _kill_pairs(attacked: Campaign) -> None:
    jobs, watch = attacked.jobs(), attacked.leader_of("manage.py watch")
    attacked.attack(
        "the worker with the lock, and watch", [jobs.idle_with_the_lock(), watch], [JOBS, WATCH]
    )
    jobs, watch = attacked.jobs(), attacked.leader_of("manage.py watch")
    attacked.attack("the guard, and watch", [jobs.guard, watch], [JOBS, WATCH])
    collector, jobs = attacked.leader_of("manage.py collector"), attacked.jobs()
    attacked.attack(
        "the collector, and the cluster's leader", [collector, jobs.leader], [COLLECTOR, JOBS]
    )
    web, jobs = attacked.leader_of("ispcore.web"), attacked.jobs()
    attacked.attack("web, and the cluster's leader", [web, jobs.leader], [WEB, JOBS])


def _kill_the_supervisor(attacked: Campaign) -> None:
    with _router_dies(attacked):
        attacked.attack_supervisor("the supervisor")
    with _router_lives(attacked):
        web = attacked.leader_of("ispcore.web")
        attacked.attack_supervisor("web, and the supervisor", [web])


def _nothing_is_lost(attacked: Campaign, first: dict[str, tuple[int, int]], began: float) -> None:
    bucket_ends = (began // BUCKET_S + 1) * BUCKET_S
    attacked.wait("the end of a bucket", lambda: time.time() > bucket_ends, BUCKET_S)
    attacked.stop_traffic()
    counted = attacked.lab_octets()
    attacked.wait("the last octets", lambda: attacked.last_octets() == counted, PERIOD_S + WITHIN_S)
    assert len(attacked.buckets()) == len(VLANS), "no bucket of a VLAN was stored"
    assert attacked.first_octets() == first, "octets were lost or counted twice"
    for of_mapping in attacked.buckets().values():
        steps = {
            (after - before).total_seconds() for before, after in itertools.pairwise(of_mapping)
        }
        assert steps <= {BUCKET_S}, "a bucket is missing"
    assert longest_gap_s(attacked.reads()) < PERIOD_S + WITHIN_S
    assert longest_gap_s(attacked.ends_of("evaluate")) < PERIOD_S + WITHIN_S
    runs = attacked.tell("runs")
    assert set(runs["runs"].values()) == {1}, "a job of a period ran twice"
    given_up = [group for group, why in runs["lost"] if not _is_made_good(group, why)]
    assert given_up == ["sleep"], f"a job was lost: {runs['lost']}"
    alerts = attacked.alerts()
    assert [state for state, *_ in alerts] == ["resolved"] * DEATHS, f"a false alarm: {alerts}"
    assert attacked.alert_events() == ["opened", "resolved"] * DEATHS


def _is_made_good(group: str, why: str) -> bool:
    """Whether the next one of its period did it: one that came too late, or whose cluster we killed
    twice, be it before a worker had begun it. Of "evaluate" that is seen by when they ended."""
    return group != "sleep" and why.startswith(("dropped: ", "given up: "))


@contextmanager
def _router_dies(attacked: Campaign) -> Iterator[None]:
    """It dies just before what is killed meanwhile; the alert opens in time nevertheless."""
    before, died_at = len(attacked.alerts()), datetime.now(UTC)
    attacked.lab.control("dead", router=DYING)
    yield
    attacked.wait("the alert", lambda: len(attacked.alerts()) > before, UNREACHABLE_S + WITHIN_S)
    state, opened_at, _ = attacked.alerts()[-1]
    assert state == "open"
    assert UNREACHABLE_S <= (opened_at - died_at).total_seconds() + 1 < UNREACHABLE_S + WITHIN_S


@contextmanager
def _router_lives(attacked: Campaign) -> Iterator[None]:
    lives_at = datetime.now(UTC)
    attacked.lab.control("alive", router=DYING)
    yield
    attacked.wait("its end", lambda: attacked.alerts()[-1][0] == "resolved", WITHIN_S)
    resolved_at = attacked.alerts()[-1][2]
    assert resolved_at is not None
    assert (resolved_at - lives_at).total_seconds() < WITHIN_S
