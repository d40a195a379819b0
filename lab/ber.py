"""BER as SNMP uses it: definite lengths, integers, strings, OIDs and SNMP's own types."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

Oid = tuple[int, ...]
Plain = int | bytes | Oid | None
Varbind = tuple[Oid, int, Plain]

INTEGER, OCTETS, NULL, OID, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
IP_ADDRESS, COUNTER32, GAUGE32, TIMETICKS, OPAQUE, COUNTER64 = 0x40, 0x41, 0x42, 0x43, 0x44, 0x46
NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW = 0x80, 0x81, 0x82
_UNSIGNED = (COUNTER32, GAUGE32, TIMETICKS, COUNTER64)
_BYTES = (OCTETS, IP_ADDRESS, OPAQUE)


class BadBer(ValueError):
    """Octets that are not the BER of an SNMP message."""


def tlv(tag: int, content: bytes) -> bytes:
    """Tag, length, content."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """A signed integer in as few octets as hold it; SNMP's unsigned types use the same rule."""
    bits = (~value if value < 0 else value).bit_length()
    return tlv(tag, value.to_bytes(bits // 8 + 1, "big", signed=True))


def octet_string(value: bytes) -> bytes:
    return tlv(OCTETS, value)


def sequence(*parts: bytes, tag: int = SEQUENCE) -> bytes:
    return tlv(tag, b"".join(parts))


@lru_cache(maxsize=65536)
def oid(value: Oid) -> bytes:
    """An object identifier; the first two numbers share an octet."""
    content = bytearray()
    for number in (value[0] * 40 + value[1], *value[2:]):
        group = [number & 0x7F]
        while number := number >> 7:
            group.append(0x80 | number & 0x7F)
        content += bytes(reversed(group))
    return tlv(OID, bytes(content))


def value(tag: int, plain: Plain) -> bytes:
    """Any value by its tag; exceptions and NULL have no content."""
    if isinstance(plain, int):
        return integer(plain, tag)
    if isinstance(plain, bytes):
        return tlv(tag, plain)
    if isinstance(plain, tuple):
        return oid(plain)
    return tlv(tag, b"")


def varbinds(pairs: list[Varbind]) -> bytes:
    return sequence(*(sequence(oid(name), value(tag, plain)) for name, tag, plain in pairs))


class Reader:
    """Reads one level of BER; everything it raises is BadBer."""

    def __init__(self, octets: bytes, start: int = 0, end: int | None = None) -> None:
        self.octets = octets
        self.at = start
        self.end = len(octets) if end is None else end

    @property
    def more(self) -> bool:
        return self.at < self.end

    def header(self) -> tuple[int, int, int]:
        """(tag, start, end) of the next element; the reader moves behind it."""
        if self.at + 2 > self.end:
            raise BadBer("the message ends inside a header")
        tag, size = self.octets[self.at], self.octets[self.at + 1]
        start = self.at + 2
        if size & 0x80:
            count = size & 0x7F
            if not 1 <= count <= 4 or start + count > self.end:
                raise BadBer("a length that SNMP does not use")
            size = int.from_bytes(self.octets[start : start + count], "big")
            start += count
        if start + size > self.end:
            raise BadBer("an element longer than the message")
        self.at = start + size
        return tag, start, self.at

    def take(self, wanted: int) -> bytes:
        """The content of the next element, which must have this tag."""
        tag, start, end = self.header()
        if tag != wanted:
            raise BadBer(f"tag 0x{tag:02x} where 0x{wanted:02x} belongs")
        return self.octets[start:end]

    def integer(self) -> int:
        return _signed(self.take(INTEGER))

    def inner(self, wanted: int = SEQUENCE) -> Reader:
        """A reader of the next element's content."""
        tag, start, end = self.header()
        if tag != wanted:
            raise BadBer(f"tag 0x{tag:02x} where 0x{wanted:02x} belongs")
        return Reader(self.octets, start, end)

    def value(self) -> tuple[int, Plain]:
        """(tag, value) of the next element, which must be a plain one."""
        tag, start, end = self.header()
        content = self.octets[start:end]
        if tag == INTEGER:
            return tag, _signed(content)
        if tag in _UNSIGNED:
            return tag, int.from_bytes(content, "big")
        if tag in _BYTES:
            return tag, content
        if tag == OID:
            return tag, decode_oid(content)
        if tag in (NULL, NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW):
            return tag, None
        raise BadBer(f"unknown tag 0x{tag:02x}")

    def varbinds(self) -> Iterator[Varbind]:
        rows = self.inner()
        while rows.more:
            row = rows.inner()
            name = decode_oid(row.take(OID))
            tag, plain = row.value()
            yield name, tag, plain


def _signed(content: bytes) -> int:
    if not content:
        raise BadBer("an integer without octets")
    return int.from_bytes(content, "big", signed=True)


@lru_cache(maxsize=65536)
def decode_oid(content: bytes) -> Oid:
    """The numbers of an object identifier; raises BadBer."""
    if not content or content[-1] & 0x80:
        raise BadBer("an object identifier that does not end")
    numbers = []
    number = 0
    for octet in content:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return (first, numbers[0] - 40 * first, *numbers[1:])
