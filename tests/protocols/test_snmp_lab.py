"""Both engines against the lab's routers: restarts, moved indexes, hostile names."""

from dataclasses import replace
from typing import Any

import pytest

from ispcore.protocols.errors import Nonsense, ProtocolError, Refused, Unreachable
from ispcore.protocols.snmp import (
    CounterReading,
    Discovery,
    Engine,
    SnmpTarget,
    Wanted,
    discover,
    in_thread,
    oids,
    poll_many,
    read_counters,
)
from ispcore.protocols.snmp.values import AuthProtocol, PrivProtocol
from lab.spec import V3User
from lab.testing import RunningLab, running_lab
from lab.verbs import HOSTILE_NAMES
from tests.protocols.conftest import V3_USER, vlan_router


def wanted_from(found: Discovery) -> list[Wanted]:
    return [Wanted(one.index, one.name, one.counter_bits) for one in found.interfaces]


def row(reading: CounterReading, name: str) -> Any:
    return next(row for row in reading.rows if row.name == name)


async def test_discovery_tells_what_the_router_has(snmp: Engine, lab_snmp: SnmpTarget) -> None:
    found = await discover(snmp, lab_snmp)
    vlan = next(one for one in found.interfaces if one.name == "vlan101")
    assert (vlan.if_type, vlan.alias, vlan.oper_state) == (135, "Meghna Net", "up")
    port = next(one for one in found.interfaces if one.name == "sfp-sfpplus2")
    assert port.speed_bps == 10_000_000_000
    assert len(port.mac) == 17
    unplugged = next(one for one in found.interfaces if one.name == "ether1")
    assert (unplugged.admin_state, unplugged.oper_state) == ("up", "down")
    assert {one.counter_bits for one in found.interfaces} == {64}
    assert found.took_ms > 0


async def test_counters_grow_between_two_readings(
    snmp: Engine, lab_snmp: SnmpTarget, lab: RunningLab
) -> None:
    lab.control("level", router="r1", interface="vlan101", down_bps=800_000_000, up_bps=80_000_000)
    wanted = wanted_from(await discover(snmp, lab_snmp))
    first = row(await read_counters(snmp, lab_snmp, wanted), "vlan101")
    lab.control("preset", router="r1", interface="vlan101", rx=first.in_octets + 10_000_000)
    second = row(await read_counters(snmp, lab_snmp, wanted), "vlan101")
    assert second.in_octets >= first.in_octets + 10_000_000
    assert second.uptime_ticks >= first.uptime_ticks


async def test_a_moved_index_is_reported_and_never_remapped(
    snmp: Engine, lab_snmp: SnmpTarget, lab: RunningLab
) -> None:
    wanted = wanted_from(await discover(snmp, lab_snmp))
    lab.control("renumber", router="r1", by=1)
    reading = await read_counters(snmp, lab_snmp, wanted)
    assert reading.renumbered
    assert {row.in_octets for row in reading.rows} == {None}
    assert {row.oper_state for row in reading.rows} == {"unknown"}
    fresh = wanted_from(await discover(snmp, lab_snmp))
    again = await read_counters(snmp, lab_snmp, fresh)
    assert not again.renumbered
    assert None not in {row.in_octets for row in again.rows}


async def test_a_removed_interface_asks_for_a_new_discovery(
    snmp: Engine, lab_snmp: SnmpTarget, lab: RunningLab
) -> None:
    wanted = wanted_from(await discover(snmp, lab_snmp))
    lab.control("remove-interface", router="r1", interface="vlan102")
    reading = await read_counters(snmp, lab_snmp, wanted)
    assert reading.renumbered
    assert row(reading, "vlan102").in_octets is None
    assert row(reading, "vlan101").in_octets is not None
    assert reading.if_number == len(wanted) - 1


async def test_a_restart_shows_in_the_uptime(
    snmp: Engine, lab_snmp: SnmpTarget, lab: RunningLab
) -> None:
    wanted = wanted_from(await discover(snmp, lab_snmp))
    before = await read_counters(snmp, lab_snmp, wanted)
    lab.control("reboot", router="r1")
    after = await read_counters(snmp, lab_snmp, wanted)
    assert after.uptime_ticks < before.uptime_ticks


@pytest.mark.parametrize("kind", range(len(HOSTILE_NAMES)))
async def test_a_hostile_name_is_read_shown_safely_and_counted(
    snmp: Engine, lab_snmp: SnmpTarget, lab: RunningLab, kind: int
) -> None:
    lab.control("hostile", router="r1", interface="vlan101", kind=kind)
    found = await discover(snmp, lab_snmp)
    assert len(found.interfaces) == 5
    hostile = next(one for one in found.interfaces if one.if_type == 135 and one.name != "vlan102")
    assert all(char.isprintable() or char == "\ufffd" for char in hostile.name)
    reading = await read_counters(snmp, lab_snmp, wanted_from(found))
    assert not reading.renumbered
    assert row(reading, hostile.name).in_octets is not None
    assert row(reading, "vlan102").in_octets is not None


