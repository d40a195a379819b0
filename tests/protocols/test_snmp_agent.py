"""Both engines against Debian's net-snmp agent, which nobody here wrote."""

import asyncio
import socket
import time
from dataclasses import replace

import pytest

from ispcore.protocols.errors import ProtocolError, Refused, Unreachable
from ispcore.protocols.snmp import Engine, SnmpTarget, Wanted, discover, oids, read_counters
from tests.harness.snmpd import Agent, has_ipv6

pytestmark = pytest.mark.servers


def index_of(name: str) -> int:
    return socket.if_nametoindex(name)


async def failure(engine: Engine, target: SnmpTarget) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        await engine.get(target, [oids.SYS_UPTIME])
    return caught.value


async def test_get_returns_integers_text_and_identifiers(snmp: Engine, v2c: SnmpTarget) -> None:
    values = await snmp.get(v2c, [oids.SYS_UPTIME, oids.SYS_NAME, oids.SYS_OBJECT_ID])
    assert isinstance(values[oids.SYS_UPTIME], int)
    assert values[oids.SYS_NAME] == b"ispcore-test-agent"
    assert str(values[oids.SYS_OBJECT_ID]).startswith("1.3.6.1.4.1.8072.")


async def test_an_absent_instance_is_missing_and_not_zero(snmp: Engine, v2c: SnmpTarget) -> None:
    there, absent = f"{oids.IF_HC_IN_OCTETS}.{index_of('lo')}", f"{oids.IF_HC_IN_OCTETS}.999999"
    values = await snmp.get(v2c, [there, absent, "1.3.6.1.9.9.9.0"])
    assert values.keys() == {there}


async def test_a_get_of_nothing_but_absent_instances_is_empty(
    snmp: Engine, v2c: SnmpTarget
) -> None:
    assert await snmp.get(v2c, [f"{oids.IF_NAME}.{index}" for index in range(90_000, 90_200)]) == {}


async def test_a_leading_dot_makes_no_difference(snmp: Engine, v2c: SnmpTarget) -> None:
    assert (await snmp.get(v2c, [f".{oids.SYS_NAME}"])).keys() == {oids.SYS_NAME}


async def test_two_hundred_oids_come_back_whole(snmp: Engine, v2c: SnmpTarget) -> None:
    wanted = [f"1.3.6.1.2.1.1.{arc}.0" for arc in (1, 3, 5)]
    wanted += [f"{oids.IF_NAME}.{index}" for index in range(1, 200)]
    values = await snmp.get(v2c, wanted)
    assert set(wanted[:3]) <= values.keys()
    assert values[f"{oids.IF_NAME}.{index_of('lo')}"] == b"lo"


async def test_a_walk_brings_every_row_of_its_subtree_and_no_other(
    snmp: Engine, v2c: SnmpTarget
) -> None:
    rows = await snmp.walk(v2c, oids.IF_NAME)
    assert dict(rows) == {
        f"{oids.IF_NAME}.{index}": name.encode() for index, name in socket.if_nameindex()
    }


async def test_a_walk_of_nothing_is_empty(snmp: Engine, v2c: SnmpTarget) -> None:
    assert await snmp.walk(v2c, "1.3.6.1.9.9") == []


async def test_getbulk_brings_as_many_rows_as_asked(snmp: Engine, v2c: SnmpTarget) -> None:
    rows = await snmp.getbulk(v2c, "1.3.6.1.2.1.1", max_repetitions=3)
    assert [oid for oid, _ in rows] == [f"1.3.6.1.2.1.1.{arc}.0" for arc in (1, 2, 3)]


async def test_v3_reads_the_same_as_v2c(snmp: Engine, v2c: SnmpTarget, v3: SnmpTarget) -> None:
    asked = [oids.SYS_NAME, oids.SYS_OBJECT_ID]
    assert await snmp.get(v3, asked) == await snmp.get(v2c, asked)
    assert await snmp.walk(v3, oids.IF_NAME) == await snmp.walk(v2c, oids.IF_NAME)


async def test_v3_wrong_user_is_refused(snmp: Engine, v3: SnmpTarget) -> None:
    assert isinstance(await failure(snmp, replace(v3, user="nobody")), Refused)


async def test_v3_wrong_authentication_key_is_refused(snmp: Engine, v3: SnmpTarget) -> None:
    assert isinstance(await failure(snmp, replace(v3, auth_key="wrong-auth-key")), Refused)


async def test_v3_wrong_authentication_protocol_is_refused(snmp: Engine, v3: SnmpTarget) -> None:
    assert isinstance(await failure(snmp, replace(v3, auth_protocol="MD5")), Refused)


