"""What a RouterOS API session says word by word, on a plain socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from lab.network import Lab
from lab.testing import lab_in_loop
from lab.words import encode_sentence, read_sentence
from tests.lab.conftest import two_vlans


class Client:
    """Sends sentences and reads replies, nothing more."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *words: str) -> None:
        self.writer.write(encode_sentence(word.encode() for word in words))

    async def read(self) -> list[str]:
        sentence = await asyncio.wait_for(read_sentence(self.reader), 5)
        return [word.decode("latin-1") for word in sentence]

    async def ask(self, *words: str) -> list[list[str]]:
        """All replies of one command, up to its `!done`."""
        self.send(*words)
        replies = [await self.read()]
        while replies[-1][0] != "!done":
            replies.append(await self.read())
        return replies

    async def at_end(self) -> bool:
        return await asyncio.wait_for(self.reader.read(1), 5) == b""


@asynccontextmanager
async def client_of(lab: Lab, *, login: bool = True) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", lab.devices["r1"].api_port)
    client = Client(reader, writer)
    if login:
        assert await client.ask("/login", "=name=noc", "=password=lab-password") == [["!done"]]
    try:
        yield client
    finally:
        writer.close()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with lab_in_loop([two_vlans()]) as lab, client_of(lab) as made:
        made.lab = lab  # type: ignore[attr-defined]
        yield made


async def test_a_trap_has_a_category_and_is_followed_by_done(client: Client) -> None:
    replies = await client.ask("/interface/set", "=.id=*FF", "=name=x", ".tag=5")
    trap = ["!trap", ".tag=5", "=category=0", "=message=no such item"]
    assert replies == [trap, ["!done", ".tag=5"]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("/nowhere/print",), "no such command prefix"),
        (("/interface/explode",), "no such command"),
        (("/interface/vlan/add", "=name=v"), "missing value(s) of argument(s) vlan-id interface"),
        (("/interface/set", "=.id=*1", "=colour=red"), "unknown parameter"),
        (("/interface/set", "=.id=*1", "=disabled=maybe"), "input does not match any value of"),
        (("/interface/remove", "=.id=*1"), "failure: can not remove physical interface"),
        (("/interface/print", "?#x"), "unknown query operation"),
        (("/interface/monitor-traffic", "=once=", "=interface=zz"), "input does not match any"),
        (("/ip/address/add", "=address=10.0.0.1/24", "=interface=zz"), "input does not match"),
        (("/queue/simple/add", "=target=x", "=max-limit=fast"), "invalid value for argument"),
        (("/interface/set", "=name=x"), "missing value(s) of argument(s) .id"),
        (("/system/resource/set", "=uptime=0s"), "no such command"),
    ],
)
async def test_a_command_fails_in_routeros_words(
    client: Client, words: tuple[str, ...], message: str
) -> None:
    replies = await client.ask(*words)
    assert replies[-1] == ["!done"]
    assert replies[0][0] == "!trap"
    assert message in replies[0][-1]


async def test_a_failed_change_changes_nothing(client: Client) -> None:
    before = await client.ask("/interface/vlan/print")
    await client.ask("/interface/vlan/set", "=.id=vlan101", "=name=new", "=vlan-id=5000")
    await client.ask("/interface/vlan/set", "=.id=vlan101", "=name=vlan102", "=vlan-id=9")
    assert await client.ask("/interface/vlan/print") == before


async def test_items_answer_to_their_names(client: Client) -> None:
    assert await client.ask("/interface/disable", "=numbers=vlan101,vlan102") == [["!done"]]
    replies = await client.ask("/interface/print", "?disabled=true", "=.proplist=name")
    assert replies[:-1] == [["!re", "=name=vlan101"], ["!re", "=name=vlan102"]]


async def test_getall_is_print_and_count_only_counts(client: Client) -> None:
    words = ("?type=vlan", "=.proplist=.id")
    assert await client.ask("/interface/getall", *words) == await client.ask(
        "/interface/print", *words
    )
    assert await client.ask("/interface/print", "=count-only=") == [["!done", "=ret=5"]]


async def test_empty_is_said_from_7_18_on_only() -> None:
    routers = [two_vlans(version="7.18")]
    async with lab_in_loop(routers) as lab, client_of(lab) as client:
        assert await client.ask("/queue/simple/print") == [["!empty"], ["!done"]]
    async with lab_in_loop([two_vlans(version="7.17")]) as lab, client_of(lab) as client:
        assert await client.ask("/queue/simple/print") == [["!done"]]


async def test_listen_tells_changes_and_deaths_until_cancelled(client: Client) -> None:
    client.send("/interface/vlan/listen", "=.proplist=.id,comment,.dead", ".tag=l")
    await client.ask("/interface/vlan/set", "=.id=vlan101", "=comment=hot", ".tag=s")
    assert await client.read() == ["!re", ".tag=l", "=.id=*4", "=comment=hot"]
    client.send("/interface/vlan/remove", "=.id=*4", ".tag=r")
    heard = sorted([await client.read(), await client.read()])
    assert heard == [["!done", ".tag=r"], ["!re", ".tag=l", "=.id=*4", "=.dead=true"]]
    replies = [*await client.ask("/cancel", "=tag=l", ".tag=c"), await client.read()]
    interrupted = ["!trap", ".tag=l", "=category=2", "=message=interrupted"]
    assert replies == [interrupted, ["!done", ".tag=l"], ["!done", ".tag=c"]]


