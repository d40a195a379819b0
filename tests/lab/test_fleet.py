"""A fleet in its own process, read by clients that were written by others."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gufo.snmp import SnmpVersion
from gufo.snmp.aio import SnmpSession

from lab.fleet.server import Fleet
from lab.fleet.spec import Faults, FleetSpec
from lab.fleet.testing import PROJECT, FleetDidNotStart, RunningFleet, running_fleet
from lab.verbs import BadControl
from tests.harness.processes import free_port, program

pytestmark = pytest.mark.servers
SEED = 7
SYS_UP_TIME = "1.3.6.1.2.1.1.3.0"
SYS_NAME = "1.3.6.1.2.1.1.5.0"
HC_IN, HC_OUT = "1.3.6.1.2.1.31.1.1.1.6", "1.3.6.1.2.1.31.1.1.1.10"


@pytest.fixture(scope="module")
def fleet() -> Iterator[RunningFleet]:
    with running_fleet(FleetSpec(300, port=0, seed=SEED)) as running:
        yield running


def octets(router: int, vlan: int, direction: str, ticks: int) -> int:
    """The law of the README, written apart from the fleet."""
    chance = zlib.crc32(f"{SEED}/{router}/{vlan}/{direction}".encode())
    return 2**56 + (1250 + chance % 248_750) * ticks


def net_snmp(fleet: RunningFleet, tool: str, router: int, *words: str) -> str:
    """What the tool printed; raises AssertionError with its complaint."""
    agent = f"udp:{fleet.spec.address(router)}:{fleet.spec.port_of(router)}"
    command = [program(tool), "-v2c", "-c", "lab-community", "-t1", "-r0", "-On", agent, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def get(fleet: RunningFleet, router: int, *oids: str, timeout_s: float = 2) -> dict[str, Any]:
    """gufo's answer; raises TimeoutError."""
    session = SnmpSession(
        fleet.spec.address(router),
        port=fleet.spec.port_of(router),
        community="lab-community",
        version=SnmpVersion.v2c,
        timeout=timeout_s,
    )
    return dict(await session.get_many(oids))


def test_net_snmp_gets_who_it_asked(fleet: RunningFleet) -> None:
    for router in (1, 2, 256, 300):
        assert net_snmp(fleet, "snmpget", router, SYS_NAME).endswith(f'"fleet-{router:05d}"\n')


def test_net_snmp_walks_the_tables_alike_with_getnext_and_getbulk(fleet: RunningFleet) -> None:
    table = ".1.3.6.1.2.1.31.1.1.1"
    in_bulk, one_by_one = (
        [line.split(" = ")[0] for line in net_snmp(fleet, tool, 5, table).splitlines()]
        for tool in ("snmpbulkwalk", "snmpwalk")
    )
    assert in_bulk == one_by_one
    assert len(in_bulk) == 10 * 50


def test_net_snmp_walks_the_law_of_the_counters(fleet: RunningFleet) -> None:
    names = net_snmp(fleet, "snmpbulkwalk", 9, ".1.3.6.1.2.1.31.1.1.1.1")
    assert re.findall(r'"(vlan\d+)"', names) == [f"vlan{n}" for n in range(101, 151)]
    said = net_snmp(fleet, "snmpget", 9, SYS_UP_TIME, f"{HC_IN}.1", f"{HC_OUT}.50")
    ticks, first_in, last_out = (int(n) for n in re.findall(r"(?:\(|Counter64: )(\d+)", said))
    assert first_in == octets(9, 1, "in", ticks)
    assert last_out == octets(9, 50, "out", ticks)


async def test_gufo_reads_60_values_that_agree_with_one_uptime(fleet: RunningFleet) -> None:
    asked = [f"{root}.{vlan}" for vlan in range(1, 26) for root in (HC_IN, HC_OUT)]
    for router in (1, 77, 300):
        values = await get(fleet, router, SYS_UP_TIME, *asked)
        ticks = values.pop(SYS_UP_TIME)
        expected = {
            f"{root}.{vlan}": octets(router, vlan, direction, ticks)
            for vlan in range(1, 26)
            for root, direction in ((HC_IN, "in"), (HC_OUT, "out"))
        }
        assert values == expected


async def test_uptime_runs_and_jumps_with_the_counters(fleet: RunningFleet) -> None:
    before, started = await get(fleet, 4, SYS_UP_TIME), time.monotonic()
    fleet.advance(300)
    await asyncio.sleep(0.3)
    after, elapsed_s = await get(fleet, 4, SYS_UP_TIME, f"{HC_IN}.2"), time.monotonic() - started
    ticks = after[SYS_UP_TIME]
    assert 30_030 - 1 <= ticks - before[SYS_UP_TIME] <= 30_000 + elapsed_s * 100 + 2
    assert after[f"{HC_IN}.2"] == octets(4, 2, "in", ticks)


