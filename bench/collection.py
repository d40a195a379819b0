"""A whole collection cycle of 1,000 routers with 50 VLANs each, stored durably, against references.

Every VLAN is mapped to a reseller. Between two cycles the lab's uptime and our process's clock
are moved ahead by the same time, so that each cycle finishes a 5-minute bucket of every VLAN.
All sides ask the same fleet in turn. Figures:

`cycle_s`, `cycle_100_s`, `cycle_1000_s`, `cycle_4000_s`: median seconds of a cycle, first question to
last commit (cycle_s is that of 1,000); `growth_4000_vs_1000`: their ratio; `cpu_vs_client`: our
process's CPU from the first question to the commit, over that of a bare gufo-snmp client for the
same values (`cpu_around_s` is what it does before and after); `vs_exporter`: seconds of
prometheus-snmp-exporter for the same fleet, at its best concurrency, over ours; `dead_extra_s`:
how much longer a cycle with 20 % dead routers takes, where a dead one is given up after
`timeout_s`; `rss_mb`: peak of our process; `lab_cpu_share`: CPU of the lab per second of our cycle.
With --routers N all sizes shrink alike.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import emit
from bench.polling.exporter import PROGRAM, Exporter
from bench.polling.side import Side
from lab.fleet.spec import FleetSpec
from lab.fleet.testing import PROJECT, RunningFleet, running_fleet
from tests.harness import databases
from tests.harness.processes import DidNotStart, program

BUCKET_S = 300.0
CYCLES = {"100": 5, "1000": 7, "4000": 3}
DEAD_SHARE, DEAD_CYCLES = 0.2, 2
CONCURRENCIES = (4, 16, 64)  # of the exporter's scrapes
SLOTS = 250  # COLLECT_CONCURRENCY, for both
VALUES = 3
TEMPLATE = "empty"
Cycle = dict[str, float]


class WrongResult(Exception):
    """What was stored is not what the fleet sent: the times mean nothing."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--routers", type=int, default=1_000)
    options.add_argument("--vlans", type=int, default=50)
    given = options.parse_args()
    _install_exporter()
    emit("collection", measure(given.routers, given.vlans))


def _install_exporter() -> None:
    try:
        program(PROGRAM)
    except DidNotStart:
        done = subprocess.run([PROJECT / "script" / "bootstrap", "--bench"], check=False)  # noqa: S603
        if done.returncode:
            sys.exit(done.returncode)


