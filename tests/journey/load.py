"""People at a portal: some who open page after page, and pages that stay open on their sockets."""

import asyncio
import itertools
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

READERS = 6
GIVE_UP_S = 30.0  # longer than a request may take: one that hangs is seen to
AGAIN_S = 1.0  # after which a page tries to connect again


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: when it began, how long it took, and what came back (0: nothing did)."""

    path: str
    began: float
    took_s: float
    status: int
    kind: str
    text: str


@dataclass
class Readers:
    """Six people with the same session, each opening one page after the other."""

    url: str
    session: str
    paths: Sequence[str]
    asked: list[Asked] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "Readers":
        for number in range(READERS):
            thread = threading.Thread(target=self._read, args=(number,), daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(GIVE_UP_S + 5)

    def since(self, began: float) -> list[Asked]:
        """Requests that began after that, and have ended."""
        return [asked for asked in self.asked if asked.began >= began]

    def ended_since(self, at: float) -> list[Asked]:
        return [asked for asked in self.asked if asked.began + asked.took_s >= at]

    def all_is_well(self, since: float) -> bool:
        """Each path was asked for after `since`, and all of the last answers were good."""
        last = {asked.path: asked.status for asked in self.since(since)}
        return last.keys() == set(self.paths) and set(last.values()) == {200}

    def _read(self, number: int) -> None:
        for path in itertools.islice(itertools.cycle(self.paths), number, None):
            if self._over.wait(0.3):
                return
            self.asked.append(self.ask(path))

    def ask(self, path: str) -> Asked:
        request = urllib.request.Request(  # noqa: S310 - our own portal's URL
            f"{self.url}{path}", headers={"Cookie": f"sessionid={self.session}"}
        )
        began = time.monotonic()
        status, kind, body = 0, "", b""
        try:
            with urllib.request.urlopen(request, timeout=GIVE_UP_S) as answer:  # noqa: S310
                status, kind, body = answer.status, answer.headers["Content-Type"], answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, kind, body = error.code, error.headers["Content-Type"], error.read()
        except OSError as error:
            body = repr(error).encode()
        return Asked(path, began, time.monotonic() - began, status, kind or "", body.decode())


@dataclass
class Open:
    """One open page, as live.js keeps it: connected again when it is cut, all of it sent anew."""

    heard_at: float = 0.0  # of the last message with a time: the sign that the page is live
    state: str = ""  # the last `current` spot
    connections: int = 0
    refused: list[str] = field(default_factory=list)


class OpenPages:
    """Pages on one topic each, all in a thread of their own."""

    def __init__(self, url: str, session: str, topic: str, key: str, *, count: int) -> None:
        self._url, self._session, self._watched = url, session, [topic, key]
        self.pages = [Open() for _ in range(count)]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "OpenPages":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join(20)

    def live_since(self, at: float) -> bool:
        """Whether every page had a sign of life after that."""
        return all(page.heard_at > at for page in self.pages)

    def silent_since(self, at: float) -> bool:
        return not any(page.heard_at > at for page in self.pages)

    def all_show(self, words: str) -> bool:
        return all(words in page.state for page in self.pages)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._tasks = [self._loop.create_task(self._keep_open(page)) for page in self.pages]
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.close()

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _keep_open(self, page: Open) -> None:
        while True:
            with suppress(ConnectionClosed, InvalidHandshake, OSError, TimeoutError):
                await self._open(page)
            await asyncio.sleep(AGAIN_S)

    async def _open(self, page: Open) -> None:
        async with connect(
            f"{self._url.replace('http', 'ws')}/live/",
            origin=self._url,  # type: ignore[arg-type] # a NewType of str
            additional_headers={"Cookie": f"sessionid={self._session}"},
            max_size=None,
            close_timeout=2,
        ) as socket:
            page.connections += 1
            await socket.send(json.dumps({"subscribe": [self._watched]}))
            async for message in socket:
                self._hear(page, json.loads(message))

    def _hear(self, page: Open, said: dict[str, object]) -> None:
        if "refused" in said:
            page.refused.append(str(said["refused"]))
        if "at" in said:
            page.heard_at = time.monotonic()
        for frame in said.get("frames", []):  # type: ignore[attr-defined]
            page.state = frame["spots"].get("current", page.state)
