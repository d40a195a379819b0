"""A fleet's answers, datagram by datagram, against the plain rules of RFC 3416."""

import contextlib
import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import ber
from lab.ber import BadBer, Oid, Reader, Varbind
from lab.fleet.answering import LARGEST, Answerer
from lab.fleet.layout import FleetRouter, Layout
from lab.fleet.spec import Faults, FleetSpec
from lab.snmp import GET, GET_BULK, GET_NEXT, SET
from lab.spec import BadSpec

SPEC = FleetSpec(routers=20, vlans=50)
ROUTERS = [FleetRouter(SPEC, number) for number in range(1, 21)]
TICKS = 864_012_345
SYS_UP_TIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
SYS_NAME: Oid = (1, 3, 6, 1, 2, 1, 1, 5, 0)
IF_IN: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 10)
HC_IN: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6)


@pytest.fixture(scope="module")
def answerer() -> Answerer:
    return Answerer(Layout(SPEC.vlans), SPEC.community)


def question(
    kind: int,
    *names: Oid,
    request_id: int = 77,
    first: int = 0,
    second: int = 0,
    community: str = SPEC.community,
) -> bytes:
    rows: list[Varbind] = [(name, ber.NULL, None) for name in names]
    numbers = (ber.integer(number) for number in (request_id, first, second))
    pdu = ber.sequence(*numbers, ber.varbinds(rows), tag=kind)
    return ber.sequence(ber.integer(1), ber.octet_string(community.encode()), pdu)


@dataclasses.dataclass
class Answer:
    request_id: int
    status: int
    index: int
    rows: list[Varbind]


def read(datagram: bytes | None) -> Answer:
    """The answer taken apart, every length checked against what is there."""
    assert datagram is not None
    whole = Reader(datagram)
    message = whole.inner()
    assert not whole.more
    assert (message.integer(), message.take(ber.OCTETS)) == (1, SPEC.community.encode())
    pdu = message.inner(0xA2)
    assert not message.more
    return Answer(pdu.integer(), pdu.integer(), pdu.integer(), list(pdu.varbinds()))


@pytest.mark.parametrize("request_id", [0, 1, -1, 127, 128, 2**31 - 1, -(2**31)])
def test_the_request_id_comes_back(answerer: Answerer, request_id: int) -> None:
    asked = question(GET, SYS_UP_TIME, request_id=request_id)
    got = read(answerer.answer(asked, ROUTERS[0], TICKS))
    assert (got.request_id, got.status) == (request_id, 0)
    assert got.rows == [(SYS_UP_TIME, ber.TIMETICKS, TICKS)]


def test_routers_share_questions_and_not_answers(answerer: Answerer) -> None:
    asked = question(GET, SYS_NAME, (*HC_IN, 1))
    seen = [read(answerer.answer(asked, router, TICKS)).rows for router in ROUTERS]
    assert [rows[0][2] for rows in seen] == [f"fleet-{n:05d}".encode() for n in range(1, 21)]
    assert len({rows[1][2] for rows in seen}) == len(ROUTERS)
    assert seen == [read(answerer.answer(asked, router, TICKS)).rows for router in ROUTERS]


def test_32_bit_counters_are_the_low_half_of_the_64_bit_ones(answerer: Answerer) -> None:
    names = [(*root, vlan) for vlan in range(1, 21) for root in (HC_IN, IF_IN)]
    rows = read(answerer.answer(question(GET, *names), ROUTERS[3], TICKS)).rows
    for (_, wide_tag, wide), (_, narrow_tag, narrow) in zip(rows[::2], rows[1::2], strict=True):
        assert (wide_tag, narrow_tag) == (ber.COUNTER64, ber.COUNTER32)
        assert isinstance(wide, int)
        assert narrow == wide % 2**32


def test_what_is_not_there_is_an_exception_each(answerer: Answerer) -> None:
    asked = question(GET, (*HC_IN, 51), (1, 3, 6, 1, 9, 9), SYS_NAME)
    rows = read(answerer.answer(asked, ROUTERS[0], TICKS)).rows
    assert [tag for _, tag, _ in rows] == [ber.NO_SUCH_INSTANCE, ber.NO_SUCH_OBJECT, ber.OCTETS]


