"""Notices processes that hang: the web process is asked, and tells the others' heartbeats."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from ispcore.supervisor.children import Child

EVERY_S = 10.0
ANSWER_WITHIN_S = 20.0  # a web process that finds no database takes ten seconds to say so


@dataclass(frozen=True, slots=True)
class Answer:
    """What /health/ said: status code, and each process' last heartbeat as text."""

    status: int
    beats: Mapping[str, str]


class NoAnswer(Exception):
    """The web process did not answer in time, or not in HTTP."""


async def ask(host: str, port: int, *, host_name: str, within_s: float = ANSWER_WITHIN_S) -> Answer:
    """GET /health/. Raises NoAnswer."""
    try:
        async with asyncio.timeout(within_s):
            return await _get(host, port, host_name)
    except (OSError, TimeoutError, ValueError) as error:
        raise NoAnswer(str(error)) from error


@dataclass(slots=True)
class Watchdog:
    """Remembers when each heartbeat last *changed*, by the monotonic clock.

    So a step of the wall clock kills nobody. While the database is away no heartbeat can be
    written, hence none is judged, and all get their full time again when it is back.
    """

    children: Iterable[Child]
    now: Callable[[], float] = time.monotonic
    _changed: dict[str, tuple[str, float]] = field(default_factory=dict)
    _web_spoke_at: float | None = None

    def web_silent(self) -> None:
        """The web process gave no answer: nothing is known of the others."""
        self._changed.clear()
        for child in self.children:
            if child.program.heartbeat == "web":
                self._judge(child, self._web_spoke_at)

    def heard(self, answer: Answer) -> None:
        """The web process answered."""
        self._web_spoke_at = self.now()
        if answer.status != 200:
            self._changed.clear()
            return
        for child in self.children:
            name = child.program.heartbeat
            if name and name != "web":
                self._judge(child, self._moved(name, answer.beats.get(name, "")))

    def _moved(self, name: str, beat: str) -> float:
        before, since = self._changed.get(name, (None, 0.0))
        if beat != before:
            since = self.now()
            self._changed[name] = (beat, since)
        return since

    def _judge(self, child: Child, last_s: float | None) -> None:
        limit_s = child.program.stale_after_s
        silent_s = min(child.uptime_s, self.now() - (last_s or 0.0))
        if silent_s > limit_s:
            child.kill(f"no sign of life for {silent_s:.0f} s")
            self._changed.pop(child.program.heartbeat, None)


async def watch(children: Iterable[Child], *, host: str, port: int, host_name: str) -> None:
    """Ask for ever."""
    dog = Watchdog(children)
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            dog.heard(await ask(host, port, host_name=host_name))
        except NoAnswer:
            dog.web_silent()


async def _get(host: str, port: int, host_name: str) -> Answer:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        request = f"GET /health/ HTTP/1.0\r\nHost: {host_name}\r\n\r\n"
        writer.write(request.encode())
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    status = int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/") else 0
    if not status:
        raise ValueError("not an HTTP answer")
    processes = json.loads(body).get("processes", {}) if status == 200 else {}
    return Answer(status, {name: one["beat_at"] for name, one in processes.items()})
