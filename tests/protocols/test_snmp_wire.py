"""Both engines against an agent that misbehaves on the wire."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ispcore.protocols.errors import Nonsense, Refused, Unreachable
from ispcore.protocols.snmp import (
    Engine,
    SnmpTarget,
    Wanted,
    discover,
    engine,
    oids,
    read_counters,
)
from tests.protocols import wire_agent as wire
from tests.protocols.wire_agent import Mib, Script, agent

PORTS = range(1, 101)


@contextmanager
def speaking(script: Script, **properties: float) -> Iterator[SnmpTarget]:
    with agent(script) as port:
        timeout_s = properties.get("timeout_s", 0.3)
        yield SnmpTarget("127.0.0.1", port=port, community="public", timeout_s=timeout_s)


def switch(ports: range = PORTS, *, too_big: int = 65_000, lost_above: int = 65_000) -> Mib:
    """A device with many ports: port 7 is `ether7` and has received 7,000 octets."""
    values = {oids.SYS_UPTIME: wire.ticks(360_000), oids.IF_NUMBER: wire.integer(len(ports))}
    for index in ports:
        values |= {
            f"{oids.IF_DESCR}.{index}": wire.octets(b"Ethernet port %d" % index),
            f"{oids.IF_OPER_STATUS}.{index}": wire.integer(1),
            f"{oids.IF_IN_OCTETS}.{index}": wire.counter32(index),
            f"{oids.IF_OUT_OCTETS}.{index}": wire.counter32(2**32 - 1),
            f"{oids.IF_NAME}.{index}": wire.octets(b"ether%d" % index),
            f"{oids.IF_HC_IN_OCTETS}.{index}": wire.counter64(index * 1000),
            f"{oids.IF_HC_OUT_OCTETS}.{index}": wire.counter64(2**64 - 1),
        }
    return Mib(values, too_big=too_big, lost_above=lost_above)


def all_ports(ports: range = PORTS, bits: int = 64) -> list[Wanted]:
    return [Wanted(index, f"ether{index}", bits) for index in ports]


async def test_integers_are_exact_to_the_last_bit(snmp: Engine) -> None:
    given = {
        "1.3.6.1.4.1.1.1": (wire.counter64(2**64 - 1), 2**64 - 1),
        "1.3.6.1.4.1.1.2": (wire.counter32(2**32 - 1), 2**32 - 1),
        "1.3.6.1.4.1.1.3": (wire.integer(-1), -1),
        "1.3.6.1.4.1.1.4": (wire.gauge(2**32 - 1), 2**32 - 1),
        "1.3.6.1.4.1.1.5": (wire.octets(bytes(range(256))), bytes(range(256))),
        "1.3.6.1.4.1.1.6": (wire.address("10.100.0.1"), "10.100.0.1"),
        "1.3.6.1.4.1.1.7": (wire.oid("1.3.6.1.4.1.14988.1"), "1.3.6.1.4.1.14988.1"),
        "1.3.6.1.4.1.1.8": (wire.NULL, None),
    }
    mib = Mib({oid: value for oid, (value, _) in given.items()} | {oids.SYS_UPTIME: wire.ticks(5)})
    expected = {oid: value for oid, (_, value) in given.items() if value is not None}
    with speaking(mib) as target:
        assert await snmp.get(target, list(given)) == expected
        assert dict(await snmp.walk(target, "1.3.6.1.4.1.1")) == expected


async def test_sixty_oids_go_into_a_pdu_and_each_pdu_has_its_uptime(snmp: Engine) -> None:
    mib = switch()
    with speaking(mib) as target:
        reading = await read_counters(snmp, target, all_ports())
    assert [row.in_octets for row in reading.rows] == [index * 1000 for index in PORTS]
    assert {row.out_octets for row in reading.rows} == {2**64 - 1}
    assert reading.if_number == 100
    assert {row.uptime_ticks for row in reading.rows} == {360_000}
    assert not reading.renumbered
    assert max(len(request.oids) for request in mib.requests) <= 60
    assert len(mib.requests) == 8  # 14 interfaces of 4 values in each
    assert all(oids.SYS_UPTIME in request.oids for request in mib.requests)


async def test_each_row_carries_the_uptime_of_its_own_answer(snmp: Engine) -> None:
    mib = switch()

    def ticking(request: wire.Request) -> list[bytes]:
        mib.values = {**mib.values, oids.SYS_UPTIME: wire.ticks(1000 + len(mib.requests))}
        return mib(request)

    with speaking(ticking) as target:
        reading = await read_counters(snmp, target, all_ports())
    uptimes = [row.uptime_ticks for row in reading.rows]
    assert uptimes == sorted(uptimes)
    assert (uptimes[0], uptimes[-1]) == (1000, 1007)
    assert reading.uptime_ticks == 1000
    taken = [row.taken_at for row in reading.rows]
    assert taken == sorted(taken)


async def test_an_answer_that_is_too_big_is_asked_for_in_halves(snmp: Engine) -> None:
    mib = switch(too_big=700)
    with speaking(mib) as target:
        reading = await read_counters(snmp, target, all_ports())
    assert [row.in_octets for row in reading.rows] == [index * 1000 for index in PORTS]


async def test_an_answer_that_the_path_swallows_is_asked_for_in_halves(snmp: Engine) -> None:
    mib = switch(lost_above=900)
    with speaking(mib) as target:
        reading = await read_counters(snmp, target, all_ports())
    assert [row.in_octets for row in reading.rows] == [index * 1000 for index in PORTS]
    assert sum(len(request.oids) > 40 for request in mib.requests) == 1  # learnt from one


async def test_an_answer_beyond_the_engines_buffer_is_asked_for_in_halves(snmp: Engine) -> None:
    wanted = [f"1.3.6.1.4.1.1.{arc}" for arc in range(1, 31)]
    mib = Mib({oid: wire.octets(b"x" * 255) for oid in wanted} | {oids.SYS_UPTIME: wire.ticks(1)})
    with speaking(mib) as target:
        assert await snmp.get(target, wanted) == dict.fromkeys(wanted, b"x" * 255)
        assert len(await snmp.walk(target, "1.3.6.1.4.1.1")) == 30


async def test_one_lost_answer_is_asked_for_again(snmp: Engine) -> None:
    mib = switch(range(1, 3))
    mib.delays_s = [0.5]
    with speaking(mib) as target:
        reading = await read_counters(snmp, target, all_ports(range(1, 3)))
    assert [row.in_octets for row in reading.rows] == [1000, 2000]


async def test_a_late_answer_is_not_taken_for_the_next_one(gufo: Engine) -> None:
    uptimes = iter([1, 2, 3])

    def late(request: wire.Request) -> list[bytes]:
        now = next(uptimes)
        answer = request.answer([(oids.SYS_UPTIME, wire.ticks(now))])
        stale = request.answer([(oids.SYS_UPTIME, wire.ticks(99))], request_id=1)
        return [] if now == 1 else [stale, answer]

    with speaking(late) as target:
        assert await gufo.get(target, [oids.SYS_UPTIME]) == {oids.SYS_UPTIME: 2}


async def test_a_dead_agent_costs_its_tries_and_no_more(snmp: Engine) -> None:
    started = time.monotonic()
    with speaking(lambda _: []) as target, pytest.raises(Unreachable) as caught:
        await read_counters(snmp, target, all_ports())
    assert str(caught.value) == "no answer to SNMP in 0.6 s (2 tries)"
    assert time.monotonic() - started < 15


async def test_an_agent_that_dies_half_way_fails_the_whole_reading(snmp: Engine) -> None:
    mib = switch()
    with (
        speaking(lambda request: mib(request) if len(mib.requests) < 3 else []) as target,
        pytest.raises(Unreachable),
    ):
        await read_counters(snmp, target, all_ports())


async def test_a_closed_port_is_unreachable_at_once_with_gufo(gufo: Engine) -> None:
    with agent(lambda _: []) as port:
        pass
    target = SnmpTarget("127.0.0.1", port=port, community="public", timeout_s=5.0, retries=0)
    with pytest.raises(Unreachable, match=r"1 try, port unreachable"):
        await gufo.get(target, [oids.SYS_NAME])


async def test_an_agent_that_answers_only_errors_is_nonsense(snmp: Engine) -> None:
    with speaking(lambda request: [request.answer([], status=wire.GEN_ERR)]) as target:
        with pytest.raises(Nonsense, match="every request with an error"):
            await snmp.get(target, [oids.SYS_NAME])
        with pytest.raises(Nonsense):
            await read_counters(snmp, target, all_ports(range(1, 3)))


async def test_an_agent_that_says_not_authorised_is_refused(snmp: Engine) -> None:
    def refusing(request: wire.Request) -> list[bytes]:
        binds = [(oid, wire.NULL) for oid in request.oids]
        return [request.answer(binds, status=wire.AUTHORIZATION_ERROR, index=1)]

    with speaking(refusing) as target, pytest.raises(Refused):
        await snmp.get(target, [oids.SYS_NAME])


async def test_one_interface_that_the_agent_fails_on_does_not_cost_the_others(
    snmp: Engine,
) -> None:
    mib = switch(range(1, 9))

    def picky(request: wire.Request) -> list[bytes]:
        if f"{oids.IF_NAME}.5" in request.oids:
            binds = [(oid, wire.NULL) for oid in request.oids]
            return [request.answer(binds, status=wire.GEN_ERR, index=1)]
        return mib(request)

    with speaking(picky) as target:
        reading = await read_counters(snmp, target, all_ports(range(1, 9)))
    lost = [row.name for row in reading.rows if row.in_octets is None]
    assert lost == ["ether5"]
    assert {row.uptime_ticks for row in reading.rows} == {360_000}


async def test_the_first_interface_failing_still_leaves_an_uptime(snmp: Engine) -> None:
    mib = switch(range(1, 3))

    def picky(request: wire.Request) -> list[bytes]:
        if f"{oids.IF_NAME}.1" in request.oids:
            binds = [(oid, wire.NULL) for oid in request.oids]
            return [request.answer(binds, status=wire.GEN_ERR, index=1)]
        return mib(request)

    with speaking(picky) as target:
        reading = await read_counters(snmp, target, all_ports(range(1, 3)))
    assert [row.in_octets for row in reading.rows] == [None, 2000]
    assert reading.uptime_ticks == 360_000


async def test_garbage_is_nonsense_to_gufo(gufo: Engine) -> None:
    # trailing octets after a whole message, and something that is no BER at all
    for garbage in (bytes.fromhex("3003020101ff"), b"\x48\x02hi" * 9, b"HTTP/1.1 400 Bad Request"):
        with speaking(lambda _, sent=garbage: [sent]) as target, pytest.raises(Nonsense):  # type: ignore[misc]
            await gufo.get(target, [oids.SYS_NAME])


async def test_an_answer_to_another_question_is_no_answer(snmp: Engine) -> None:
    other = "1.3.6.1.2.1.1.4.0"
    with speaking(lambda request: [request.answer([(other, wire.octets(b"x"))])]) as target:
        assert await snmp.get(target, [oids.SYS_NAME]) == {}


async def test_an_agent_without_uptime_is_nonsense(snmp: Engine) -> None:
    mib = Mib({f"{oids.IF_NAME}.1": wire.octets(b"ether1")})
    with speaking(mib) as target, pytest.raises(Nonsense):
        await read_counters(snmp, target, all_ports(range(1, 2)))


async def test_a_walk_that_goes_in_circles_is_stopped(snmp: Engine) -> None:
    def circling(request: wire.Request) -> list[bytes]:
        rows = [(f"{oids.IF_NAME}.{index}", wire.octets(b"x")) for index in (1, 2)]
        return [request.answer(rows)]

    with speaking(circling) as target, pytest.raises(Nonsense, match="circles"):
        await snmp.walk(target, oids.IF_NAME)


async def test_a_walk_that_fails_half_way_is_not_a_short_walk(snmp: Engine) -> None:
    """An error in the middle must not look like the end: 40 rows would become 20."""
    mib = switch(range(1, 41))

    def failing(request: wire.Request) -> list[bytes]:
        if request.kind == wire.GETBULK and request.repetitions > 5:
            return [request.answer([], status=wire.GEN_ERR)]
        return mib(request)

    with speaking(failing) as target:
        assert len(await snmp.walk(target, oids.IF_NAME)) == 40
        rows = await snmp.getbulk(target, oids.IF_NAME, max_repetitions=4)
        assert len(rows) == 4


async def test_interfaces_that_are_counted_but_not_listed_are_nonsense(snmp: Engine) -> None:
    mib = Mib({oids.SYS_UPTIME: wire.ticks(1), oids.IF_NUMBER: wire.integer(24)})
    with speaking(mib) as target, pytest.raises(Nonsense, match=r"counts 24 .* lists none"):
        await discover(snmp, target)


async def test_a_device_that_fails_every_getbulk_is_not_one_without_interfaces(
    snmp: Engine,
) -> None:
    mib = switch(range(1, 3))

    def failing(request: wire.Request) -> list[bytes]:
        if request.kind == wire.GETBULK:
            return [request.answer([], status=wire.GEN_ERR)]
        return mib(request)

    with speaking(failing) as target, pytest.raises(Nonsense):
        await discover(snmp, target)


async def test_an_error_to_getbulk_is_nonsense_to_easysnmp() -> None:
    pytest.importorskip("easysnmp")
    with speaking(lambda request: [request.answer([], status=wire.GEN_ERR)]) as target:
        with pytest.raises(Nonsense, match="answers an error to GETBULK"):
            await engine("easysnmp").walk(target, oids.IF_NAME)
        with pytest.raises(Nonsense, match="answers an error to GETBULK"):
            await engine("easysnmp").getbulk(target, oids.IF_NAME)


async def test_an_agent_that_makes_up_rows_for_ever_is_stopped(
    snmp: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ispcore.protocols.snmp.conversation.MOST_ROWS", 1000)

    def endless(request: wire.Request) -> list[bytes]:
        last = request.oids[0].removeprefix(oids.IF_NAME).strip(".")
        first = int(last or 0) + 1
        rows = [
            (f"{oids.IF_NAME}.{index}", wire.octets(b"x")) for index in range(first, first + 20)
        ]
        return [request.answer(rows)]

    with speaking(endless) as target, pytest.raises(Nonsense, match="no end of rows"):
        await snmp.walk(target, oids.IF_NAME)


async def test_thirty_two_bit_counters_are_read_where_there_are_no_others(snmp: Engine) -> None:
    with speaking(switch(range(1, 3))) as target:
        reading = await read_counters(snmp, target, all_ports(range(1, 3), bits=32))
    assert [(row.in_octets, row.bits) for row in reading.rows] == [(1, 32), (2, 32)]


async def test_no_wanted_interface_still_reads_the_uptime(snmp: Engine) -> None:
    with speaking(switch()) as target:
        reading = await read_counters(snmp, target, [])
    assert (reading.uptime_ticks, reading.if_number, reading.rows) == (360_000, 100, ())
    assert not reading.renumbered


async def test_an_interface_without_name_is_called_by_its_description(snmp: Engine) -> None:
    mib = switch(range(1, 5))
    unnamed = {f"{oids.IF_NAME}.1", f"{oids.IF_NAME}.2", f"{oids.IF_DESCR}.2"}
    mib.values = {oid: value for oid, value in mib.values.items() if oid not in unnamed}
    mib.values |= {
        f"{oids.IF_NAME}.2": wire.octets(b""),
        f"{oids.IF_NAME}.3": wire.octets(b"ether4"),
    }
    with speaking(mib) as target:
        found = await discover(snmp, target)
        wanted = [Wanted(one.index, one.name, one.counter_bits) for one in found.interfaces]
        reading = await read_counters(snmp, target, wanted)
    names = ["Ethernet port 1", "if2", "ether4 (index 3)", "ether4 (index 4)"]
    assert [row.name for row in reading.rows] == names
    assert [row.in_octets for row in reading.rows] == [1000, 2000, 3000, 4000]
    assert not reading.renumbered


async def test_a_port_without_octet_counters_is_known_to_have_none(snmp: Engine) -> None:
    mib = Mib(
        {
            oids.SYS_UPTIME: wire.ticks(1),
            f"{oids.IF_DESCR}.1": wire.octets(b"dummy"),
            f"{oids.IF_DESCR}.2": wire.octets(b"old"),
            f"{oids.IF_IN_OCTETS}.2": wire.counter32(0),
            f"{oids.IF_OPER_STATUS}.2": wire.integer(42),
        }
    )
    with speaking(mib) as target:
        found = await discover(snmp, target)
    assert [(one.counter_bits, one.oper_state) for one in found.interfaces] == [
        (0, "unknown"),
        (32, "unknown"),
    ]
    assert (found.if_number, found.sys_name, found.sys_object_id) == (None, "", "")


async def test_an_address_without_a_way_is_unreachable(snmp: Engine) -> None:
    target = SnmpTarget("fe80::1%nowhere", community="public", timeout_s=0.1, retries=0)
    with pytest.raises(Unreachable):
        await snmp.get(target, [oids.SYS_NAME])


async def test_a_destination_that_may_not_be_sent_to_is_unreachable(snmp: Engine) -> None:
    """A broadcast address: the kernel refuses it, nothing is sent."""
    target = SnmpTarget("255.255.255.255", community="public", timeout_s=0.1, retries=0)
    with pytest.raises(Unreachable):
        await snmp.get(target, [oids.SYS_NAME])


async def test_getbulk_survives_one_lost_answer_and_names_an_error(snmp: Engine) -> None:
    mib = switch(range(1, 9))
    mib.delays_s = [0.5]
    with speaking(mib) as target:
        assert len(await snmp.getbulk(target, oids.IF_NAME, max_repetitions=4)) == 4