def test_getnext_goes_through_everything_once_and_ends(answerer: Answerer) -> None:
    walked: list[Oid] = []
    name: Oid = (1, 3)
    while True:
        ((found, tag, _),) = read(answerer.answer(question(GET_NEXT, name), ROUTERS[0], TICKS)).rows
        if tag == ber.END_OF_MIB_VIEW:
            assert found == name
            break
        walked.append(name := found)
    assert walked == sorted(answerer.layout.cells)


def test_getbulk_is_getnext_in_one_and_fits_a_datagram(answerer: Answerer) -> None:
    asked = question(GET_BULK, SYS_NAME, HC_IN, IF_IN, first=1, second=500)
    datagram = answerer.answer(asked, ROUTERS[0], TICKS)
    rows = read(datagram).rows
    assert datagram is not None
    assert LARGEST - 60 < len(datagram) <= LARGEST
    assert rows[0][0] == (1, 3, 6, 1, 2, 1, 1, 6, 0)
    assert [name for name, _, _ in rows[1:5]] == [
        (*HC_IN, 1), (*IF_IN, 1), (*HC_IN, 2), (*IF_IN, 2),
    ]  # fmt: skip


def test_more_than_a_datagram_is_too_big(answerer: Answerer) -> None:
    names = [(*HC_IN, 1 + n % 50) for n in range(80)]
    got = read(answerer.answer(question(GET, *names), ROUTERS[0], TICKS))
    assert (got.status, got.rows) == (1, [])


def test_nothing_can_be_set(answerer: Answerer) -> None:
    got = read(answerer.answer(question(SET, SYS_NAME), ROUTERS[0], TICKS))
    assert (got.status, got.index) == (6, 1)


def test_strangers_are_ignored(answerer: Answerer) -> None:
    version_1 = question(GET, SYS_NAME).replace(b"\x02\x01\x01", b"\x02\x01\x00", 1)
    for asked in (question(GET, SYS_NAME, community="public"), version_1, b"", b"0\x00"):
        assert answerer.answer(asked, ROUTERS[0], TICKS) is None
    assert answerer.answer(question(0xA2, SYS_NAME), ROUTERS[0], TICKS) is None


@given(at=st.integers(0, 400), octets=st.binary(max_size=8), cut=st.integers(0, 400))
def test_no_datagram_does_more_than_be_refused(at: int, octets: bytes, cut: int) -> None:
    asked = bytearray(question(GET_BULK, *((*HC_IN, n) for n in range(1, 12)), second=3))
    asked[at : at + len(octets)] = octets
    with contextlib.suppress(BadBer):
        Answerer(LAYOUT, SPEC.community).answer(bytes(asked[: len(asked) - cut]), ROUTERS[0], TICKS)


LAYOUT = Layout(12)


@pytest.mark.parametrize(("dead", "slow"), [(0.2, 0.05), (0.0, 0.3), (0.5, 0.5), (1.0, 0.0)])
def test_shares_are_met_exactly_and_spread(dead: float, slow: float) -> None:
    faults = Faults(dead, slow)
    numbers = range(1, 1001)
    dead_ones = [n for n in numbers if faults.is_dead(n)]
    slow_ones = [n for n in numbers if faults.is_slow(n)]
    assert (len(dead_ones), len(slow_ones)) == (round(1000 * dead), round(1000 * slow))
    assert not set(dead_ones) & set(slow_ones)
    if dead == 0.2:
        assert max(b - a for a, b in itertools.pairwise(dead_ones)) == 5


@pytest.mark.parametrize(
    "spec",
    [
        FleetSpec(0),
        FleetSpec(1, vlans=0),
        FleetSpec(1, vlans=4000),
        FleetSpec(1, first_address="10.0.0.1"),
        FleetSpec(1000, first_address="127.255.255.0"),
        FleetSpec(1, first_address="localhost"),
        FleetSpec(1000, port=65_000, ports=True),
        FleetSpec(2, port=0, ports=True),
        FleetSpec(1, faults=Faults(0.7, 0.7)),
        FleetSpec(1, faults=Faults(slow_ms=-1)),
    ],
)
def test_what_cannot_be_is_refused(spec: FleetSpec) -> None:
    with pytest.raises(BadSpec, match=r"^fleet: "):
        spec.check()
