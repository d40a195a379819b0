"""A proxy on loopback that cuts a connection between a COMMIT and its answer."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db import connections

WHEN = ("before", "after", "late")


@dataclass(slots=True)
class Cutter:
    """Passes everything on to (host, port); at the next COMMIT once it is told to cut, ends both
    connections: `before` the server has the COMMIT, `after` it has answered, or it gets it `late`,
    when the client is long gone."""

    target: tuple[str, int]
    when: str = ""
    stays_away: bool = False
    """From the cut on, nobody is let through."""
    cuts: int = 0
    is_away: bool = False
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _open: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.is_away:
                    client.close()
                    continue
                server = socket.create_connection(self.target)
                self._open += [client, server]
                for work in (self._to_server, self._to_client):
                    threading.Thread(target=work, args=(client, server), daemon=True).start()

    def stop(self) -> None:
        for each in (self._listener, *self._open):
            _end(each)

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while octets := client.recv(65_536):
                if self.when and b"COMMIT" in octets:
                    self._cut(client, server, octets)
                    return
                server.sendall(octets)
        _end(server)

    def _to_client(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while octets := server.recv(65_536):
                client.sendall(octets)
        _end(client)

    def _cut(self, client: socket.socket, server: socket.socket, octets: bytes) -> None:
        when, self.when = self.when, ""
        self.cuts += 1
        self.is_away = self.stays_away
        if when == "after":
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_WR)  # so that the answer cannot go through
            server.sendall(octets)
            time.sleep(0.3)
        _end(client)
        if when == "late":
            time.sleep(0.7)
            server.sendall(octets)
            time.sleep(0.3)
        _end(server)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextlib.contextmanager
def before(alias: str) -> Iterator[Cutter]:
    """The connections of this process to `alias` go through a cutter."""
    config = connections[alias].settings_dict
    direct = config["HOST"], config["PORT"]
    cutter = Cutter((str(direct[0]), int(direct[1])))
    threading.Thread(target=cutter.serve, daemon=True).start()
    connections[alias].close()
    config["HOST"], config["PORT"] = "127.0.0.1", str(cutter.port)
    try:
        yield cutter
    finally:
        with contextlib.suppress(Exception):
            connections[alias].close()
        connections[alias].connection = None
        config["HOST"], config["PORT"] = direct
        cutter.stop()
