"""The web process: python -m ispcore.web --host 127.0.0.1 --port 8000. Pages and sockets."""

# daphne.server comes before anything else that might choose Twisted's reactor
from daphne.server import Server  # isort:skip
from daphne import http_protocol  # isort:skip

import argparse
import asyncio
import os
import sys
from typing import Any

from autobahn.exception import Disconnected
from daphne.endpoints import build_endpoint_description_strings

from ispcore.firstrun import FirstRunError, ensure_secrets

BEAT_EVERY_S = 15
LONGEST_BODY = 8 * 2**20  # octets; Django takes 5 MiB of a form, and the portal takes no files
TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Brake:
    """Twisted's sign that a socket's send buffer is full (its peer reads slowly) or empty again."""

    def __init__(self) -> None:
        self.clear = asyncio.Event()
        self.clear.set()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's names
        self.clear.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self.clear.set()

    def stopProducing(self) -> None:  # noqa: N802
        self.clear.set()


class BoundedRequest(http_protocol.WebRequest):  # type: ignore[misc] # daphne has no types
    """A request whose body is no longer than a form's.

    Daphne writes whatever comes to a temporary file before anybody is asked who sends it.
    """

    _is_refused = False

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        if self._is_refused:
            return
        if self.content.tell() + len(data) > LONGEST_BODY:
            self._is_refused = True
            self.content.truncate(0)
            self.channel.transport.write(TOO_LARGE)
            self.channel.loseConnection()
            return
        super().handleContentChunk(data)

    def process(self) -> None:
        if not self._is_refused:
            super().process()


class PatientServer(Server):  # type: ignore[misc] # daphne has no types
    """Daphne whose `send` waits while a WebSocket's reader does not keep up.

    Daphne itself puts any amount into the transport's buffer, so the application could not know
    that a reader is slow, would send it every step, and would fill the memory.
    """

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        try:
            await super().handle_reply(protocol, message)
        except Disconnected:  # it is being closed; the application hears of that by itself
            return
        if message["type"] == "websocket.accept":
            protocol.brake = Brake()
            protocol.transport.unregisterProducer()  # the HTTP channel's, which is done
            protocol.transport.registerProducer(protocol.brake, True)
        elif message["type"] == "websocket.send":
            await protocol.brake.clear.wait()
        elif message["type"] == "websocket.close" and hasattr(protocol, "brake"):
            protocol.transport.unregisterProducer()  # else a paused one would hold up the end


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ispcore.web", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="(%(default)s)")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ispcore.settings")
    os.environ.setdefault("ISPCORE_PROCESS", "web")
    try:
        ensure_secrets()
    except FirstRunError as error:
        sys.exit(f"ispcore: {error}")
    run(options.host, options.port)


def run(host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred

    from ispcore.asgi import application
    from ispcore.live.hub import show_end, show_life

    beating: set[asyncio.Task[None]] = set()

    def begin() -> None:
        loop = asyncio.get_event_loop()
        loop.set_exception_handler(complain)
        beating.add(loop.create_task(show_life("web", BEAT_EVERY_S)))

    def end() -> Deferred[None]:
        for task in beating:
            task.cancel()
        return Deferred.fromFuture(asyncio.ensure_future(show_end("web")))

    reactor.callWhenRunning(begin)
    reactor.addSystemEventTrigger("before", "shutdown", end)  # type: ignore[arg-type] # its types lack self
    http_protocol.WebRequest = BoundedRequest  # its factory has no other door
    server = PatientServer(
        application,
        endpoints=build_endpoint_description_strings(host=host, port=port),
        server_name="ISPCore",
        websocket_timeout=-1,
        websocket_max_message_size=16 * 2**20,  # both ways; what pages send is limited per frame
        websocket_max_frame_size=64 * 2**10,
        application_close_timeout=5,
    )
    server.run()
    if not server.listening_addresses:
        sys.exit(f"ispcore: cannot listen on port {port} of {host}")


def complain(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """As asyncio does, but a client that went away before its answer is no fault of anybody's."""
    from django.core.exceptions import RequestAborted

    if not isinstance(context.get("exception"), RequestAborted):
        loop.default_exception_handler(context)


if __name__ == "__main__":
    main()