async def test_v3_wrong_privacy_key_is_refused_and_named(snmp: Engine, v3: SnmpTarget) -> None:
    error = await failure(snmp, replace(v3, priv_key="wrong-priv-key"))
    assert isinstance(error, Refused)
    assert "privacy" in str(error)
    assert "wrong-priv-key" not in str(error)


async def test_v3_without_the_privacy_that_the_agent_wants_is_refused(
    snmp: Engine, v3: SnmpTarget
) -> None:
    assert isinstance(await failure(snmp, replace(v3, priv_protocol="", priv_key="")), Refused)


async def test_v3_without_any_security_is_refused(snmp: Engine, v3: SnmpTarget) -> None:
    bare = replace(v3, auth_protocol="", auth_key="", priv_protocol="", priv_key="")
    assert isinstance(await failure(snmp, bare), Refused)


async def test_v3_works_again_after_wrong_keys(snmp: Engine, v3: SnmpTarget) -> None:
    await failure(snmp, replace(v3, auth_key="wrong-auth-key"))
    await failure(snmp, replace(v3, priv_key="wrong-priv-key"))
    assert (await snmp.get(v3, [oids.SYS_NAME]))[oids.SYS_NAME] == b"ispcore-test-agent"


async def test_a_v2c_session_ends_while_a_v3_session_is_open(
    snmp: Engine, v2c: SnmpTarget, v3: SnmpTarget
) -> None:
    """easysnmp's own way to end a session would end the process here."""
    async with snmp.converse(v3) as conversation:
        assert await conversation.read((), [[oids.SYS_NAME]])
        assert await snmp.get(v2c, [oids.SYS_NAME])
        assert await snmp.get(replace(v3, retries=0), [oids.SYS_NAME])
        assert await conversation.read((), [[oids.SYS_NAME]])


async def test_many_sessions_at_once_of_both_versions(
    snmp: Engine, v2c: SnmpTarget, v3: SnmpTarget
) -> None:
    wrong = replace(v3, auth_key="wrong-auth-key", timeout_s=5.0)
    targets = [v2c, wrong, replace(v3, timeout_s=5.0)] * 20
    asked = [snmp.get(target, [oids.SYS_NAME]) for target in targets]
    found = await asyncio.gather(*asked, return_exceptions=True)
    names = [{oids.SYS_NAME: b"ispcore-test-agent"}] * 20
    assert found[0::3] == names
    assert {type(error) for error in found[1::3]} == {Refused}
    assert found[2::3] == names


async def test_a_wrong_community_looks_like_silence(snmp: Engine, v2c: SnmpTarget) -> None:
    started = time.monotonic()
    error = await failure(snmp, replace(v2c, community="wrong", timeout_s=0.3, retries=1))
    assert isinstance(error, Unreachable)
    assert str(error) == "no answer to SNMP in 0.6 s (2 tries)"
    assert 0.5 < time.monotonic() - started < 15


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
async def test_an_ipv6_address_is_an_address(snmp: Engine, v2c: SnmpTarget) -> None:
    values = await snmp.get(replace(v2c, address="::1"), [oids.SYS_NAME])
    assert values == {oids.SYS_NAME: b"ispcore-test-agent"}


async def test_discovery_finds_this_machines_interfaces(snmp: Engine, v2c: SnmpTarget) -> None:
    found = await discover(snmp, v2c)
    assert {(one.index, one.name) for one in found.interfaces} == set(socket.if_nameindex())
    assert found.if_number == len(found.interfaces)
    assert found.sys_name == "ispcore-test-agent"
    assert found.uptime_ticks > 0
    loopback = next(one for one in found.interfaces if one.name == "lo")
    assert (loopback.if_type, loopback.oper_state, loopback.counter_bits) == (24, "up", 64)


async def test_counters_of_this_machines_loopback_grow_with_traffic(
    snmp: Engine, v2c: SnmpTarget, snmpd: Agent
) -> None:
    wanted = [Wanted(index_of("lo"), "lo", 64)]
    reading = await read_counters(snmp, v2c, wanted)
    (row,) = reading.rows
    assert not reading.renumbered
    assert row.in_octets is not None
    assert row.in_octets == row.out_octets  # what goes out of lo comes back in
    assert (row.bits, row.oper_state, row.discontinuity_ticks) == (64, "up", None)
    assert abs(reading.taken_at - time.time()) < 5


async def test_discontinuity_time_comes_when_asked_for(snmp: Engine, v2c: SnmpTarget) -> None:
    wanted = [Wanted(index_of("lo"), "lo", 64, discontinuity=True)]
    (row,) = (await read_counters(snmp, v2c, wanted)).rows
    assert row.discontinuity_ticks == 0
