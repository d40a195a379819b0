"""Both engines against recorded devices: each port as an independent poller concluded it.

What that poller tells of a port and is not compared, because we do not read it: ifMtu, ifVlan and
ifTrunk (Q-BRIDGE: which VLANs a switch port carries; traffic per VLAN comes from VLAN interfaces),
packets and errors. Its sensors, processors and memory belong to other parts of the portal.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ispcore.base.timeseries import counters
from ispcore.base.timeseries.counters import Interval, Snapshot
from ispcore.base.timeseries.quality import Quality
from ispcore.protocols.interfaces import DiscoveredInterface
from ispcore.protocols.snmp import (
    CounterReading,
    CounterRow,
    Discovery,
    Engine,
    SnmpTarget,
    Wanted,
    discover,
    oids,
    read_counters,
)
from lab.testing import running_lab
from tests.protocols.conftest import vlan_router

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "snmprec"
EXPECTED = RECORDINGS / "expected"
DEVICES = (
    *("apc_smt750x-nmc2", "huaweiups_ups2000", "ios_stp-vlans", "routeros"),
    *("routeros_rb5009uprpsp", "routeros_rb760igs", "vrp_ne"),
)
TYPES = {  # IANAifType-MIB
    "other": 1,
    "ethernetCsmacd": 6,
    "softwareLoopback": 24,
    "propVirtual": 53,
    "ieee80211": 71,
    "tunnel": 131,
    "l2vlan": 135,
    "ieee8023adLag": 161,
    "bridge": 209,
}
AS_IT_IS = ("ifName", "ifDescr", "ifAlias", "ifPhysAddress", "ifAdminStatus", "ifOperStatus")
# ports that the recording has and that poller left out by its own rules: sessions and their
# templates (ifType ppp), and a cage without a module (notPresent)
LEFT_OUT = {
    "routeros": {"pppoe-out1"},
    "routeros_rb5009uprpsp": {"sfp-sfpplus1"},
    "vrp_ne": {"Virtual-Template0"},
}
# that poller stores 0 for a port without any octet counter; missing is what we say
UNCOUNTED = {
    "ios_stp-vlans": {
        *("StackPort2", "StackSub-St2-1", "StackSub-St2-2", "Gi2/0/25", "Gi2/0/26", "Nu0"),
    }
}
# vendor, model, operating system and version, as far as the recording holds them
WHAT_IT_IS = {
    "apc_smt750x-nmc2": ("APC", "Smart-UPS X 750", "", "v7.0.8"),
    "huaweiups_ups2000": ("Huawei", "UPS2000 6kVA", "", "V100R001C00SPC602"),
    "ios_stp-vlans": ("Cisco", "C2960S", "IOS", "15.2(2a)E1"),
    "routeros": ("MikroTik", "", "RouterOS", "6.40.5"),
    "routeros_rb5009uprpsp": ("MikroTik", "RB5009UPr+S+", "RouterOS", "7.20.6"),
    "routeros_rb760igs": ("MikroTik", "RB760iGS", "RouterOS", "7.1.1"),
    "vrp_ne": ("Huawei", "", "VRP", ""),
}
VLANS_BY_NAME = {
    "ios_stp-vlans": {"Vl1": 1},
    "vrp_ne": {
        "Eth-Trunk1.2": 2,
        "GigabitEthernet0/3/11.1673": 1673,
        "GigabitEthernet0/3/12.1356": 1356,
        "GigabitEthernet0/3/9.716": 716,
    },
}
pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recorded devices are not beside the checkout"
)


def with_uptime(device: str, directory: Path) -> Path:
    """The recording, with a sysUpTime where the recordist left it out: no device does."""
    recorded = (RECORDINGS / f"{device}.snmprec").read_bytes()
    if f"{oids.SYS_UPTIME}|".encode() not in recorded:
        recorded = f"{oids.SYS_UPTIME}|67|360000\n".encode() + recorded
    copy = directory / f"{device}.snmprec"
    copy.write_bytes(recorded)
    return copy


@contextmanager
def playing(recording: Path, clock: Any = time.time) -> Iterator[SnmpTarget]:
    spec = vlan_router(recording=str(recording), community="*", api_port=None, api_tls_port=None)
    with running_lab([spec], clock=clock) as lab:
        port = lab.routers["r1"].snmp_port
        yield SnmpTarget("127.0.0.1", port, community="public", timeout_s=2.0)


def wanted_from(found: Discovery) -> list[Wanted]:
    return [
        Wanted(one.index, one.name, one.counter_bits, discontinuity=True)
        for one in found.interfaces
    ]


async def read(
    snmp: Engine, device: str, directory: Path
) -> tuple[Discovery, CounterReading, dict[str, CounterRow]]:
    with playing(with_uptime(device, directory)) as target:
        found = await discover(snmp, target)
        reading = await read_counters(snmp, target, wanted_from(found))
    return found, reading, {row.name: row for row in reading.rows}


def expected_ports(device: str) -> dict[int, dict[str, Any]]:
    content = json.loads((EXPECTED / f"{device}.json").read_text())
    return {port["ifIndex"]: port for port in content.get("ports.ports", [])}


def said(one: DiscoveredInterface, counted: CounterRow) -> dict[str, Any]:
    """What we say of a port, in the words of that poller."""
    return {
        "ifName": one.name,
        "ifDescr": one.descr,
        "ifAlias": one.alias or one.descr,  # it fills an empty alias with the description
        "ifType": one.if_type,
        "ifSpeed": one.speed_bps or None,
        "ifPhysAddress": one.mac.replace(":", "") or None,
        "ifAdminStatus": one.admin_state,
        "ifOperStatus": one.oper_state,
        "oper state with the counters": counted.oper_state,
        "ifInOctets": counted.in_octets,
        "ifOutOctets": counted.out_octets,
    }


def told(port: dict[str, Any], *, counted: bool) -> dict[str, Any]:
    return {
        "ifType": TYPES[port["ifType"]],
        "ifSpeed": port["ifSpeed"] or None,  # it says 0 or null for a speed that is not told
        "oper state with the counters": port["ifOperStatus"],
        "ifInOctets": port["ifInOctets"] if counted else None,
        "ifOutOctets": port["ifOutOctets"] if counted else None,
    } | {key: port[key] for key in AS_IT_IS}


def test_every_recorded_device_is_here() -> None:
    assert {path.stem for path in EXPECTED.glob("*.json")} == set(DEVICES)


@pytest.mark.parametrize("device", DEVICES)
async def test_every_port_reads_as_an_independent_poller_read_it(
    snmp: Engine, device: str, tmp_path: Path
) -> None:
    found, reading, rows = await read(snmp, device, tmp_path)
    expected, uncounted = expected_ports(device), UNCOUNTED.get(device, set())
    extra = {one.name for one in found.interfaces if one.index not in expected}
    assert extra == LEFT_OUT.get(device, set())
    assert {one.index for one in found.interfaces} >= expected.keys()
    assert not reading.renumbered
    for one in found.interfaces:
        if one.index in expected:
            theirs = told(expected[one.index], counted=one.name not in uncounted)
            assert said(one, rows[one.name]) == theirs


@pytest.mark.parametrize("device", DEVICES)
async def test_a_port_without_octet_counters_is_missing_and_not_zero(
    snmp: Engine, device: str, tmp_path: Path
) -> None:
    found, _, rows = await read(snmp, device, tmp_path)
    uncounted = {one.name for one in found.interfaces if one.counter_bits == 0}
    assert uncounted == UNCOUNTED.get(device, set())
    assert {(rows[name].in_octets, rows[name].out_octets) for name in uncounted} <= {(None, None)}
    counted = rows.keys() - uncounted
    assert not [name for name in counted if None in (rows[name].in_octets, rows[name].out_octets)]


@pytest.mark.parametrize("device", DEVICES)
async def test_a_device_tells_what_it_is(snmp: Engine, device: str, tmp_path: Path) -> None:
    found, _, _ = await read(snmp, device, tmp_path)
    assert (found.vendor, found.model, found.os, found.os_version) == WHAT_IT_IS[device]
    theirs = json.loads((EXPECTED / f"{device}.json").read_text())["os.devices"][0]
    assert f".{found.sys_object_id}" == theirs["sysObjectID"]


@pytest.mark.parametrize("device", DEVICES)
async def test_vlan_ids_are_suggested_by_names_of_cisco_and_huawei_only(
    snmp: Engine, device: str, tmp_path: Path
) -> None:
    found, _, _ = await read(snmp, device, tmp_path)
    by_name = {one.name: one.vlan_by_name for one in found.interfaces if one.vlan_by_name}
    assert by_name == VLANS_BY_NAME.get(device, {})


@pytest.mark.parametrize("device", DEVICES)
async def test_the_discontinuity_time_is_read_where_the_model_has_it(
    snmp: Engine, device: str, tmp_path: Path
) -> None:
    from ispcore.protocols.snmp.device_models import shipped

    found, _, rows = await read(snmp, device, tmp_path)
    has_it = shipped().choose(found.sys_object_id, found.sys_descr).discontinuity
    assert has_it == device.startswith(("ios", "vrp"))
    assert {row.discontinuity_ticks is not None for row in rows.values()} <= {has_it}


# ---- moving counters


class LabClock:
    """The lab's clock, which a test may put forward: the recording moves, we need not wait."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


