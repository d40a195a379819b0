"""The SNMP agent, datagram by datagram."""

import dataclasses

import pytest

from lab import ber
from lab.ber import Oid, Reader, Varbind
from lab.device import Device
from lab.interface_menus import InterfaceMenu
from lab.mib import RouterView
from lab.spec import RouterSpec
from lab.traffic import Level
from tests.lab.conftest import StillClock, two_vlans

GET, GET_NEXT, SET, GET_BULK = 0xA0, 0xA1, 0xA3, 0xA5
IF_NAME: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)
HC_OUT: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 10)
IF_OUT: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 16)
SPEED: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 15)
IF_TYPE: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 3)
STATUS: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 8)
SYS_UP_TIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
SYS_NAME: Oid = (1, 3, 6, 1, 2, 1, 1, 5, 0)


@dataclasses.dataclass
class Answer:
    status: int
    index: int
    rows: list[Varbind]
    size: int

    @property
    def values(self) -> list[ber.Plain]:
        return [value for _, _, value in self.rows]

    @property
    def tags(self) -> list[int]:
        return [tag for _, tag, _ in self.rows]


def ask(
    device: Device,
    kind: int,
    *names: Oid,
    version: int = 1,
    community: str = "lab-community",
    first: int = 0,
    second: int = 0,
) -> Answer | None:
    """One request; None where the agent keeps silent."""
    rows: list[Varbind] = [(name, ber.NULL, None) for name in names]
    numbers = (ber.integer(number) for number in (77, first, second))
    pdu = ber.sequence(*numbers, ber.varbinds(rows), tag=kind)
    head = ber.integer(version), ber.octet_string(community.encode())
    out = device.agent.answer(ber.sequence(*head, pdu))
    if out is None:
        return None
    message = Reader(out).inner()
    assert (message.integer(), message.take(ber.OCTETS)) == (version, community.encode())
    inner = message.inner(0xA2)
    assert inner.integer() == 77
    return Answer(inner.integer(), inner.integer(), list(inner.varbinds()), len(out))


def walk(device: Device, under: Oid, version: int = 1) -> list[Varbind]:
    rows: list[Varbind] = []
    at = under
    while True:
        answer = ask(device, GET_NEXT, at, version=version)
        assert answer is not None
        if answer.status or answer.rows[0][0][: len(under)] != under:
            return rows
        if answer.rows[0][1] == ber.END_OF_MIB_VIEW:
            return rows
        rows += answer.rows
        at = answer.rows[0][0]


@pytest.fixture
def device(clock: StillClock) -> Device:
    return Device(two_vlans(), clock=clock)


def test_counters_of_snmp_and_api_agree(device: Device, clock: StillClock) -> None:
    menu = InterfaceMenu(device.router)
    for seconds in (0, 0.5, 61, 3600):
        clock.tick(seconds)
        rows = {row["name"]: int(row["tx-byte"]) for row in menu.rows()}
        names = walk(device, IF_NAME)
        for (_, _, name), (_, _, octets) in zip(names, walk(device, HC_OUT), strict=True):
            assert isinstance(name, bytes)
            assert rows[name.decode()] == octets


def test_the_32_bit_counter_is_the_low_word(device: Device) -> None:
    device.router.preset(device.router.interface("vlan101"), tx=2**32 * 7 + 5)
    answer = ask(device, GET, (*HC_OUT, 4), (*IF_OUT, 4))
    assert answer is not None
    assert answer.values == [2**32 * 7 + 5, 5]
    assert answer.tags == [ber.COUNTER64, ber.COUNTER32]


def test_routeros_reality(device: Device) -> None:
    """Types, speed 0 without link, no ifCounterDiscontinuityTime."""
    assert [value for *_, value in walk(device, IF_TYPE)] == [6, 6, 6, 135, 135]
    assert [value for *_, value in walk(device, SPEED)] == [0, 10000, 10000, 10000, 10000]
    assert walk(device, (*IF_NAME[:-1], 19)) == []


def test_discontinuity_time_can_be_switched_on(clock: StillClock) -> None:
    device = Device(two_vlans(discontinuity_time=True), clock=clock)
    oid = (*IF_NAME[:-1], 19)
    assert [value for *_, value in walk(device, oid)] == [0] * 5
    clock.tick(10)
    device.router.preset(device.router.interface("vlan101"), tx=0)
    assert walk(device, oid)[0][2] == device.router.ticks()


def test_a_vlan_over_a_dead_port_is_lower_layer_down(device: Device) -> None:
    device.router.set_state(device.router.interface("sfp-sfpplus2"), link=False)
    assert [value for *_, value in walk(device, STATUS)] == [2, 1, 2, 7, 7]


