"""Devices that mean harm: what they send is bounded in time, size and range, or refused."""

import itertools
import socket
import time
from collections.abc import Iterator, Mapping

import pytest

from ispcore.protocols.errors import Nonsense, ProtocolError, Unreachable
from ispcore.protocols.routeros import connect, identity, read_counters, read_interfaces
from ispcore.protocols.snmp import discover, oids
from ispcore.protocols.snmp import read_counters as read_snmp_counters
from ispcore.protocols.snmp.conversation import Engine
from ispcore.protocols.snmp.values import Wanted
from tests.protocols import wire_agent as wire
from tests.protocols.test_routeros_wire import DONE, Play, sentence, server
from tests.protocols.test_snmp_wire import speaking, switch
from tests.protocols.wire_agent import Mib

WIRE = "ispcore.protocols.routeros.wire"
RESOURCE = {"uptime": "1d", "version": "7.16", "board-name": "CCR2004"}
PORT = {".id": "*1", "name": "ether1", "rx-byte": "10", "tx-byte": "20", "running": "true"}


def word(text: bytes) -> bytes:
    """Any length: RouterOS' prefix of one to four octets."""
    size = len(text)
    if size < 0x80:
        return bytes([size]) + text
    if size < 0x4000:
        return (size | 0x8000).to_bytes(2, "big") + text
    return (size | 0xC00000).to_bytes(3, "big") + text


def row(values: Mapping[str, str]) -> bytes:
    return word(b"!re") + b"".join(word(f"={k}={v}".encode()) for k, v in values.items()) + b"\0"


def menus(**tables: list[dict[str, str]]) -> Play:
    """A router whose menus hold these rows; `_` in a keyword is the `/` of a menu."""

    def play(client: socket.socket) -> None:
        while asked := client.recv(4096):
            found = next((rows for name, rows in tables.items() if _path(name) in asked), [])
            client.sendall(b"".join(row(values) for values in found) + DONE)

    return play


def _path(name: str) -> bytes:
    return b"/" + name.replace("_", "/").encode() + b"/print"


def endlessly(chunk: bytes) -> Play:
    """Logs anybody in, and answers the first question without end."""

    def play(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(DONE)
        client.recv(4096)
        while True:
            client.sendall(chunk)

    return play


@pytest.mark.parametrize(
    ("chunk", "limit"),
    [
        (row({"name": "x" * 100}) * 500, "MOST_OCTETS"),
        (sentence(b"!re") * 5000, "MOST_SENTENCES"),
        (b"\x01=" * 5000, "MOST_WORDS"),
        (b"\0" * 5000, "MOST_OCTETS"),
    ],
)
def test_an_answer_without_end_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, chunk: bytes, limit: str
) -> None:
    monkeypatch.setattr(f"{WIRE}.MOST_OCTETS", 1_000_000)
    monkeypatch.setattr(f"{WIRE}.MOST_SENTENCES", 20_000)
    started = time.monotonic()
    with (
        server(endlessly(chunk), timeout_s=5.0) as target,
        connect(target) as session,
        pytest.raises(Nonsense),
    ):
        identity(session)
    assert time.monotonic() - started < 60, limit


@pytest.mark.parametrize(
    "octets", ["9" * 5000, str(2**64), "-1", "1e9", "٣", "0x10", "10 ", "", "NaN"]
)
def test_a_counter_that_is_none_is_unknown(octets: str) -> None:
    play = menus(interface=[PORT | {"rx-byte": octets}], system_resource=[RESOURCE])
    with server(play) as target, connect(target) as session:
        (read,) = read_counters(session, ["ether1"]).rows
    assert (read.in_octets, read.out_octets) == (None, 20)


def test_the_largest_counter_is_exact() -> None:
    play = menus(interface=[PORT | {"rx-byte": str(2**64 - 1)}], system_resource=[RESOURCE])
    with server(play) as target, connect(target) as session:
        (read,) = read_counters(session, ["ether1"]).rows
    assert read.in_octets == 2**64 - 1


@pytest.mark.parametrize("uptime", ["9" * 400 + "w", "9999999w", "1d" * 3000, "٣w"])
def test_an_impossible_uptime_is_nonsense(uptime: str) -> None:
    play = menus(interface=[PORT], system_resource=[RESOURCE | {"uptime": uptime}])
    with server(play) as target, connect(target) as session, pytest.raises(Nonsense):
        read_counters(session, ["ether1"])


def test_an_impossible_index_is_nonsense() -> None:
    with (
        server(menus(interface=[PORT | {".id": "*FFFFFFFF"}])) as target,
        connect(target) as session,
        pytest.raises(Nonsense, match="impossible index 4294967295"),
    ):
        read_interfaces(session)


def test_long_names_that_begin_alike_stay_apart_and_fit() -> None:
    ports = [PORT | {".id": f"*{n}", "name": "n" * 5000 + str(n)} for n in range(1, 4)]
    with server(menus(interface=ports)) as target, connect(target) as session:
        found = read_interfaces(session)
    assert len({each.name[:300] for each in found}) == 3
    assert max(len(each.name) for each in found) < 300


