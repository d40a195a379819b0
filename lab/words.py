"""The wire format of the RouterOS API: words with a length before them, sentences of words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

MAX_WORD = 16 * 1024 * 1024


class BadWord(ValueError):
    """Bytes that cannot be a word: a reserved control byte, or a length beyond the limit."""


def text(word: bytes) -> str:
    """A word as text; bytes that are not UTF-8 survive the way back (surrogateescape)."""
    return word.decode("utf-8", "surrogateescape")


def octets_of(value: str) -> bytes:
    """The inverse of `text`."""
    return value.encode("utf-8", "surrogateescape")


def encode_length(length: int) -> bytes:
    """The prefix of a word (help.mikrotik.com, API: five sizes, big-endian)."""
    if length < 0x80:
        return length.to_bytes(1, "big")
    if length < 0x4000:
        return (length | 0x8000).to_bytes(2, "big")
    if length < 0x200000:
        return (length | 0xC00000).to_bytes(3, "big")
    if length < 0x10000000:
        return (length | 0xE0000000).to_bytes(4, "big")
    return b"\xf0" + length.to_bytes(4, "big")


def prefix_size(first: int) -> int:
    """How many octets follow the first octet of a length; raises BadWord for control bytes."""
    if first >= 0xF8:
        raise BadWord(f"reserved control byte 0x{first:02x}")
    for limit, more in ((0x80, 0), (0xC0, 1), (0xE0, 2), (0xF0, 3)):
        if first < limit:
            return more
    return 4


def decode_length(prefix: bytes) -> int:
    """The length that a whole prefix says."""
    if prefix[0] >= 0xF0:
        return int.from_bytes(prefix[1:], "big")
    mask = (0x7F, 0x3FFF, 0x1FFFFF, 0x0FFFFFFF)[len(prefix) - 1]
    return int.from_bytes(prefix, "big") & mask


def encode_sentence(words: Iterable[bytes]) -> bytes:
    """Words, and the empty word that ends them."""
    return b"".join(encode_length(len(word)) + word for word in words) + b"\x00"


def reply(
    kind: str, attributes: Mapping[str, str] | None = None, tag: bytes | None = None
) -> bytes:
    """A reply sentence (`!re`, `!done`, ...) with attributes and the tag of its command."""
    words = [octets_of(kind)]
    if tag is not None:
        words.append(b".tag=" + tag)
    words += [octets_of(f"={name}={value}") for name, value in (attributes or {}).items()]
    return encode_sentence(words)


async def read_word(reader: asyncio.StreamReader) -> bytes:
    """One word; raises BadWord, or IncompleteReadError where the stream ends."""
    prefix = await reader.readexactly(1)
    prefix += await reader.readexactly(prefix_size(prefix[0]))
    length = decode_length(prefix)
    if length > MAX_WORD:
        raise BadWord(f"a word of {length} octets")
    return await reader.readexactly(length)


async def read_sentence(reader: asyncio.StreamReader) -> list[bytes]:
    """The next sentence that has a word; empty ones are ignored."""
    while True:
        words = []
        while word := await read_word(reader):
            words.append(word)
        if words:
            return words
