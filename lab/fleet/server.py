"""The sockets of a fleet, its clock, its account of itself, and the verbs that steer it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import resource
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from lab.ber import BadBer
from lab.fleet.answering import Answerer
from lab.fleet.layout import FleetRouter, Layout
from lab.fleet.spec import START_TICKS, Faults, FleetSpec
from lab.spec import BadSpec
from lab.verbs import BadControl

IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)  # Linux's number; Python names it from 3.12 on
SO_RCVBUFFORCE, SO_SNDBUFFORCE = 33, 32  # Linux: beyond the machine's limit, for root
BUFFER_OCTETS = 16 * 1024 * 1024
LONGEST = 4096  # octets of a request that is read whole
BURST = 256  # datagrams from one socket before timers and the control socket have their turn
Ancillary = list[tuple[int, int, bytes]]


@dataclass(slots=True)
class Tally:
    """Datagrams seen, answers sent, answers for which the network had no room, and nonsense."""

    requests: int = 0
    answers: int = 0
    lost: int = 0
    malformed: int = 0


class Fleet:
    """All routers of one specification; raises OSError where a port is taken."""

    def __init__(self, spec: FleetSpec) -> None:
        spec.check()
        self.spec = spec
        self.routers = [FleetRouter(spec, number) for number in range(1, spec.routers + 1)]
        self.tally = Tally()
        self.port = spec.port
        self._answerer = Answerer(Layout(spec.vlans), spec.community)
        self._started = time.monotonic()
        self._advanced_s = 0.0
        self._sockets: list[socket.socket] = []

    async def start(self) -> None:
        """Open the sockets in the running loop."""
        try:
            if self.spec.ports:
                self._open_ports()
            else:
                self._open_addresses()
        except OSError:
            await self.stop()
            raise
        gc.collect()
        gc.freeze()  # the routers live as long as the process: no use in looking at them again

    async def stop(self) -> None:
        loop = asyncio.get_running_loop()
        for one in self._sockets:
            loop.remove_reader(one)
            one.close()
        self._sockets.clear()

    def _open_addresses(self) -> None:
        """One socket hears all addresses; IP_PKTINFO tells which was meant and which answers."""
        there: dict[bytes, FleetRouter] = {}
        for router in self.routers:
            packed = ipaddress.IPv4Address(self.spec.address(router.number)).packed
            there[packed] = router
            router.ancillary = [(socket.IPPROTO_IP, IP_PKTINFO, bytes(4) + packed + bytes(4))]
        sock = self._open("0.0.0.0", self.spec.port)  # noqa: S104  (of loopback only, see _open)
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self.port = sock.getsockname()[1]
        self._serve(sock, lambda ancillary: there.get(ancillary[0][2][8:]))

    def _open_ports(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = len(self.routers) + 64
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
        for router in self.routers:
            sock = self._open(self.spec.first_address, self.spec.port_of(router.number))
            self._serve(sock, partial(_this, router))

    def _open(self, host: str, port: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sockets.append(sock)
        with contextlib.suppress(PermissionError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        _widen(sock, socket.SO_RCVBUF, SO_RCVBUFFORCE)
        _widen(sock, socket.SO_SNDBUF, SO_SNDBUFFORCE)
        sock.setblocking(False)
        sock.bind((host, port))
        return sock

    def _serve(self, sock: socket.socket, find: Callable[[Ancillary], FleetRouter | None]) -> None:
        def read() -> None:
            for _ in range(BURST):
                try:
                    datagram, ancillary, _flags, peer = sock.recvmsg(LONGEST, 64)
                except BlockingIOError:
                    return
                router = find(ancillary)
                if router is not None:
                    self._take(sock, router, datagram, peer)

        asyncio.get_running_loop().add_reader(sock, read)

    def _take(self, sock: socket.socket, router: FleetRouter, datagram: bytes, peer: Any) -> None:
        self.tally.requests += 1
        if router.dead:
            return
        try:
            out = self._answerer.answer(datagram, router, self.ticks(router))
        except BadBer:
            self.tally.malformed += 1
            return
        if out is None:
            return
        if router.delay_s:
            loop = asyncio.get_running_loop()
            loop.call_later(router.delay_s, self._send, sock, router, out, peer)
        else:
            self._send(sock, router, out, peer)

    def _send(self, sock: socket.socket, router: FleetRouter, out: bytes, peer: Any) -> None:
        try:
            sock.sendmsg((out,), router.ancillary, 0, peer)
        except OSError:  # no room, or closed meanwhile: a network loses datagrams too
            self.tally.lost += 1
        else:
            self.tally.answers += 1

    def ticks(self, router: FleetRouter) -> int:
        """sysUpTime of a router now, without its wrap."""
        up_s = time.monotonic() - self._started + self._advanced_s
        return START_TICKS + router.first_ticks + int(up_s * 100)

    def usage(self) -> dict[str, float]:
        """What this process has used and done since it started."""
        return {
            "cpu_s": round(time.process_time(), 6),
            "wall_s": round(time.monotonic() - self._started, 6),
            "requests": self.tally.requests,
            "answers": self.tally.answers,
            "lost": self.tally.lost,
            "malformed": self.tally.malformed,
        }

    async def perform(self, verb: str, given: dict[str, Any]) -> dict[str, Any]:
        """One control verb: usage; advance seconds; faults dead_share slow_share slow_ms."""
        verbs: dict[str, Callable[..., dict[str, Any]]] = {
            "usage": self._usage,
            "advance": self._advance,
            "faults": self._faults,
        }
        if verb not in verbs:
            raise BadControl(f"unknown verb {verb!r}; there are: {', '.join(sorted(verbs))}")
        return verbs[verb](**given)

    def _usage(self) -> dict[str, Any]:
        return self.usage() | {"port": self.port}

    def _advance(self, seconds: float) -> dict[str, Any]:
        """All uptimes jump ahead, and the counters with them, as if that much time had gone by."""
        if seconds < 0:
            raise BadControl("advance: time does not go back")
        self._advanced_s += seconds
        return {}

    def _faults(self, **given: float) -> dict[str, Any]:
        """What is not given goes back to none."""
        try:
            faults = Faults(**given)
            faults.check()
        except (TypeError, BadSpec) as error:
            raise BadControl(f"faults: {error}") from None
        self.spec = replace(self.spec, faults=faults)
        for router in self.routers:
            router.set_faults(faults)
        return {}


def _this(router: FleetRouter, _: Ancillary) -> FleetRouter:
    """A socket that is one router's."""
    return router


def _widen(sock: socket.socket, option: int, forced: int) -> None:
    """A buffer for as many datagrams as routers may be asked at once."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, forced, BUFFER_OCTETS)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, option, BUFFER_OCTETS)
