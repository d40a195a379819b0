"""Serves static/ and one page under the portal's own policy, and is the other end of its socket."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from ispcore.base.middleware import POLICY

STATIC = Path(__file__).resolve().parents[2] / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

Frame = dict[str, Any]


class PageServer:
    """One page at /; `answers` holds further paths. Methods may be called from any thread."""

    def __init__(self, page: str) -> None:
        self.page = page
        self.answers: dict[str, str] = {}
        self.heard: list[Frame] = []
        self.asked: list[str] = []
        self.open_for_sockets = True
        self.port = 0
        self._sockets: set[ServerConnection] = set()
        self._loop = asyncio.new_event_loop()
        self._stop: asyncio.Event
        self._ready = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def push(self, topic: str, key: str, **spots: str) -> None:
        """A frame with these spots, to every page that is open."""
        frames = [{"topic": topic, "key": key, "spots": spots}]
        self.say({"at": datetime.now(UTC).isoformat(), "frames": frames})

    def say(self, message: Frame) -> None:
        self._call(self._say_all(json.dumps(message)))

    def hang_up(self, code: int = 1011) -> None:
        self._call(self._close_all(code))

    def run(self) -> None:
        """The server's thread."""
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)

    def wait_until_ready(self) -> None:
        assert self._ready.wait(10)

    def _call(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _say_all(self, text: str) -> None:
        for socket in list(self._sockets):
            await socket.send(text)

    async def _close_all(self, code: int) -> None:
        for socket in list(self._sockets):
            await socket.close(code)

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        async with serve(self._talk, "127.0.0.1", 0, process_request=self._answer) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()
            await self._stop.wait()

    async def _talk(self, socket: ServerConnection) -> None:
        self._sockets.add(socket)
        try:
            async for text in socket:
                message = json.loads(text)
                self.heard.append(message)
                if "subscribe" in message:
                    await socket.send(json.dumps({"at": datetime.now(UTC).isoformat()}))
        finally:
            self._sockets.discard(socket)

    def _answer(self, _: ServerConnection, request: Request) -> Response | None:
        path = request.path.partition("?")[0]
        if path == "/live/":
            return None if self.open_for_sockets else _response("", status=HTTPStatus.FORBIDDEN)
        self.asked.append(request.path)
        if path == "/":
            return _response(self.page)
        if path in self.answers:
            return _response(self.answers[path])
        file = STATIC / path.removeprefix("/static/")
        if file.is_file():
            return _response(file.read_text(encoding="utf-8"), _TYPES[file.suffix])
        return _response("", status=HTTPStatus.NOT_FOUND)


def _response(
    body: str, content_type: str = "text/html", status: HTTPStatus = HTTPStatus.OK
) -> Response:
    octets = body.encode()
    headers = Headers(
        {
            "Content-Type": f"{content_type}; charset=utf-8",
            "Content-Length": str(len(octets)),
            "Content-Security-Policy": POLICY,
            "Connection": "close",
        }
    )
    return Response(status, status.phrase, headers, octets)


@contextmanager
def served(page: str) -> Iterator[PageServer]:
    """`page` on a free port of loopback until the end of the block."""
    server = PageServer(page)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    server.wait_until_ready()
    try:
        yield server
    finally:
        server.stop()
        thread.join(10)
