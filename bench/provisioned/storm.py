"""A login storm: everybody's Access-Request at once, from routers that ask again as RouterOS does.

Its routers are our own: radclient waits for each lost packet by itself, and so without end for a
server that drops many of a storm.
"""

import hashlib
import io
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyrad.dictionary import Dictionary
from pyrad.packet import AccessAccept, AuthPacket

TRIES, TIME_OUT_S = 3, 3.0  # of /radius, whose timeout docs/freeradius.md sets to 3 s
IDS = 256  # an address and port have so many requests under way (RFC 2865, section 3)
READ_OCTETS, BUFFER_OCTETS = 4_096, 4 << 20
_ATTRIBUTES = Dictionary(
    io.StringIO(
        "ATTRIBUTE User-Name 1 string\nATTRIBUTE User-Password 2 string\n"
        "ATTRIBUTE NAS-Port 5 integer\nATTRIBUTE Service-Type 6 integer\n"
        "ATTRIBUTE Framed-Protocol 7 integer\nATTRIBUTE Calling-Station-Id 31 string\n"
        "ATTRIBUTE NAS-Port-Type 61 integer\nATTRIBUTE Message-Authenticator 80 octets\n"
    )
)
_FRAMED_USER, _PPP, _ETHERNET = 2, 1, 15


@dataclass(frozen=True, slots=True)
class Storm:
    """What became of it: who was never let in, and how many questions were asked again."""

    lost: int
    resent: int
    seconds: float


def let_loose(port: int, secret: str, passwords: Sequence[tuple[str, str]]) -> Storm:
    """All (username, password) ask the server on loopback `port` at once."""
    routers = [
        _Router(port, secret, passwords[first : first + IDS], first)
        for first in range(0, len(passwords), IDS)
    ]
    began, resent = time.perf_counter(), 0
    with selectors.DefaultSelector() as selector:
        for router in routers:
            selector.register(router.socket, selectors.EVENT_READ, router)
        for turn in range(TRIES):
            asked = sum(router.ask() for router in routers)
            resent += asked if turn else 0
            until = time.perf_counter() + TIME_OUT_S
            while any(r.waiting for r in routers) and (left := until - time.perf_counter()) > 0:
                for key, _ in selector.select(left):
                    key.data.hear()
    seconds = time.perf_counter() - began
    for router in routers:
        router.socket.close()
    return Storm(len(passwords) - sum(router.accepted for router in routers), resent, seconds)


class _Router:
    """One address and port, and the requests that wait for an answer there."""

    def __init__(
        self, port: int, secret: str, passwords: Sequence[tuple[str, str]], first: int
    ) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_OCTETS)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.accepted = 0
        self._secret = secret.encode()
        self.waiting = dict(enumerate(self._requests(passwords, first)))

    def ask(self) -> int:
        """Send what has no answer; returns how many."""
        for datagram in self.waiting.values():
            self.socket.send(datagram)
        return len(self.waiting)

    def hear(self) -> None:
        """Take the answers that are there; one that is not signed by the server does not count."""
        while True:
            try:
                answer = self.socket.recv(READ_OCTETS)
            except BlockingIOError:
                return
            request = self.waiting.get(answer[1])
            if request and _is_signed(answer, request, self._secret):
                del self.waiting[answer[1]]
                self.accepted += answer[0] == AccessAccept

    def _requests(self, passwords: Sequence[tuple[str, str]], first: int) -> Iterator[bytes]:
        for number, (username, password) in enumerate(passwords, start=first):
            packet = AuthPacket(secret=self._secret, dict=_ATTRIBUTES, id=number % IDS)
            packet.add_message_authenticator()
            packet["User-Name"] = username
            packet["User-Password"] = packet.PwCrypt(password)
            packet["Service-Type"] = _FRAMED_USER
            packet["Framed-Protocol"] = _PPP
            packet["NAS-Port-Type"] = _ETHERNET
            packet["NAS-Port"] = number
            packet["Calling-Station-Id"] = mac_of(number)
            yield packet.RequestPacket()


def mac_of(number: int) -> str:
    """A locally administered address for the device of a line."""
    return f"02:00:00:{number >> 16 & 255:02X}:{number >> 8 & 255:02X}:{number & 255:02X}"


def _is_signed(answer: bytes, request: bytes, secret: bytes) -> bool:
    """The Response Authenticator (RFC 2865, section 3)."""
    signed = hashlib.md5(answer[:4] + request[4:20] + answer[20:] + secret, usedforsecurity=False)
    return signed.digest() == answer[4:20]
