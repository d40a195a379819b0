"""A router with its sockets: what is listened on, and how it dies and returns."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from lab import faults as fault
from lab import snmp, snmprec
from lab.faults import Faults
from lab.mib import RouterView, View
from lab.router import LabRouter
from lab.routeros import ApiServer
from lab.snmprec import RecordedView
from lab.spec import RouterSpec
from lab.state import StateFile
from lab.tls import server_context
from lab.usm import Usm

ACCEPTING_TURNS = 3  # of the loop, from a connection taken up to its transport


class PortInUse(OSError):
    """A port of the lab is taken; the message names router, service and port."""


class Device:
    """One lab router on the network. Ports are known once `start` has returned."""

    def __init__(
        self,
        spec: RouterSpec,
        *,
        state_dir: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.spec = spec
        self.router = LabRouter(spec, clock=clock)
        self.faults = Faults()
        self._recording = snmprec.load(Path(spec.recording)) if spec.recording else None
        self._started_at = clock()
        self.api = ApiServer(self.router, self.faults)
        self.agent = snmp.Agent(spec, self._view, Usm(self.router), self.faults)
        self.api_port: int = spec.api_port or 0
        self.api_tls_port: int = spec.api_tls_port or 0
        self.snmp_port: int = spec.snmp_port or 0
        self._servers: list[asyncio.Server] = []
        self._walls: list[socket.socket] = []
        self._udp: asyncio.DatagramTransport | None = None
        if state_dir is not None:
            self._keep_state(StateFile(state_dir, spec))

    def _keep_state(self, file: StateFile) -> None:
        file.load(self.router)
        self.router.on_change = lambda: file.save(self.router)
        file.save(self.router)

    def _view(self) -> View:
        if self._recording is not None:
            return RecordedView(self._recording, self._started_at, self.router.clock)
        return RouterView(self.router)

    async def start(self) -> None:
        """Open the sockets; raises PortInUse."""
        if self.spec.snmp_port is not None:
            try:
                self._udp, self.snmp_port = await snmp.listen(
                    self.agent, self.spec.address, self.snmp_port
                )
            except OSError as error:
                raise self._taken("snmp", self.snmp_port, error) from error
        await self._open_api()

    async def _open_api(self) -> None:
        if self.spec.api_port is not None:
            self.api_port = await self._listen("api", self.api_port, None)
        if self.spec.api_tls_port is not None:
            self.api_tls_port = await self._listen("api-ssl", self.api_tls_port, server_context())

    async def _listen(self, service: str, port: int, tls: ssl.SSLContext | None) -> int:
        try:
            server = await self.api.listen(self.spec.address, port, tls)
        except OSError as error:
            raise self._taken(service, port, error) from error
        self._servers.append(server)
        found: int = server.sockets[0].getsockname()[1]
        return found

    def _taken(self, service: str, port: int, error: OSError) -> PortInUse:
        where = f"{self.spec.address} port {port}"
        return PortInUse(f"{self.spec.name}: cannot serve {service} on {where}: {error.strerror}")

    async def set_mode(self, mode: str) -> None:
        """Normal, dead, blackhole, refuse or nonsense, from this instant on.

        A change breaks the connections that are open; the mode it has already changes nothing.
        """
        if mode == self.faults.mode:
            return
        self.faults.mode = mode
        self._drop_walls()
        if mode in (fault.DEAD, fault.BLACKHOLE):
            await self._close_api()
            if mode == fault.DEAD:
                self.api.hang_up()
            else:
                self._raise_walls()
            return
        self.api.hang_up()
        if not self._servers:
            await self._open_api()

    async def _close_api(self) -> None:
        """Stop accepting, let what is being accepted finish, then close.

        A server closed while it takes up a connection would lose that socket (Python 3.11).
        """
        servers, self._servers = self._servers, []
        loop = asyncio.get_running_loop()
        for server in servers:
            for listener in server.sockets:
                loop.remove_reader(listener.fileno())
        for _ in range(ACCEPTING_TURNS):
            await asyncio.sleep(0)
        for server in servers:
            server.close()

    def _raise_walls(self) -> None:
        """Listeners whose queue is full and that accept nobody: connects time out."""
        for wanted, port in (
            (self.spec.api_port, self.api_port),
            (self.spec.api_tls_port, self.api_tls_port),
        ):
            if wanted is not None:
                self._walls += wall(self.spec.address, port)

    def _drop_walls(self) -> None:
        for one in self._walls:
            one.close()
        self._walls.clear()

    async def stop(self) -> None:
        """Close everything; connections are broken."""
        await self._close_api()
        self._drop_walls()
        self.api.hang_up()
        if self._udp is not None:
            self._udp.close()
        await asyncio.sleep(0)


def wall(address: str, port: int) -> list[socket.socket]:
    """A socket that listens and never accepts, with the connections that fill its queue."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(0)
    made = [listener]
    for _ in range(2):
        filler = socket.socket(family, socket.SOCK_STREAM)
        filler.setblocking(False)
        filler.connect_ex((address, port))
        made.append(filler)
    return made
