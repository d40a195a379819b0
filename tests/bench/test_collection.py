"""The parts of `script/bench collection` on five routers: what it measures is what it says."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bench.collection import Bench, CollectingFleet, WrongResult
from bench.polling.exporter import PROGRAM, BadScrape, Exporter
from bench.polling.side import Side, SideFailed
from lab.fleet.spec import FleetSpec
from lab.fleet.testing import RunningFleet, running_fleet
from tests.harness.databases import PostgreSQL

pytestmark = pytest.mark.servers
ROUTERS, VLANS = 5, 20


@pytest.fixture(scope="module")
def fleet() -> Iterator[RunningFleet]:
    with running_fleet(FleetSpec(ROUTERS, VLANS, port=0)) as running:
        yield running


@pytest.fixture
def bench(fleet: RunningFleet, tmp_path: Path) -> Iterator[Bench]:
    server = PostgreSQL(durable=True)
    try:
        server.start()
        yield Bench(server, fleet, tmp_path)
    finally:
        server.stop()


def shown(url: str, setting: str) -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SHOW {setting}").fetchone()
    return row and row[0]


def test_each_cycle_stores_a_right_sample_of_every_vlan_durably(bench: Bench) -> None:
    url = bench.server.create("five")
    assert [shown(url, name) for name in ("fsync", "synchronous_commit")] == ["on", "on"]
    spec = bench.fleet.spec
    with bench.ours(spec, url) as ours:
        ours.ask("migrate")
        ours.ask("populate")
        collecting = CollectingFleet(ours, bench.fleet, spec)
        collecting.first()
        done = [collecting.cycle() for _ in range(2)]
        assert [(one["answered"], one["buckets"]) for one in done] == [
            (ROUTERS, ROUTERS * VLANS)
        ] * 2
        assert all(0 < one["cpu_s"] < 60 and one["rss_mb"] > 30 for one in done)
        collecting.verify()

        bench.fleet.set_faults(dead_share=0.2)
        try:
            slow = collecting.cycle(ROUTERS - 1)
            with pytest.raises(WrongResult, match="5 routers expected"):
                collecting.cycle()
        finally:
            bench.fleet.set_faults()
        assert slow["wall_s"] > 0.9 * slow["timeout_s"] > 0
    with bench.ours(replace(spec, seed=2), url) as stranger:
        found = stranger.ask("verify")
        assert found["wrong"] == found["full"] > ROUTERS * VLANS


def test_the_bare_client_reads_every_value(fleet: RunningFleet, tmp_path: Path) -> None:
    with Bench.bare(fleet.spec, tmp_path / "bare.log") as bare:
        done = bare.ask("cycle")
    assert done["values"] == ROUTERS * (4 * VLANS + 2 * 2)
    assert 0 < done["cpu_s"] < 5


@pytest.mark.skipif(
    shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is missing: script/bootstrap --bench"
)
def test_the_exporter_gives_every_value_or_its_time_does_not_count(fleet: RunningFleet) -> None:
    with Exporter(fleet.spec) as exporter:
        before = fleet.usage()["requests"]
        assert 0 < exporter.scrape(4) < 10
        assert fleet.usage()["requests"] - before >= 4 * ROUTERS
        more = replace(fleet.spec, vlans=VLANS + 1)
        exporter.spec = more
        with pytest.raises(BadScrape):
            exporter.scrape(4)


def test_a_side_that_ends_is_named_with_what_it_said(tmp_path: Path) -> None:
    with (
        Side("bench.polling.bare", "no JSON", "1", log=tmp_path / "log") as side,
        pytest.raises(SideFailed, match=r"bench\.polling\.bare: cycle: (.|\n)*JSONDecodeError"),
    ):
        side.ask("cycle")