async def test_wrong_community_and_nonsense_are_told_apart_by_gufo(
    gufo: Engine, lab_snmp: SnmpTarget, lab: RunningLab
) -> None:
    quick = replace(lab_snmp, timeout_s=0.2, retries=0)
    with pytest.raises(Unreachable, match=r"no answer to SNMP in 0\.2 s \(1 try\)"):
        await discover(gufo, replace(quick, community="wrong"))
    lab.control("nonsense", router="r1")
    with pytest.raises(Nonsense):
        await discover(gufo, quick)


async def test_a_dead_router_is_unreachable(
    snmp: Engine, lab_snmp: SnmpTarget, lab: RunningLab
) -> None:
    lab.control("dead", router="r1")
    with pytest.raises(Unreachable):
        await discover(snmp, replace(lab_snmp, timeout_s=0.2))


async def test_a_lossy_path_is_survived_by_trying_again(
    snmp: Engine, lab_snmp: SnmpTarget, lab: RunningLab
) -> None:
    wanted = wanted_from(await discover(snmp, lab_snmp))
    lab.control("loss", router="r1", share=0.3)
    reading = await read_counters(snmp, replace(lab_snmp, timeout_s=0.1, retries=9), wanted)
    assert None not in {row.in_octets for row in reading.rows}


@pytest.mark.parametrize("auth", ["MD5", "SHA1", "SHA256"])
@pytest.mark.parametrize("priv", ["", "DES", "AES128"])
async def test_every_v3_protocol_that_we_offer_works(
    snmp: Engine, auth: AuthProtocol, priv: PrivProtocol
) -> None:
    user = V3User("noc", auth, "lab-auth-key", priv, "lab-priv-key" if priv else "")
    with running_lab([vlan_router(v3_users=(user,))]) as lab:
        target = v3_target(lab, auth=auth, priv=priv)
        assert len((await discover(snmp, target)).interfaces) == 5


def v3_target(
    lab: RunningLab, *, auth: AuthProtocol = "SHA1", priv: PrivProtocol = "AES128"
) -> SnmpTarget:
    return SnmpTarget(
        "127.0.0.1",
        port=lab.routers["r1"].snmp_port,
        version="v3",
        user=V3_USER.name,
        auth_protocol=auth,
        auth_key=V3_USER.auth_password,
        priv_protocol=priv,
        priv_key=V3_USER.priv_password,
        timeout_s=0.5,
    )


async def test_a_v3_router_that_dies_is_unreachable_and_not_refused(
    snmp: Engine, lab: RunningLab
) -> None:
    target = replace(v3_target(lab), timeout_s=0.2)
    assert await snmp.get(target, [oids.SYS_UPTIME])
    lab.control("dead", router="r1")
    with pytest.raises(Unreachable, match="no answer to SNMP"):
        await snmp.get(target, [oids.SYS_UPTIME])


async def test_a_v3_router_that_dies_in_the_middle_is_unreachable(
    snmp: Engine, lab: RunningLab
) -> None:
    async with snmp.converse(replace(v3_target(lab), timeout_s=0.2)) as conversation:
        assert await conversation.read((), [[oids.SYS_UPTIME]])
        lab.control("dead", router="r1")
        with pytest.raises(Unreachable):
            await conversation.read((), [[oids.SYS_UPTIME]])


async def test_v3_refusals_of_the_lab(snmp: Engine, lab: RunningLab) -> None:
    target = v3_target(lab)
    for wrong in ({"user": "x"}, {"auth_key": "wrong-auth-key"}, {"priv_key": "wrong-priv-key"}):
        with pytest.raises(Refused):
            await snmp.get(replace(target, **wrong), [oids.SYS_UPTIME])  # type: ignore[arg-type]


def test_dead_routers_do_not_hold_up_the_living(snmp: Engine) -> None:
    specs = [vlan_router(f"r{number}", api_tls_port=None, api_port=None) for number in range(12)]
    with running_lab(specs) as lab:
        for number in range(6):
            lab.control("dead", router=f"r{number}")

        def job(name: str) -> Any:
            port = lab.routers[name].snmp_port
            target = SnmpTarget("127.0.0.1", port, community="lab-community", timeout_s=0.5)
            return lambda: discover(snmp, target)

        results = poll_many({name: job(name) for name in lab.routers}, deadline_s=20)
    dead = {name for name, result in results.items() if isinstance(result, Unreachable)}
    assert dead == {f"r{number}" for number in range(6)}
    living = [result for result in results.values() if isinstance(result, Discovery)]
    assert len(living) == 6


async def test_an_abandoned_request_leaves_the_library_in_order(
    snmp: Engine, lab_snmp: SnmpTarget, lab: RunningLab
) -> None:
    """A poll that is cancelled at its deadline closes its session while a thread still waits."""
    lab.control("slow", router="r1", delay_ms=300)

    def cancelled() -> dict[int, Discovery | ProtocolError]:
        jobs = {number: lambda: discover(snmp, lab_snmp) for number in range(10)}
        return poll_many(jobs, deadline_s=0.1)

    results = await in_thread(cancelled)
    assert {type(result) for result in results.values()} == {Unreachable}
    lab.control("alive", router="r1")
    assert (await discover(snmp, lab_snmp)).sys_name
