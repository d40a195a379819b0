"""Names as devices send them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispcore.protocols.text import printable, suffix, unique_names, visible


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"wan: STCable (eth1)", "wan: STCable (eth1)"),
        ("ঢাকা-uplink".encode(), "ঢাকা-uplink"),
        ("ক্ষ\u200dক".encode(), "ক্ষ\u200dক"),  # a joiner is a letter of Bangla
        (b"caf\xe9", "caf\ufffd"),
        (b"tab\tand\nnewline", "tab␉and␊newline"),
        (b"\x1b[31mred\x7f", "␛[31mred␡"),
        ("left\u202eright".encode(), "left\ufffdright"),
        ("c1\x85".encode(), "c1\ufffd"),
        (b"eth0\x00\x00", "eth0"),
        (b"\x00eth0", "␀eth0"),
        (b"", ""),
    ],
)
def test_a_name_is_shown_for_what_it_is(raw: bytes, shown: str) -> None:
    assert printable(raw) == shown


@given(st.binary())
def test_no_bytes_make_printable_fail_or_leave_a_control_character(raw: bytes) -> None:
    assert {unicodedata.category(char) for char in printable(raw)} & {
        "Cc",
        "Cs",
        "Zl",
        "Zp",
    } == set()


@given(st.text())
def test_making_visible_twice_changes_nothing_more(text: str) -> None:
    assert visible(visible(text)) == visible(text)


def test_names_borne_by_several_are_told_apart_by_index() -> None:
    assert unique_names({1: "lo", 3: "wan", 7: "wan"}) == {
        1: "lo",
        3: "wan (index 3)",
        7: "wan (index 7)",
    }


def test_a_name_that_looks_like_a_distinction_does_not_fool_it() -> None:
    names = unique_names({1: "wan", 2: "wan", 9: f"wan{suffix(1)}"})
    assert len(set(names.values())) == 3


@given(
    st.dictionaries(st.integers(1, 9), st.sampled_from(["a", "a (index 1)", "a (index 2)", "b"]))
)
def test_names_are_always_made_unique_and_none_is_lost(names: dict[int, str]) -> None:
    unique = unique_names(names)
    assert unique.keys() == names.keys()
    assert len(set(unique.values())) == len(names)
    assert all(unique[index].startswith(name) for index, name in names.items())
