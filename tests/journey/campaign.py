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
WEB, WATCH, JOBS = "web", "watch", "jobs default"


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

    def __init__(
        self, lab: RunningLab, *, var: Path, node: str, databases: dict[str, str] | None = None
    ) -> None:
        self.lab, self.var, self.node = lab, var, node
        self._given = {**FAST, "ISPCORE_NODE": node, **(databases or {})}
        self.records = Records(var=var, url=self._given.get("DATABASE_URL", ""))
        self.recoveries: list[Recovery] = []
        self.portal = self._start()

    # ---- the portal and its ISP

    def settle(self) -> None:
        """Wait until it is ready, make the ISP, and see the first counters of every VLAN."""
        self.portal.wait_until_ready()
        devices = self.lab.routers
        described = [
            {
                "name": name,
                "address": device.spec.address,
                "api_port": device.api_port,
                "snmp_port": device.snmp_port or 161,
                "snmp_community": device.spec.community if name == BUSY else "",
                "vlans": VLANS if name == BUSY else (),
            }
            for name, device in devices.items()
        ]
        self.tell("make", described)
        self.wait("counters of every VLAN", lambda: len(self.first_octets()) == len(VLANS), 90)

    def tell(self, verb: str, *arguments: Any) -> Any:
        """Have the portal's operations do something, see tests/journey/isp.py."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.journey.isp", verb, *map(json.dumps, arguments)],
            cwd=PROJECT,
            env=self.portal.environment() | {"DJANGO_SETTINGS_MODULE": "ispcore.settings"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

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
        self._see_life(what, (WEB, WATCH, JOBS), before, began)

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
        found = self.records.rows(
            "SELECT i.name, c.in_octets, c.out_octets, c.bucket_in_octets, c.bucket_out_octets,"
            " (SELECT coalesce(sum(in_octets), 0) FROM usage_5m u WHERE u.mapping_id = m.id),"
            " (SELECT coalesce(sum(out_octets), 0) FROM usage_5m u WHERE u.mapping_id = m.id)"
            " FROM interface_counters c JOIN router_interfaces i ON i.id = c.interface_id"
            " JOIN reseller_router_mapping m ON m.interface_id = i.id"
        )
        return {
            name: (in_ - open_in - int(stored_in), out - open_out - int(stored_out))
            for name, in_, out, open_in, open_out, stored_in, stored_out in found
        }

    def last_octets(self) -> dict[str, tuple[int, int]]:
        """Each VLAN's counters at the last reading."""
        found = self.records.rows(
            "SELECT i.name, c.in_octets, c.out_octets FROM interface_counters c"
            " JOIN router_interfaces i ON i.id = c.interface_id"
        )
        return {name: (in_, out) for name, in_, out in found if name in VLANS}

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
