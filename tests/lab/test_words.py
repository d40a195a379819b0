"""The wire format of the RouterOS API."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.words import (
    BadWord,
    decode_length,
    encode_length,
    encode_sentence,
    octets_of,
    prefix_size,
    read_sentence,
    reply,
    text,
)


async def sentences(octets: bytes) -> list[list[bytes]]:
    reader = asyncio.StreamReader()
    reader.feed_data(octets)
    reader.feed_eof()
    found = []
    while not reader.at_eof():
        found.append(await read_sentence(reader))
    return found


@pytest.mark.parametrize(
    ("length", "prefix"),
    [
        (0x00, "00"),
        (0x7F, "7f"),
        (0x80, "8080"),
        (0x3FFF, "bfff"),
        (0x4000, "c04000"),
        (0x1FFFFF, "dfffff"),
        (0x200000, "e0200000"),
        (0xFFFFFFF, "efffffff"),
        (0x10000000, "f010000000"),
        (0xFFFFFFFF, "f0ffffffff"),
    ],
)
def test_the_five_sizes_at_their_borders(length: int, prefix: str) -> None:
    assert encode_length(length).hex() == prefix
    assert decode_length(bytes.fromhex(prefix)) == length


@given(st.integers(0, 2**32 - 1))
def test_a_length_survives(length: int) -> None:
    prefix = encode_length(length)
    assert prefix_size(prefix[0]) == len(prefix) - 1
    assert decode_length(prefix) == length


@pytest.mark.parametrize("first", [0xF8, 0xFB, 0xFF])
def test_control_bytes_are_refused(first: int) -> None:
    with pytest.raises(BadWord, match="control byte"):
        prefix_size(first)


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1))
async def test_a_sentence_survives(given_words: list[bytes]) -> None:
    assert await sentences(encode_sentence(given_words)) == [given_words]


async def test_empty_sentences_are_ignored() -> None:
    assert await sentences(b"\x00\x00" + encode_sentence([b"/quit"])) == [[b"/quit"]]


async def test_a_huge_word_is_refused_before_it_is_read() -> None:
    with pytest.raises(BadWord, match="268435456"):
        await sentences(bytes.fromhex("f010000000"))


@given(st.binary())
def test_any_octets_survive_as_text(octets: bytes) -> None:
    assert octets_of(text(octets)) == octets


def test_a_reply_carries_the_tag_of_its_command() -> None:
    assert reply("!re", {"name": "x"}, b"7") == b"\x03!re\x06.tag=7\x07=name=x\x00"