async def snapshots(
    snmp: Engine, target: SnmpTarget, clock: LabClock, bits: int, steps_s: tuple[float, ...]
) -> list[CounterRow]:
    wanted = [Wanted(1, "ether1", bits)]
    rows = [*(await read_counters(snmp, target, wanted)).rows]
    for step_s in steps_s:
        clock.ahead_s += step_s
        row = (await read_counters(snmp, target, wanted)).rows[0]
        rows.append(row._replace(taken_at=row.taken_at + clock.ahead_s))  # our clock moves too
    return rows


def between(before: CounterRow, after: CounterRow) -> Interval:
    found = counters.interval(_snapshot(before), _snapshot(after), speed_bps=1_000_000_000)
    assert found is not None
    return found


def _snapshot(row: CounterRow) -> Snapshot:
    assert row.in_octets is not None
    at_ms, out_octets = round(row.taken_at * 1000), row.out_octets or 0
    return Snapshot(at_ms, row.uptime_ticks, row.in_octets, out_octets, row.bits)


async def test_the_rates_over_sysuptime_are_those_that_were_recorded(snmp: Engine) -> None:
    clock = LabClock()
    with playing(RECORDINGS / "rates_synthetic.snmprec", clock) as target:
        (port,) = (await discover(snmp, target)).interfaces
        assert (port.name, port.counter_bits, port.speed_bps) == ("ether1", 64, None)
        clock.ahead_s += 10  # past the wrap of its 64-bit counter, which comes after 1.5 s
        first, second, third = await snapshots(snmp, target, clock, 64, (300, 60))
    for found in (between(first, second), between(second, third)):
        assert found.in_bps == pytest.approx(100_000_000, rel=0.001)
        assert found.out_bps == pytest.approx(50_000_000, rel=0.001)
        assert found.quality == Quality.GOOD


