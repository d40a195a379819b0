"""BER as SNMP uses it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import ber
from lab.ber import BadBer, Reader

oids = st.builds(
    lambda first, second, rest: (first, second, *rest),
    st.integers(0, 2),
    st.integers(0, 39),
    st.lists(st.integers(0, 2**32 - 1), max_size=12),
)
plain = st.one_of(
    st.tuples(st.just(ber.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(
        st.sampled_from([ber.COUNTER32, ber.GAUGE32, ber.TIMETICKS]), st.integers(0, 2**32 - 1)
    ),
    st.tuples(st.just(ber.COUNTER64), st.integers(0, 2**64 - 1)),
    st.tuples(st.sampled_from([ber.OCTETS, ber.OPAQUE]), st.binary(max_size=300)),
    st.tuples(st.just(ber.IP_ADDRESS), st.binary(min_size=4, max_size=4)),
    st.tuples(st.just(ber.OID), oids),
    st.tuples(st.sampled_from([ber.NULL, ber.END_OF_MIB_VIEW]), st.none()),
)


@given(st.lists(st.tuples(oids, plain)))
def test_varbinds_survive(pairs: list[tuple[ber.Oid, tuple[int, ber.Plain]]]) -> None:
    rows = [(oid, tag, value) for oid, (tag, value) in pairs]
    assert list(Reader(ber.varbinds(rows)).varbinds()) == rows


@given(st.binary(max_size=60))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    reader = Reader(octets)
    try:
        list(reader.varbinds())
    except BadBer:
        return
    assert reader.at <= len(octets)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "020100"),
        (127, "02017f"),
        (128, "02020080"),
        (-1, "0201ff"),
        (-128, "020180"),
        (-129, "0202ff7f"),
        (2**31 - 1, "02047fffffff"),
    ],
)
def test_integers_are_as_short_as_they_can_be(value: int, encoded: str) -> None:
    assert ber.integer(value).hex() == encoded


def test_a_full_counter64_takes_nine_octets() -> None:
    assert ber.integer(2**64 - 1, ber.COUNTER64).hex() == "460900ffffffffffffffff"


def test_sub_identifiers_take_seven_bits_an_octet() -> None:
    assert ber.oid((1, 3, 6, 1, 4, 1, 14988)).hex() == "06072b06010401f50c"


def read_varbinds(octets: bytes) -> list[ber.Varbind]:
    return list(Reader(octets).varbinds())


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "30",
        "3080",  # indefinite length
        "308500000000010000000000",  # a length of five octets
        "3005020100",
        "300430020600",  # an object identifier without octets
        "3005300306018105",  # one that does not end
        "3007300506012b9f00",  # an unknown tag
    ],
)
def test_what_cannot_be_varbinds_is_refused(octets: str) -> None:
    with pytest.raises(BadBer):
        read_varbinds(bytes.fromhex(octets))