async def test_dead_ones_are_silent_and_slow_ones_late(fleet: RunningFleet) -> None:
    fleet.set_faults(dead_share=0.5, slow_share=0.5, slow_ms=200)
    faults = Faults(0.5, 0.5)
    try:
        started = time.monotonic()
        alive = [n for n in range(1, 21) if not faults.is_dead(n)]
        answers = await asyncio.gather(*(get(fleet, n, SYS_NAME) for n in alive))
        assert [values[SYS_NAME] for values in answers] == [
            f"fleet-{n:05d}".encode() for n in alive
        ]
        assert 0.2 <= time.monotonic() - started < 15
        dead = [n for n in range(1, 21) if faults.is_dead(n)]
        said = await asyncio.gather(
            *(get(fleet, n, SYS_NAME, timeout_s=0.5) for n in dead), return_exceptions=True
        )
        assert [type(one) for one in said] == [TimeoutError] * 10
    finally:
        fleet.set_faults()
    assert await get(fleet, dead[0], SYS_NAME)


async def test_a_stranger_is_not_answered(fleet: RunningFleet) -> None:
    session = SnmpSession("127.100.0.1", port=fleet.spec.port, community="public", timeout=0.3)
    with pytest.raises(TimeoutError):
        await session.get(SYS_NAME)
    with pytest.raises(TimeoutError):  # one address behind the last
        await get(fleet, 301, SYS_NAME, timeout_s=0.3)


async def test_nonsense_stops_nobody(fleet: RunningFleet) -> None:
    before = fleet.usage()
    good = b"0\x1c\x02\x01\x01\x04\x0dlab-community"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        for datagram in (b"", b"\x30", b"\xff" * 1400, bytes(5000), good, good + b"\xa0\x84"):
            one.sendto(datagram, ("127.100.0.1", fleet.spec.port))
    assert await get(fleet, 1, SYS_NAME)
    after = fleet.usage()
    assert after["requests"] - before["requests"] == 7
    assert after["answers"] - before["answers"] == 1
    assert after["malformed"] - before["malformed"] == 2


async def test_a_fleet_of_ports_answers_on_each() -> None:
    first = min(free_port(kind=socket.SOCK_DGRAM), 65_000)
    spec = FleetSpec(20, 3, first, "127.101.0.1", ports=True, seed=SEED)
    with running_fleet(spec) as ports:
        for router in (1, 20):
            values = await get(ports, router, SYS_NAME, SYS_UP_TIME, f"{HC_OUT}.3")
            assert values[SYS_NAME] == f"fleet-{router:05d}".encode()
            assert values[f"{HC_OUT}.3"] == octets(router, 3, "out", values[SYS_UP_TIME])


def test_it_accounts_for_its_cpu_when_asked_by_signal_and_at_the_end() -> None:
    with running_fleet(FleetSpec(3, vlans=2, port=0)) as fleet:
        net_snmp(fleet, "snmpbulkwalk", 2, ".1.3")
        ticks_s = os.sysconf("SC_CLK_TCK")
        stat = Path(f"/proc/{fleet.process.pid}/stat").read_text().rpartition(")")[2].split()
        asked = fleet.usage()
        assert asked["cpu_s"] >= (int(stat[11]) + int(stat[12])) / ticks_s - 1 / ticks_s
        assert 0 < asked["answers"] == asked["requests"]
        fleet.process.send_signal(signal.SIGUSR1)
        assert fleet.process.stdout is not None
        by_signal = json.loads(fleet.process.stdout.readline())
        at_the_end = fleet.stop()
    assert fleet.process.returncode == 0
    assert asked["cpu_s"] <= by_signal["cpu_s"] <= at_the_end["cpu_s"]
    assert asked["wall_s"] < by_signal["wall_s"] < at_the_end["wall_s"]
    assert by_signal["answers"] == at_the_end["answers"] == asked["answers"]


def test_a_taken_port_and_a_wrong_option_are_said_in_one_line(fleet: RunningFleet) -> None:
    with (
        pytest.raises(FleetDidNotStart, match="in use"),
        running_fleet(FleetSpec(1, port=fleet.spec.port)),
    ):
        pass
    command = [sys.executable, "-m", "lab", "fleet", "--dead-share=2"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert (
        done.stderr == "lab: fleet: the shares of dead and slow routers are from 0 to 1 together\n"
    )


@pytest.mark.parametrize(
    ("verb", "given"),
    [("explode", {}), ("advance", {"seconds": -1}), ("faults", {"dead_share": 3}),
     ("faults", {"angry_share": 0.1})],
)  # fmt: skip
def test_a_verb_that_makes_no_sense_is_refused(
    fleet: RunningFleet, verb: str, given: dict[str, float]
) -> None:
    with pytest.raises(BadControl):
        fleet.control(verb, **given)


async def test_it_frees_its_port_and_may_take_it_again() -> None:
    port = 0
    for _ in range(2):
        one = Fleet(FleetSpec(2, vlans=1, port=port))
        await one.start()
        with pytest.raises(OSError, match="in use"):
            await Fleet(FleetSpec(2, vlans=1, port=one.port)).start()
        port = int((await one.perform("usage", {}))["port"])
        await one.stop()
    assert port
