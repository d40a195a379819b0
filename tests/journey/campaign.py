"""A portal with a small network of its own, whose processes are killed one after another."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lab.spec import RouterSpec, VlanSpec
from lab.testing import RunningLab
from lab.traffic import Profile
from routers.counter_states import CounterState, unpack
from tests.harness.processes import PATH
from tests.journey.killing import JobCluster, kill
from tests.journey.portal import Portal
from tests.journey.records import Records, instant

PROJECT = Path(__file__).resolve().parents[2]
WITHIN_S = 60.0  # so soon does work resume by itself
PERIOD_S, BUCKET_S = 60, 300
BUSY, DYING = "utt-edge-01", "nar-edge-01"
VLANS = tuple(f"vlan{number}" for number in (310, 311, 312, 313))
FAST = {"COLLECT_PERIOD_S": str(PERIOD_S), "WATCH_PERIOD_S": "1"}
OF_THE_DYING = (
    "FROM alerts a JOIN alert_rules r ON r.id = a.rule_id"
    f" WHERE r.metric='router.unreachable_s' AND a.subject='{DYING}'"
)
WEB, COLLECTOR, WATCH, JOBS = "web", "collector", "watch", "jobs default"


def network() -> list[RouterSpec]:
    """One router that carries traffic, and one that is only pinged, to die and come back."""
    vlans = [
        VlanSpec(name, int(name[-3:]), "sfp-sfpplus2", Profile(90_000_000, 9_000_000, seed=number))
        for number, name in enumerate(VLANS)
    ]
    return [RouterSpec(BUSY, vlans=tuple(vlans)), RouterSpec(DYING, snmp_port=None)]


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was killed, and how long it took until all of it worked again."""

    killed: str
    seconds: float