def measure(routers: int, vlans: int) -> dict[str, float]:
    """All figures. Raises WrongResult, SideFailed, BadScrape or DidNotStart."""
    server = databases.PostgreSQL(durable=True)
    with ExitStack() as stack:
        stack.callback(server.stop)
        var = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-var-")))
        server.start()
        fleet = stack.enter_context(running_fleet(FleetSpec(4 * routers, vlans, port=0)))
        bench = Bench(server, fleet, var)
        bench.prepare()
        _say("100 routers")
        small = bench.cycles(max(1, routers // 10), CYCLES["100"])
        _say("1,000 routers and references")
        figures = bench.compare(routers)
        _say("4,000 routers")
        large = bench.cycles(4 * routers, CYCLES["4000"])
    figures |= {
        "cycle_100_s": _median(small, "wall_s"),
        "cycle_1000_s": figures["cycle_s"],
        "cycle_4000_s": _median(large, "wall_s"),
        "growth_4000_vs_1000": _median(large, "wall_s") / figures["cycle_s"],
        "values_per_s": routers * vlans * VALUES / figures["cycle_s"],
        "routers": routers,
        "vlans": vlans,
    }
    return {name: round(value, 3) for name, value in figures.items()}


@dataclass(slots=True)
class Bench:
    """The database server and the fleet that all sides share."""

    server: databases.PostgreSQL
    fleet: RunningFleet
    var: Path

    def prepare(self) -> None:
        """An empty database to copy: migrating takes longer than copying."""
        with self.ours(replace(self.fleet.spec, routers=1), self.server.create(TEMPLATE)) as ours:
            ours.ask("migrate")

    def cycles(self, routers: int, count: int) -> list[Cycle]:
        """So many measured cycles of a fleet of this size."""
        with self._collecting(routers) as collecting:
            return [collecting.cycle() for _ in range(count)]

    def compare(self, routers: int) -> dict[str, float]:
        """Ours and the references in turn, so that a busy moment hits all; then dead routers."""
        spec = replace(self.fleet.spec, routers=routers)
        with (
            self._collecting(routers) as collecting,
            self.bare(spec, self.var / "bare.log") as bare,
            Exporter(spec) as exporter,
        ):
            ours, clients, scrapes = [], [], []
            best = min(CONCURRENCIES, key=lambda n: min(exporter.scrape(n), exporter.scrape(n)))
            bare.ask("cycle")
            for turn in range(CYCLES["1000"]):
                ours.append(collecting.cycle())
                clients.append(bare.ask("cycle"))
                scrapes.append(exporter.scrape(best))
                _say(f"  {turn + 1}: {ours[-1]['wall_s']:.2f} s, exporter {scrapes[-1]:.2f} s")
            rss_mb = ours[-1]["rss_mb"]
            dead = self._with_dead(collecting)
        cycle_s, cpu_s = _median(ours, "wall_s"), _median(ours, "cpu_s")
        return {
            "cpu_vs_client": cpu_s / _median(clients, "cpu_s"),
            "cycle_s": cycle_s,
            "vs_exporter": statistics.median(scrapes) / cycle_s,
            "dead_extra_s": max(one["wall_s"] for one in dead) - cycle_s,
            "timeout_s": dead[0]["timeout_s"],
            "rss_mb": rss_mb,
            "lab_cpu_share": _median(ours, "lab_cpu_s") / cycle_s,
            "cpu_s": cpu_s,
            "cpu_around_s": _median(ours, "cpu_around_s"),
            "client_cpu_s": _median(clients, "cpu_s"),
            "client_s": _median(clients, "wall_s"),
            "exporter_s": statistics.median(scrapes),
            "exporter_concurrency": best,
        }

    def _with_dead(self, collecting: "CollectingFleet") -> list[Cycle]:
        _say("  20 % of them dead")
        self.fleet.set_faults(dead_share=DEAD_SHARE)
        try:
            routers = collecting.spec.routers
            return [
                collecting.cycle(routers - int(routers * DEAD_SHARE)) for _ in range(DEAD_CYCLES)
            ]
        finally:
            self.fleet.set_faults()

    @contextmanager
    def _collecting(self, routers: int) -> Iterator["CollectingFleet"]:
        """Warm: two cycles old, the second of which had a bucket to finish. Checks at the end that
        what was stored is right."""
        spec = replace(self.fleet.spec, routers=routers)
        url = self.server.create(f"bench_{routers}", like=TEMPLATE)
        with self.ours(spec, url) as ours:
            ours.ask("populate")
            collecting = CollectingFleet(ours, self.fleet, spec)
            collecting.first()
            collecting.cycle()
            yield collecting
            collecting.verify()

    @staticmethod
    def bare(spec: FleetSpec, log: Path) -> Side:
        return Side("bench.polling.bare", _json(spec), str(SLOTS), log=log)

    def ours(self, spec: FleetSpec, url: str) -> Side:
        environment = {
            "DATABASE_URL": url,
            "ISPCORE_VAR": str(self.var),
            "SECRET_KEY": "bench",
            "FIELD_ENCRYPTION_KEYS": "A" * 43 + "=",
            "COLLECT_CONCURRENCY": str(SLOTS),
        }
        return Side("bench.polling.ours", _json(spec), log=self.var / "ours.log", **environment)


class CollectingFleet:
    """Our side and the time between its cycles."""

    def __init__(self, ours: Side, fleet: RunningFleet, spec: FleetSpec) -> None:
        self.ours, self.fleet, self.spec = ours, fleet, spec
        self._last_at = 0.0
        self._samples = 0

    def first(self) -> None:
        self._last_at = time.monotonic()
        self._count(self.ours.ask("cycle", step_s=0))

    def cycle(self, routers: int | None = None) -> Cycle:
        """The next one, five minutes after the last; so many routers must bring a sample of each
        VLAN (default: all)."""
        gone_by_s = time.monotonic() - self._last_at
        step_s = max(0.0, BUCKET_S - gone_by_s)
        self._last_at += gone_by_s
        self.fleet.advance(step_s)
        lab_cpu_s = self.fleet.usage()["cpu_s"]
        done = self._count(self.ours.ask("cycle", step_s=step_s))
        expected = self.spec.routers if routers is None else routers
        if done["answered"] != expected or done["buckets"] != expected * self.spec.vlans:
            raise WrongResult(f"{expected} routers expected: {done}")
        return done | {"lab_cpu_s": self.fleet.usage()["cpu_s"] - lab_cpu_s}

    def _count(self, done: dict[str, Any]) -> Cycle:
        self._samples += int(done["buckets"])
        return done

    def verify(self) -> None:
        """Raises WrongResult."""
        found = self.ours.ask("verify")
        counts = {found["samples"], found["resellers_samples"], self._samples}
        if found["wrong"] or not found["full"] or len(counts) != 1:
            raise WrongResult(f"{self._samples} samples were reported: {found}")


def _json(spec: FleetSpec) -> str:
    """What a side needs to know of the fleet (its faults are its own affair)."""
    names = ("routers", "vlans", "port", "first_address", "community", "seed")
    return json.dumps({name: getattr(spec, name) for name in names})


def _median(cycles: list[Any], name: str) -> float:
    return float(statistics.median(one[name] for one in cycles))


def _say(text: str) -> None:
    sys.stderr.write(f"{text} (load {os.getloadavg()[0]:.1f})\n")


if __name__ == "__main__":
    main()