async def test_a_64_bit_counter_that_wraps_costs_that_interval_and_no_other(snmp: Engine) -> None:
    clock = LabClock()
    with playing(RECORDINGS / "rates_synthetic.snmprec", clock) as target:
        first, second, third = await snapshots(snmp, target, clock, 64, (300, 300))
    assert second.out_octets is not None
    assert first.out_octets is not None
    assert second.out_octets < first.out_octets
    wrapped, next_one = between(first, second), between(second, third)
    assert (wrapped.in_bps, wrapped.quality) == (None, Quality.COUNTER_FELL)
    assert next_one.in_bps == pytest.approx(100_000_000, rel=0.001)
    assert next_one.out_bps == pytest.approx(50_000_000, rel=0.001)


async def test_a_32_bit_counter_that_wraps_is_counted_through(snmp: Engine) -> None:
    clock = LabClock()
    with playing(RECORDINGS / "rates_synthetic.snmprec", clock) as target:
        first, second, third = await snapshots(snmp, target, clock, 32, (300, 300))
    assert second.in_octets is not None
    assert first.in_octets is not None
    assert second.in_octets < first.in_octets
    assert second.out_octets is None  # there is no ifOutOctets: missing, not zero
    wrapped, next_one = between(first, second), between(second, third)
    assert wrapped.in_bps == pytest.approx(10_000_000, rel=0.001)
    assert wrapped.quality & Quality.WRAPPED
    assert next_one.in_bps == pytest.approx(10_000_000, rel=0.001)


async def test_the_rate_is_the_recorded_one_in_real_time_too(snmp: Engine) -> None:
    with playing(RECORDINGS / "rates_synthetic.snmprec") as target:
        time.sleep(1.6)  # noqa: ASYNC251 - past the wrap of the 64-bit counter
        wanted = [Wanted(1, "ether1", 64)]
        first = (await read_counters(snmp, target, wanted)).rows[0]
        time.sleep(1.5)  # noqa: ASYNC251 - the lab has a loop of its own
        second = (await read_counters(snmp, target, wanted)).rows[0]
    found = between(first, second)
    # a tick is 10 ms: of 1.5 s at most 1.4 % at both ends together
    assert found.in_bps == pytest.approx(100_000_000, rel=0.015)
    assert found.out_bps == pytest.approx(50_000_000, rel=0.015)
