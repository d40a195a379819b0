"""A small SNMPv2c agent for tests, written from RFC 1157, 1905 and X.690: it can misbehave.

It shares no code with `ispcore.protocols`; values are given already encoded (`integer(5)`,
`octets(b"ether1")`), so that a test can also send what no sane agent would.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile

GET, RESPONSE, GETBULK = 0xA0, 0xA2, 0xA5
TOO_BIG, GEN_ERR, AUTHORIZATION_ERROR = 1, 5, 16
NO_SUCH_INSTANCE, END_OF_MIB_VIEW = b"\x81\x00", b"\x82\x00"
NULL = b"\x05\x00"


def tlv(tag: int, content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def integer(value: int, tag: int = 0x02) -> bytes:
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def counter32(value: int) -> bytes:
    return integer(value, 0x41)


def gauge(value: int) -> bytes:
    return integer(value, 0x42)


def ticks(value: int) -> bytes:
    return integer(value, 0x43)


def counter64(value: int) -> bytes:
    return integer(value, 0x46)


def octets(value: bytes) -> bytes:
    return tlv(0x04, value)


def address(value: str) -> bytes:
    return tlv(0x40, socket.inet_aton(value))


def oid(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    body = bytearray([first * 40 + second])
    for arc in rest:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | (arc & 0x7F))
        body += bytes(reversed(groups))
    return tlv(0x06, bytes(body))


def _read_tlv(raw: bytes, at: int) -> tuple[int, bytes, int]:
    tag, size, at = raw[at], raw[at + 1], at + 2
    if size & 0x80:
        width = size & 0x7F
        size, at = int.from_bytes(raw[at : at + width], "big"), at + width
    return tag, raw[at : at + size], at + size


def _items(raw: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(raw):
        tag, content, at = _read_tlv(raw, at)
        yield tag, content


def _dotted(content: bytes) -> str:
    arcs, arc = [content[0] // 40, content[0] % 40], 0
    for byte in content[1:]:
        arc = arc << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(arc)
            arc = 0
    return ".".join(map(str, arcs))


@dataclass(frozen=True, slots=True)
class Request:
    community: bytes
    kind: int
    request_id: int
    non_repeaters: int  # error-status in a GET
    repetitions: int  # error-index in a GET
    oids: tuple[str, ...]

    @classmethod
    def parse(cls, raw: bytes) -> "Request":
        _version, (_, community), (kind, pdu) = _items(_read_tlv(raw, 0)[1])
        numbers = [content for _, content in _items(pdu)]
        names = tuple(_dotted(next(_items(bind))[1]) for _, bind in _items(numbers[3]))
        request_id, first, second = (int.from_bytes(n, "big", signed=True) for n in numbers[:3])
        return cls(community, kind, request_id, first, second, names)

    def answer(
        self,
        binds: list[tuple[str, bytes]],
        *,
        status: int = 0,
        index: int = 0,
        request_id: int | None = None,
    ) -> bytes:
        rows = b"".join(tlv(0x30, oid(name) + value) for name, value in binds)
        head = integer(self.request_id if request_id is None else request_id)
        pdu = tlv(RESPONSE, head + integer(status) + integer(index) + tlv(0x30, rows))
        return tlv(0x30, integer(1) + octets(self.community) + pdu)


def _order(dotted: str) -> tuple[int, ...]:
    return tuple(map(int, dotted.split(".")))


@dataclass
class Mib:
    """Answers GET and GETBULK from `values`; a response above `too_big` octets is tooBig, one
    above `lost_above` never arrives (a tunnel that drops fragments)."""

    values: Mapping[str, bytes]
    too_big: int = 65_000
    lost_above: int = 65_000
    delays_s: list[float] = field(default_factory=list)  # of the next requests, one each
    requests: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> list[bytes]:
        self.requests.append(request)
        if self.delays_s:
            time.sleep(self.delays_s.pop(0))
        raw = request.answer(self._binds(request))
        if len(raw) > self.lost_above:
            return []
        if len(raw) > self.too_big:
            return [request.answer([], status=TOO_BIG)]
        return [raw]

    def _binds(self, request: Request) -> list[tuple[str, bytes]]:
        if request.kind == GET:
            return [(name, self.values.get(name, NO_SUCH_INSTANCE)) for name in request.oids]
        after = _order(request.oids[0])
        names = sorted((n for n in self.values if _order(n) > after), key=_order)
        binds = [(name, self.values[name]) for name in names[: request.repetitions]]
        return binds or [(request.oids[0], END_OF_MIB_VIEW)]


Script = Callable[[Request], list[bytes]]


@contextmanager
def agent(script: Script) -> Iterator[int]:
    """Serve `script` on a free loopback UDP port (yielded): request in, datagrams out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.1)
        stop = threading.Event()
        thread = threading.Thread(target=_serve, args=(sock, script, stop))
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            stop.set()
            thread.join()


def _serve(sock: socket.socket, script: Script, stop: threading.Event) -> None:
    for raw, peer in takewhile(lambda _: not stop.is_set(), _datagrams(sock, stop)):
        for answer in script(Request.parse(raw)):
            sock.sendto(answer, peer)


def _datagrams(
    sock: socket.socket, stop: threading.Event
) -> Iterator[tuple[bytes, tuple[str, int]]]:
    while not stop.is_set():
        try:
            yield sock.recvfrom(65_535)
        except TimeoutError:
            continue