@pytest.mark.parametrize(
    "words",
    [
        ("/interface/listen", "?#x"),
        ("/nowhere/listen",),
        ("/nowhere/monitor-traffic", "=interface=vlan101"),
        ("/interface/monitor-traffic", "=interface=nobody"),
        ("/interface/monitor-traffic", "=interface=vlan101", "=interval=soon"),
        ("/interface/monitor-traffic", "=interface=vlan101", "=interval=0"),
    ],
)
async def test_a_stream_that_cannot_be_ends_with_a_trap(
    client: Client, words: tuple[str, ...]
) -> None:
    assert [reply[0] for reply in await client.ask(*words)] == ["!trap", "!done"]


async def test_cancelling_nothing_is_a_trap(client: Client) -> None:
    replies = await client.ask("/cancel", "=tag=nobody")
    assert [reply[0] for reply in replies] == ["!trap", "!done"]


async def test_monitor_traffic_once_ends_by_itself(client: Client) -> None:
    words = ("/interface/monitor-traffic", "=interface=vlan101,sfp-sfpplus1", "=once=")
    replies = await client.ask(*words)
    assert [reply[1] for reply in replies[:-1]] == ["=name=vlan101", "=name=sfp-sfpplus1"]


async def test_commands_run_beside_a_stream(client: Client) -> None:
    client.send("/interface/monitor-traffic", "=interface=vlan101", "=interval=60", ".tag=m")
    assert (await client.read())[:2] == ["!re", ".tag=m"]
    assert await client.ask("/system/identity/print", ".tag=i") == [
        ["!re", ".tag=i", "=name=r1"],
        ["!done", ".tag=i"],
    ]


async def test_quit_is_fatal(client: Client) -> None:
    client.send("/quit")
    assert await client.read() == ["!fatal", "session terminated on request"]
    assert await client.at_end()


async def test_nothing_goes_before_login() -> None:
    async with lab_in_loop([two_vlans()]) as lab, client_of(lab, login=False) as client:
        client.send("/interface/print")
        assert await client.read() == ["!fatal", "not logged in"]
        assert await client.at_end()


async def test_a_control_byte_closes_the_session(client: Client) -> None:
    client.writer.write(b"\xf8")
    assert await client.at_end()


async def test_octets_that_are_not_utf8_come_back_as_they_were(client: Client) -> None:
    client.writer.write(encode_sentence([b"/interface/set", b"=.id=*4", b"=comment=caf\xe9\xff"]))
    assert await client.read() == ["!done"]
    replies = await client.ask("/interface/print", "?.id=*4", "=.proplist=comment")
    assert replies[0] == ["!re", "=comment=caf\xe9\xff"]


async def test_a_response_without_a_challenge_is_no_login() -> None:
    async with (
        lab_in_loop([two_vlans(version="6.42")]) as lab,
        client_of(lab, login=False) as client,
    ):
        replies = await client.ask("/login", "=name=noc", "=response=00" + 32 * "0")
        assert replies[0] == ["!trap", "=message=invalid user name or password (6)"]


async def test_identity_can_be_set(client: Client) -> None:
    assert await client.ask("/system/identity/set", "=name=gulshan") == [["!done"]]
    assert (await client.ask("/system/identity/print"))[0] == ["!re", "=name=gulshan"]


async def test_uptime_is_written_as_routeros_writes_it(client: Client) -> None:
    replies = await client.ask("/system/resource/print", "=.proplist=uptime")
    assert replies[0][1].startswith("=uptime=1w2d4h")


async def test_addresses_are_kept_per_interface(client: Client) -> None:
    words = ("=address=10.9.0.1/30", "=interface=vlan101", "=comment=Meghna")
    assert await client.ask("/ip/address/add", *words) == [["!done", "=ret=*1"]]
    await client.ask("/ip/address/disable", "=.id=*1")
    replies = await client.ask("/ip/address/print", "=.proplist=address,disabled,comment")
    row = ["!re", "=address=10.9.0.1/30", "=disabled=true", "=comment=Meghna"]
    assert replies == [row, ["!done"]]


async def test_a_vlan_can_move_to_another_port(client: Client) -> None:
    words = ("=.id=vlan101", "=interface=ether1", "=vlan-id=999", "=mtu=1480")
    assert await client.ask("/interface/vlan/set", *words) == [["!done"]]
    proplist = "=.proplist=interface,vlan-id,mtu,running"
    replies = await client.ask("/interface/vlan/print", "?name=vlan101", proplist)
    row = ["!re", "=interface=ether1", "=vlan-id=999", "=mtu=1480", "=running=false"]
    assert replies[0] == row


async def test_queues_get_a_name_and_must_not_share_one(client: Client) -> None:
    await client.ask("/queue/simple/add", "=target=vlan101", "=max-limit=2G")
    replies = await client.ask("/queue/simple/add", "=target=vlan102", "=name=queue1")
    assert replies[0] == ["!trap", "=category=4", "=message=failure: already have such name"]
    rows = await client.ask("/queue/simple/print", "=.proplist=name,max-limit")
    assert rows[0] == ["!re", "=name=queue1", "=max-limit=2000000000/2000000000"]


async def test_a_listener_that_goes_away_is_forgotten() -> None:
    async with lab_in_loop([two_vlans()]) as lab:
        async with client_of(lab) as client:
            client.send("/interface/listen", ".tag=1")
            await client.ask("/system/identity/print", ".tag=2")
            assert len(lab.devices["r1"].router.watchers) == 1
        for _ in range(50):
            await asyncio.sleep(0.02)
            if not lab.devices["r1"].router.watchers:
                break
        assert lab.devices["r1"].router.watchers == []
