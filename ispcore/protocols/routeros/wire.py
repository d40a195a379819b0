"""librouteros made fit for routers as they are: buffered, bounded, and never stopped by one byte.

librouteros 4.2 reads two times per word from the socket, drops bytes that it cannot decode, turns
`1234` and `yes` into numbers and booleans whatever they mean, and stumbles over an empty sentence.
"""

import time
from itertools import islice
from socket import socket

from librouteros.api import Api
from librouteros.connections import SocketTransport
from librouteros.exceptions import ConnectionClosed
from librouteros.protocol import ApiProtocol, decode_length, determine_length

from ispcore.protocols.errors import Nonsense

CHUNK = 65_536
LONGEST_WORD = 4 * 1024 * 1024  # octets; a file's contents is the longest that RouterOS sends
# of one answer: more than the largest table of a router, and little enough to keep in memory
MOST_OCTETS = 16 * 1024 * 1024
MOST_SENTENCES = 200_000
MOST_WORDS = 500  # of one sentence
TRAP_KEYS = {"message", "category"}
Words = dict[str, str]


class BufferedTransport(SocketTransport):  # type: ignore[misc]
    """Reads what has come in one call. `begin` bounds a whole command, so that a server which sends
    one byte per second does not hold us for ever, nor one without end fill the memory."""

    def __init__(self, sock: socket) -> None:
        super().__init__(sock)
        self._deadline = float("inf")
        self._octets_left = MOST_OCTETS
        self._buffer = bytearray()
        self._opening_seen = False

    def begin(self, *, limit_s: float) -> None:
        """The next command: everything that is read until the next call belongs to it."""
        self._deadline = time.monotonic() + limit_s
        self._octets_left = MOST_OCTETS

    def read(self, length: int) -> bytes:
        while len(self._buffer) < length:
            self._fill()
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def _fill(self) -> None:
        if time.monotonic() > self._deadline:
            raise TimeoutError
        if self._octets_left <= 0:
            raise Nonsense(f"the router's answer has no end: more than {MOST_OCTETS >> 20} MiB")
        got = self.sock.recv(CHUNK)
        if not got:
            raise ConnectionClosed("connection closed")
        self._octets_left -= len(got)
        self._buffer += got
        if not self._opening_seen:
            self._check_opening()

    def _check_opening(self) -> None:
        """The first thing that a RouterOS says is `!done`, `!trap` or `!fatal`, a short word: this
        tells an HTTP or SSH server at once instead of after a time-out."""
        opening = bytes(self._buffer.lstrip(b"\0")[:16])
        self._opening_seen = len(opening) > 1
        if self._opening_seen and opening[1:2] != b"!":
            raise Nonsense(f"answered, but not as a RouterOS API: {opening!r}")


class TextProtocol(ApiProtocol):  # type: ignore[misc]
    """Words as text, what is not UTF-8 replaced by U+FFFD; empty sentences ignored."""

    transport: BufferedTransport

    def __init__(self, transport: BufferedTransport) -> None:
        super().__init__(transport, encoding="utf-8")

    def readWord(self) -> str:  # noqa: N802  librouteros' name
        first = self.transport.read(1)
        if first == b"\0":
            return ""
        length = decode_length(first + self.transport.read(determine_length(first)))
        if length > LONGEST_WORD:
            raise Nonsense(f"answered, but not as a RouterOS API: a word of {length} octets")
        return self.transport.read(length).decode("utf-8", errors="replace")

    def readSentence(self) -> tuple[str, tuple[str, ...]]:  # noqa: N802  librouteros' name
        words: list[str] = []
        while not words:
            words = list(islice(iter(self.readWord, ""), MOST_WORDS))
        if len(words) == MOST_WORDS:
            raise Nonsense(f"answered, but not as a RouterOS API: {MOST_WORDS} words and more")
        if words[0] == "!fatal":
            self.transport.close()
        if not words[0].startswith("!"):
            raise Nonsense(f"answered, but not as a RouterOS API: {words[0][:40]!r}")
        return words[0], tuple(words[1:])


class TextApi(Api):  # type: ignore[misc]
    """Attributes as text, exactly as sent."""

    protocol: TextProtocol
    _sentences = 0

    def begin(self, *, limit_s: float) -> None:
        """The next command: what bounds an answer counts anew."""
        self._sentences = 0
        self.protocol.transport.begin(limit_s=limit_s)

    def readSentence(self) -> tuple[str, Words]:  # noqa: N802  librouteros' name
        self._sentences += 1
        if self._sentences > MOST_SENTENCES:
            raise Nonsense(f"the router's answer has no end: more than {MOST_SENTENCES} rows")
        reply, words = self.protocol.readSentence()
        if reply == "!fatal":
            raise Fatal(" ".join(words))
        attributes = dict(_attribute(word) for word in words if word.startswith("="))
        if reply == "!trap":
            attributes = {key: attributes[key] for key in TRAP_KEYS & attributes.keys()}
            attributes.setdefault("message", "no reason given")
        return reply, attributes


class Fatal(Exception):
    """The router says !fatal and closes the connection. Internal."""


def _attribute(word: str) -> tuple[str, str]:
    """`=name=value`; the value may be empty or hold more `=`."""
    name, _, value = word[1:].partition("=")
    return name, value