class Campaign:
    """One portal under attack; `records` is what its database says."""

    portal: Portal

    def __init__(
        self, lab: RunningLab, *, var: Path, node: str, databases: dict[str, str] | None = None
    ) -> None:
        self.lab, self.var, self.node = lab, var, node
        self._given = {**FAST, "ISPCORE_NODE": node, **(databases or {})}
        self.records = Records(var=var, url=self._given.get("DATABASE_URL", ""))
        self.recoveries: list[Recovery] = []

    # ---- the portal and its ISP

    def found_isp(self) -> None:
        """Set the databases up, and make the ISP of the lab's routers, before anything runs."""
        self._run("ispcore.supervisor.prepare", "--host=127.0.0.1", "--port=1", "--plan-fd=1")
        described = [
            {
                "name": name,
                "address": device.spec.address,
                "api_port": device.api_port,
                "snmp_port": device.snmp_port or 161,
                "snmp_community": device.spec.community if name == BUSY else "",
                "vlans": VLANS if name == BUSY else (),
            }
            for name, device in self.lab.routers.items()
        ]
        self.tell("make", described)

    def __enter__(self) -> "Campaign":
        """Start it, and wait until it is ready and has read every VLAN."""
        self.portal = self._start()
        try:
            self.portal.wait_until_ready()
            self.wait("counters of every VLAN", lambda: len(self.first_octets()) == len(VLANS), 90)
        except BaseException:
            self.portal.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.portal.stop()

    def tell(self, verb: str, *arguments: Any) -> Any:
        """Have the portal's operations do something, see tests/journey/isp.py."""
        return json.loads(self._run("tests.journey.isp", verb, *map(json.dumps, arguments)))

    def _run(self, module: str, *arguments: str) -> str:
        """What a module says that is run as the portal's programs are."""
        surroundings = {"PATH": PATH, "ISPCORE_VAR": str(self.var)} | self._given
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=PROJECT,
            env=surroundings | {"DJANGO_SETTINGS_MODULE": "ispcore.settings"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def wait(self, what: str, holds: Callable[[], object], within_s: float) -> float:
        """Seconds until it holds; fails with the portal's words."""
        began = time.monotonic()
        while not holds():
            took_s = time.monotonic() - began
            assert took_s < within_s, f"{what}: not in {took_s:.0f} s\n{self.portal.output[-6000:]}"
            time.sleep(0.2)
        return time.monotonic() - began

    def jobs(self) -> JobCluster:
        return JobCluster.under(self.portal.pid, self.portal.family())

    def leader_of(self, words: str) -> int:
        return min(pid for pid, line in self.portal.family().items() if words in line)

    # ---- attacks

    def attack(self, what: str, victims: Iterable[int], hit: Sequence[str]) -> None:
        """Kill `victims` and see the programs `hit` work again within a minute."""
        before, began = set(self.portal.family()), time.monotonic()
        kill(victims)
        self._see_life(what, hit, before, began)

    def attack_supervisor(self, what: str, others: Iterable[int] = ()) -> None:
        """Kill it, and what else is named; an operator (or systemd) starts it again at once."""
        before, began = set(self.portal.family()), time.monotonic()
        kill(others)
        assert self.portal.kill() == -9
        self.portal.stop()
        self.portal = self._start()
        self.portal.wait_until_ready()
        self._see_life(what, (WEB, COLLECTOR, WATCH, JOBS), before, began)

    def _see_life(self, what: str, hit: Sequence[str], before: set[int], began: float) -> None:
        def lives(name: str) -> bool:
            pid = self.records.pid_of(name, self.node)
            return pid not in before and pid in self.portal.family()

        self.wait(f"{what}: life", lambda: all(map(lives, hit)), WITHIN_S)
        took_s = time.monotonic() - began
        assert took_s < WITHIN_S, f"{what}: {took_s:.0f} s"
        self.recoveries.append(Recovery(what, took_s))

    # ---- what must be true afterwards

    def first_octets(self) -> dict[str, tuple[int, int]]:
        """Each VLAN's counters at the first reading, by all that was counted since: the last
        reading less the bucket in the making less what is stored. Whatever is lost or counted
        twice moves it.
        """
        states, stored = self._counted(
            "SELECT i.id, i.name,"
            " (SELECT coalesce(sum(in_octets), 0) FROM usage_5m u WHERE u.mapping_id = m.id),"
            " (SELECT coalesce(sum(out_octets), 0) FROM usage_5m u WHERE u.mapping_id = m.id)"
            " FROM router_interfaces i JOIN reseller_router_mapping m ON m.interface_id = i.id"
        )
        return {
            name: (
                states[pk].in_octets - states[pk].bucket_in_octets - int(stored_in),
                states[pk].out_octets - states[pk].bucket_out_octets - int(stored_out),
            )
            for pk, name, stored_in, stored_out in stored
            if pk in states
        }

    def _counted(self, query: str) -> tuple[dict[int, CounterState], list[tuple[Any, ...]]]:
        """The counter states, and what the query finds, as they were together: between two
        questions a collection may store."""
        while True:
            before = self.records.rows("SELECT states FROM router_counters ORDER BY router_id")
            found = self.records.rows(query)
            if before == self.records.rows("SELECT states FROM router_counters ORDER BY router_id"):
                states = [unpack(bytes(packed)) for (packed,) in before]
                return {pk: state for each in states for pk, state in each.items()}, found

    def last_octets(self) -> dict[str, tuple[int, int]]:
        """Each VLAN's counters at the last reading."""
        states, named = self._counted("SELECT id, name FROM router_interfaces")
        return {
            name: (states[pk].in_octets, states[pk].out_octets)
            for pk, name in named
            if pk in states and name in VLANS
        }

    def lab_octets(self) -> dict[str, tuple[int, int]]:
        """What the router itself counted."""
        rows = self.lab.control("status")["routers"][BUSY]["interfaces"]
        return {r["name"]: (r["rx_octets"], r["tx_octets"]) for r in rows if r["name"] in VLANS}

    def stop_traffic(self) -> None:
        for name in VLANS:
            self.lab.control("level", router=BUSY, interface=name, down_bps=0, up_bps=0)

    def buckets(self) -> dict[int, list[datetime]]:
        """The stored 5-minute buckets of each mapping, in order."""
        found: dict[int, list[datetime]] = {}
        query = "SELECT mapping_id, bucket FROM usage_5m ORDER BY mapping_id, bucket"
        for mapping, bucket in self.records.rows(query):
            found.setdefault(mapping, []).append(instant(bucket))
        return found

    def ends_of(self, job: str) -> list[datetime]:
        """When the runs of a job of a period ended."""
        query = f"SELECT finished_at FROM job_leases WHERE job='job {job}' ORDER BY slot"  # noqa: S608
        return [instant(at) for (at,) in self.records.rows(query) if at is not None]

    def reads(self) -> list[datetime]:
        """When the busy router was read."""
        query = "SELECT at FROM router_polls p JOIN router_configs r ON r.id = p.router_id"
        where = f" WHERE r.name='{BUSY}' AND p.result='ok' ORDER BY at"
        return [instant(at) for (at,) in self.records.rows(query + where)]

    def alerts(self) -> list[tuple[str, datetime, datetime | None]]:
        """Of the dying router: state, opening and resolution, in order."""
        query = f"SELECT a.state, a.opened_at, a.resolved_at {OF_THE_DYING} ORDER BY a.opened_at"
        return [
            (state, instant(opened), instant(resolved) if resolved else None)
            for state, opened, resolved in self.records.rows(query)
        ]

    def alert_events(self) -> list[str]:
        query = f"SELECT e.kind {OF_THE_DYING} ORDER BY e.at, e.id"
        events = query.replace(" WHERE", " JOIN alert_events e ON e.alert_id = a.id WHERE")
        return [kind for (kind,) in self.records.rows(events)]

    def _start(self) -> Portal:
        return Portal(PROJECT, var=self.var, environment=self._given)


def longest_gap_s(instants: Sequence[datetime]) -> float:
    """Between two of them, and between the last and now."""
    ends = [*instants[1:], datetime.now(UTC)]
    gaps = [after - before for before, after in zip(instants, ends, strict=True)]
    return max(gaps, default=timedelta()).total_seconds()