@pytest.mark.parametrize("mac", ["ff" * 20, "00:11:22:33:44:55:66:77", "<script>", "\x1b[31m"])
def test_a_link_address_of_another_kind_is_no_mac(mac: str) -> None:
    ports = [PORT | {"mac-address": mac}, PORT | {".id": "*2", "mac-address": "AA:BB:CC:DD:EE:FF"}]
    with server(menus(interface=ports)) as target, connect(target) as session:
        assert [each.mac for each in read_interfaces(session)] == ["", "aa:bb:cc:dd:ee:ff"]


# ---- SNMP


def _with(values: Mapping[str, bytes]) -> Mib:
    mib = switch(range(1, 3))
    mib.values = {**mib.values, **values}
    return mib


async def test_an_agent_that_answers_at_the_last_moment_is_given_up(
    snmp: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ispcore.protocols.snmp.conversation.LONGEST_S", 1.0)
    mib = switch(range(1, 400))
    mib.delays_s = [0.2] * 10_000
    started = time.monotonic()
    with speaking(mib, timeout_s=5.0) as target, pytest.raises(Unreachable, match="to an end"):
        await discover(snmp, target)
    assert time.monotonic() - started < 40


async def test_values_that_no_table_holds_are_left_out(snmp: Engine) -> None:
    mib = _with(
        {
            oids.IF_NUMBER: wire.integer(2**31),
            f"{oids.IF_PHYS_ADDRESS}.1": wire.octets(bytes(20)),
            f"{oids.IF_PHYS_ADDRESS}.2": wire.octets(bytes(6)),
            f"{oids.IF_NAME}.1": wire.octets(b"n" * 3000),
            f"{oids.IF_HIGH_SPEED}.1": wire.gauge(2**32 - 1),
        }
    )
    with speaking(mib) as target:
        found = await discover(snmp, target)
    first, second = found.interfaces
    assert (first.mac, second.mac) == ("", "00:00:00:00:00:00")
    assert len(first.name) == 255
    assert first.speed_bps is None or first.speed_bps < 2**63
    assert found.if_number is None or found.if_number < 2**31


@pytest.mark.parametrize("bits", [33, 62, 63, 64, 70, 200, 2000])
async def test_no_integer_is_too_large_to_be_judged(snmp: Engine, bits: int) -> None:
    huge = 2**bits + 5
    mib = _with(
        {
            f"{oids.IF_HC_IN_OCTETS}.1": wire.counter64(huge),
            f"{oids.IF_TYPE}.1": wire.integer(huge),
            f"{oids.IF_SPEED}.1": wire.gauge(huge),
            f"{oids.IF_HIGH_SPEED}.1": wire.gauge(huge),
        }
    )
    with speaking(mib) as target:
        try:
            reading = await read_snmp_counters(snmp, target, [Wanted(1, "ether1", 64)])
            found = await discover(snmp, target)
        except ProtocolError:
            return  # refused as a whole is as good
    assert all(r.in_octets is None or 0 <= r.in_octets < 2**64 for r in reading.rows)
    for each in found.interfaces:
        assert 0 < each.if_type < 2**31
        assert each.speed_bps is None or 0 <= each.speed_bps < 2**63


@pytest.mark.parametrize("bits", [32, 40, 64, 200])
async def test_an_uptime_beyond_its_type_is_no_uptime(snmp: Engine, bits: int) -> None:
    mib = _with({oids.SYS_UPTIME: wire.ticks(2**bits + 5)})
    with speaking(mib) as target:
        try:
            reading = await read_snmp_counters(snmp, target, [Wanted(1, "ether1", 64)])
        except ProtocolError:
            return
    assert 0 <= reading.uptime_ticks < 2**32


async def test_an_index_beyond_its_type_is_nonsense(snmp: Engine) -> None:
    mib = _with({f"{oids.IF_NAME}.{2**32 - 1}": wire.octets(b"x")})
    with speaking(mib) as target, pytest.raises(Nonsense, match="impossible index"):
        await discover(snmp, target)


def _bytes() -> Iterator[bytes]:
    seeds = (b"\x30", b"\x30\x84\xff\xff\xff\xff", b"\x30\x80", b"\0" * 2000, b"\xff" * 2000)
    tags = (bytes([tag]) + b"\xff" * 40 for tag in range(0, 256, 15))
    return itertools.chain(seeds, tags, (bytes([0x30, n]) + bytes(n) for n in range(0, 120, 40)))


@pytest.mark.parametrize("raw", list(_bytes()))
async def test_no_datagram_breaks_the_engine(snmp: Engine, raw: bytes) -> None:
    with speaking(lambda request: [raw], timeout_s=0.1) as target, pytest.raises(ProtocolError):
        await read_snmp_counters(snmp, target, [Wanted(1, "ether1", 64)])
