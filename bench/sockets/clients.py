"""Open pages without a browser: python -m bench.sockets.clients, told what to do line by line.

Each line of its input is a JSON object with `do`; each line of its output answers one. A page's
value is the number in `data-stale-after`, which every change of the bench makes another. Times are
CLOCK_MONOTONIC, which is the same in every process.
"""

import asyncio
import json
import re
import socket
import sys
import time
from functools import partial
from typing import Any

from bench.sockets import frames

VALUE = re.compile(r'data-stale-after=\\?"(\d+)')
AT_ONCE = 25  # connections that are made at the same time
OPEN_S = 60.0
Seen = dict[str, list[float]]


class Page(asyncio.Protocol):
    """One socket. `shown` is, by key, the present value and since when it is shown."""

    def __init__(self, pages: "Pages", request: bytes, words: list[str]) -> None:
        self.shown: dict[str, tuple[int, float]] = {}
        self.lost: str = ""
        self.key, self.values = "", set[int]()
        self._pages, self._request, self._words = pages, request, words
        self._buffer = bytearray()
        self._upgraded = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type
        self.transport = transport
        transport.write(self._request)

    def data_received(self, octets: bytes) -> None:
        now = time.monotonic()
        self._buffer += octets
        if not self._upgraded and not self._upgrade():
            return
        while (frame := frames.take(self._buffer)) is not None:
            kind, payload = frame
            if kind == frames.TEXT:
                self._hear(payload, now)
            elif kind == frames.PING:
                self._write(frames.masked(payload, frames.PONG))
            elif kind == frames.CLOSE:
                self.lost = f"closed by the server: {payload!r}"

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = self.lost or f"connection lost: {error}"

    def say(self, word: str) -> None:
        self._write(frames.masked(word.encode()))

    def _write(self, octets: bytes) -> None:
        if self.transport is not None:
            self.transport.write(octets)

    def _upgrade(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        if not self._buffer.startswith(b"HTTP/1.1 101"):
            self.lost = bytes(self._buffer[:100]).decode("latin-1")
            return False
        del self._buffer[: end + 4]
        self._upgraded = True
        for word in self._words:
            self.say(word)
        return True

    def _hear(self, payload: bytes, now: float) -> None:
        for key, value in self._pages.values_in(payload):
            if key == self.key:
                self.values.add(value)
            if self.shown.get(key, (0, 0.0))[0] != value:
                self.shown[key] = (value, now)
                self._pages.count(key, value, now)


class Pages:
    """All sockets of this process, and what they were shown."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self.slow: list[tuple[Page, asyncio.Transport]] = []
        self._seen: dict[tuple[str, int], list[float]] = {}
        self._parsed: dict[bytes, list[tuple[str, int]]] = {}

    def values_in(self, payload: bytes) -> list[tuple[str, int]]:
        """(key, value) of each frame; what all sockets are sent alike is parsed once."""
        _, _, rest = payload.partition(b'"frames":')
        if rest not in self._parsed:
            if len(self._parsed) > 200:
                self._parsed.clear()
            self._parsed[rest] = _values(rest)
        return self._parsed[rest]

    def count(self, key: str, value: int, now: float) -> None:
        entry = self._seen.setdefault((key, value), [0, 0.0])
        entry[0] += 1
        entry[1] = now

    async def open(self, port: int, path: str, cookie: str, say: list[list[str]]) -> Any:
        """A page for each list of words; returns when each shows as many keys as it asked for."""
        request, limit = frames.upgrade(port, path, cookie), asyncio.Semaphore(AT_ONCE)

        async def one(words: list[str]) -> Page:
            async with limit:
                page = Page(self, request, words)
                await asyncio.get_running_loop().create_connection(lambda: page, "127.0.0.1", port)
                asked = [pair for word in words for pair in json.loads(word)["subscribe"]]
                wanted = sum(topic == "reseller" for topic, _ in asked)
                while len(page.shown) < wanted and not page.lost:  # noqa: ASYNC110 - polled on purpose
                    await asyncio.sleep(0.02)
                return page

        async with asyncio.timeout(OPEN_S):
            self.pages += await asyncio.gather(*(one(words) for words in say))
        return {"open": len(self.pages), "lost": [page.lost for page in self.pages if page.lost]}

    async def open_slow(
        self, port: int, path: str, cookie: str, say: list[list[str]], key: str, resyncs: int
    ) -> Any:
        """Pages that ask for a lot and read none of it, with the smallest of buffers."""
        loop = asyncio.get_running_loop()
        for words in say:
            ear = socket.socket()
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            ear.setblocking(False)
            await loop.sock_connect(ear, ("127.0.0.1", port))
            page = Page(self, frames.upgrade(port, path, cookie), words)
            transport, _ = await loop.create_connection(partial(_same, page), sock=ear)
            page.key = key
            self.slow.append((page, transport))
        await asyncio.sleep(1)
        for _, transport in self.slow:
            transport.pause_reading()
        for page, _ in self.slow:
            page.values.clear()
        for _ in range(resyncs):
            for page, _ in self.slow:
                page.say('{"resync":true}')
            await asyncio.sleep(0.12)  # what comes within 0.1 s is answered as one
        return {"slow": len(self.slow)}

    async def close_slow(self, key: str, value: int) -> Any:
        """Let them read until they show `value`; how many of its values any has seen meanwhile."""
        for _, transport in self.slow:
            transport.resume_reading()
        async with asyncio.timeout(OPEN_S):
            while any(page.shown.get(key, (0, 0))[0] != value for page, _ in self.slow):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        seen = max(len(page.values) for page, _ in self.slow)
        for _, transport in self.slow:
            transport.abort()
        self.slow.clear()
        return {"seen": seen}

    async def tally(self, key: str, value: int, count: int, within_s: float) -> Any:
        """When the last of `count` pages was shown this value; None if not all were in time."""
        ends_at = time.monotonic() + within_s
        while (entry := self._seen.get((key, value), [0, 0.0]))[0] < count:
            if time.monotonic() > ends_at:
                return {"count": entry[0], "last": None}
            await asyncio.sleep(0.01)
        return {"count": entry[0], "last": entry[1]}

    async def shown(self) -> Any:
        lost = [page.lost for page in self.pages if page.lost]
        return {"shown": [page.shown for page in self.pages], "lost": lost}

    async def close(self) -> Any:
        for page in self.pages:
            if page.transport is not None:
                page.transport.abort()
        self.pages.clear()
        self._seen.clear()
        return {}


def _same(page: Page) -> Page:
    return page


def _values(rest: bytes) -> list[tuple[str, int]]:
    if not rest:
        return []
    found = []
    for frame in json.loads(rest.removesuffix(b"}")):
        numbers = [int(text) for html in frame["spots"].values() for text in VALUE.findall(html)]
        if numbers:
            found.append((frame["key"], max(numbers)))
    return found


async def main() -> None:
    pages = Pages()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        told = json.loads(line)
        answer = await getattr(pages, told.pop("do"))(**told)
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