def test_what_is_absent_says_so(device: Device) -> None:
    answer = ask(device, GET, (*IF_NAME, 99), (1, 3, 6, 1, 9, 9), SYS_NAME)
    assert answer is not None
    assert answer.status == 0
    assert answer.tags == [ber.NO_SUCH_INSTANCE, ber.NO_SUCH_OBJECT, ber.OCTETS]


def test_a_v1_agent_names_the_first_absent_object(device: Device) -> None:
    answer = ask(device, GET, SYS_NAME, (*IF_NAME, 99), version=0)
    assert answer is not None
    assert (answer.status, answer.index) == (2, 2)


def test_v1_never_sees_a_64_bit_counter(device: Device) -> None:
    assert walk(device, HC_OUT, version=0) == []
    answer = ask(device, GET, (*HC_OUT, 4), version=0)
    assert answer is not None
    assert answer.status == 2
    assert len(walk(device, IF_OUT, version=0)) == 5


def test_an_unknown_community_is_met_with_silence(device: Device) -> None:
    assert ask(device, GET, SYS_NAME, community="public") is None


@pytest.mark.parametrize(
    "datagram", [b"", b"\x30", b"GET / HTTP/1.0\r\n\r\n", b"\x30\x03\x02\x01\x01"]
)
def test_nonsense_is_met_with_silence(device: Device, datagram: bytes) -> None:
    assert device.agent.answer(datagram) is None


def test_a_set_is_refused(device: Device) -> None:
    answer = ask(device, SET, SYS_NAME)
    assert answer is not None
    assert answer.status == 6


def test_an_answer_that_does_not_fit_is_too_big(clock: StillClock) -> None:
    device = Device(two_vlans(snmp_max_size=484), clock=clock)
    names = [(*column, index) for column in (IF_NAME, HC_OUT, IF_OUT) for index in range(1, 6)]
    answer = ask(device, GET, *names * 2)
    assert answer is not None
    assert (answer.status, answer.rows) == (1, [])
    fitting = ask(device, GET, *names)
    assert fitting is not None
    assert fitting.status == 0
    assert fitting.size <= 484


@pytest.mark.parametrize("room", [484, 600, 1472])
def test_getbulk_is_cut_to_fit(clock: StillClock, room: int) -> None:
    device = Device(two_vlans(snmp_max_size=room), clock=clock)
    answer = ask(device, GET_BULK, IF_NAME, HC_OUT, second=100)
    assert answer is not None
    assert answer.status == 0
    assert room - 60 < answer.size <= room


def test_getbulk_repeats_only_the_repeaters(device: Device) -> None:
    answer = ask(device, GET_BULK, SYS_UP_TIME[:-1], IF_NAME, HC_OUT, first=1, second=2)
    assert answer is not None
    assert [oid for oid, *_ in answer.rows] == [
        SYS_UP_TIME,
        (*IF_NAME, 1),
        (*HC_OUT, 1),
        (*IF_NAME, 2),
        (*HC_OUT, 2),
    ]


def test_getbulk_ends_at_the_end_of_the_view(device: Device) -> None:
    answer = ask(device, GET_BULK, (1, 3, 6, 1, 4, 1, 14988, 1, 1, 7, 8), second=10)
    assert answer is not None
    assert answer.tags == [ber.OCTETS, ber.OCTETS, ber.END_OF_MIB_VIEW]


def test_a_walk_visits_everything_in_order(device: Device) -> None:
    oids = [oid for oid, *_ in walk(device, (1, 3))]
    assert oids == sorted(set(oids))
    assert oids == RouterView(device.router).oids


def test_renumbering_moves_the_rows(device: Device) -> None:
    device.router.renumber(by=50)
    rows = walk(device, IF_NAME)
    assert [oid[-1] for oid, *_ in rows] == [51, 52, 53, 54, 55]
    assert rows[0][2] == b"vlan102"


def test_names_that_are_not_utf8_go_out_as_they_are(device: Device) -> None:
    device.router.rename(device.router.interface("vlan101"), "caf\udce9")
    answer = ask(device, GET, (*IF_NAME, 4))
    assert answer is not None
    assert answer.values == [b"caf\xe9"]


def test_a_level_shows_in_the_counters(device: Device, clock: StillClock) -> None:
    device.router.set_level("vlan101", Level(down_bps=100_000_000, up_bps=1_000_000))
    before = ask(device, GET, (*HC_OUT, 4), SYS_UP_TIME)
    clock.tick(60)
    after = ask(device, GET, (*HC_OUT, 4), SYS_UP_TIME)
    assert before is not None
    assert after is not None
    assert [new - old for new, old in zip(after.values, before.values, strict=True)] == [  # type: ignore[operator]  # both are numbers
        750_000_000,
        6000,
    ]


def test_any_community_when_the_spec_says_so(clock: StillClock) -> None:
    device = Device(RouterSpec("open", community="*"), clock=clock)
    assert ask(device, GET, SYS_NAME, community="whatever") is not None
