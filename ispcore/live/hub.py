"""One web process' live pages: what is watched, its last rendering, and who must be told.

A watched thing (topic, key) is rendered once per change, however many watch it; each spot of it is
turned into JSON once, and the string is shared by all sockets. A socket keeps no queue: it
remembers which version of each watched thing it has sent, so a slow reader costs nothing, delays
nobody, and gets the latest state when it reads again.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import TypeVar
from weakref import WeakKeyDictionary

from django.db import Error, connections

from ispcore.base import clock, leases
from ispcore.base.outages import brief, is_away
from ispcore.base.rls import identity
from ispcore.live import topics
from ispcore.live.topics import Spots, Topic, followers

COALESCE_S = 0.1
RETRY_S = 2.0
FRESH_S = 5.0  # a resync renders again only what is older than this
THREADS = 4

Name = tuple[str, str]
"""A watched thing: topic and key."""

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class Watched:
    """One (topic, key) with its last rendering, versioned per spot."""

    def __init__(self, topic: Topic, key: str) -> None:
        self.topic, self.key = topic, key
        self.version = 0  # 0: never rendered
        self.gone = False
        self.rendered_at = 0.0
        self.subscribers: set[Subscriber] = set()
        self.task: asyncio.Task[None] | None = None
        self.dirty = True
        self._html: Spots = {}
        self._spots: dict[str, tuple[int, str]] = {}  # name: (version it changed in, its JSON)
        self._frames: dict[int, str] = {}

    def take(self, spots: Spots) -> bool:
        """Keep a new rendering; True if anything differs from the last one."""
        changed = {name: html for name, html in spots.items() if self._html.get(name) != html}
        changed |= {name: "" for name in self._html.keys() - spots.keys() if self._html[name]}
        if self.version and not changed:
            return False
        self.version += 1
        for name, html in changed.items():
            self._spots[name] = (self.version, f"{json.dumps(name)}:{json.dumps(html)}")
        self._html |= changed
        self._frames.clear()
        return True

    def frame(self, since: int) -> str:
        """The spots that changed after version `since`, as JSON; made once for all who ask."""
        if since not in self._frames:
            spots = ",".join(text for version, text in self._spots.values() if version > since)
            head = f'"topic":{json.dumps(self.topic.name)},"key":{json.dumps(self.key)}'
            self._frames[since] = f'{{{head},"spots":{{{spots}}}}}'
        return self._frames[since]


class Subscriber:
    """One socket: what it watches, and up to which version it was told."""

    def __init__(self) -> None:
        self.sent: dict[Watched, int] = {}
        self.wake = asyncio.Event()

    def due(self) -> tuple[list[str], list[Name]]:
        """Frames to send now, and the names of what has gone; both count as told."""
        frames, gone = [], []
        self.wake.clear()
        for watched, version in list(self.sent.items()):
            if watched.gone:
                gone.append((watched.topic.name, watched.key))
                del self.sent[watched]
            elif watched.version > version:
                frames.append(watched.frame(version))
                self.sent[watched] = watched.version
        return frames, gone

    def forget_sent(self) -> None:
        """From here on everything counts as untold: the next frame is a whole snapshot."""
        self.sent = dict.fromkeys(self.sent, 0)
        self.wake.set()


class Hub:
    """All watched things of this process (of this event loop), fed by one listener."""

    def __init__(self) -> None:
        self.listening = False  # while False no sign of life is sent: the pages then say so
        self._watched: dict[Name, Watched] = {}
        self._listener: asyncio.Task[None] | None = None
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="live")

    def start(self) -> None:
        """Start the listener once; it is kept for the life of the process."""
        if self._listener is None or self._listener.done():
            from ispcore.live.listener import listen

            self._listener = asyncio.create_task(listen(self))

    async def stop(self) -> None:
        tasks = [watched.task for watched in self._watched.values()] + [self._listener]
        pending = [task for task in tasks if task is not None and not task.done()]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        self._threads.shutdown()

    async def in_thread(self, function: Callable[[], Result]) -> Result:
        """Run `function` in one of our threads, and give its database connections back."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: _with_connections(function))

    def subscribe(self, subscriber: Subscriber, topic: Topic, key: str) -> None:
        """From now on `subscriber` is told of (topic, key), beginning with all of it."""
        name = (topic.name, key)
        watched = self._watched.get(name)
        if watched is None or watched.gone:
            watched = self._watched[name] = Watched(topic, key)
            self._render(watched)
        watched.subscribers.add(subscriber)
        subscriber.sent[watched] = 0
        if watched.version:
            subscriber.wake.set()

    def unsubscribe(self, subscriber: Subscriber, names: Iterable[Name] | None = None) -> None:
        """No more of these (None: of anything); what nobody watches is forgotten."""
        chosen = None if names is None else set(names)
        for watched in list(subscriber.sent):
            name = (watched.topic.name, watched.key)
            if chosen is None or name in chosen:
                del subscriber.sent[watched]
                watched.subscribers.discard(subscriber)
                if not watched.subscribers and self._watched.get(name) is watched:
                    del self._watched[name]

    def touch(self, names: Iterable[Name]) -> None:
        """These changed: render what is watched of them, and tell."""
        for topic, key in names:
            for name in (topic, *followers(topic)):
                if (watched := self._watched.get((name, key))) is not None:
                    self._render(watched)

    def touch_all(self) -> None:
        """Events may have been missed: render all, which sends everybody what differs."""
        for watched in self._watched.values():
            self._render(watched)

    def resync(self, subscriber: Subscriber) -> None:
        """Send `subscriber` everything again, rendered anew where it is not quite fresh."""
        now = clock.monotonic_s()
        for watched in subscriber.sent:
            if now - watched.rendered_at > FRESH_S:
                self._render(watched)
        subscriber.forget_sent()

    def _render(self, watched: Watched) -> None:
        watched.dirty = True
        if watched.task is None or watched.task.done():
            watched.task = asyncio.create_task(self._render_until_clean(watched))

    async def _render_until_clean(self, watched: Watched) -> None:
        """One rendering per 100 ms at most, the first of them at once; one that failed is tried
        again while it is watched.
        """
        pause_s = max(watched.rendered_at + COALESCE_S - clock.monotonic_s(), 0.0)
        while watched.dirty and not watched.gone:
            await asyncio.sleep(pause_s)
            watched.dirty, pause_s = False, COALESCE_S
            try:
                changed = watched.take(
                    await self.in_thread(lambda: topics.render(watched.topic, watched.key))
                )
            except LookupError:
                watched.gone = changed = True
                self._watched.pop((watched.topic.name, watched.key), None)
            except Exception as error:  # noqa: BLE001 - logged there, and tried again
                self._not_rendered(watched, error)
                watched.dirty, pause_s, changed = bool(watched.subscribers), RETRY_S, False
            watched.rendered_at = clock.monotonic_s()
            if changed:
                for subscriber in watched.subscribers:
                    subscriber.wake.set()

    def _not_rendered(self, watched: Watched, error: Exception) -> None:
        """A fault of ours is logged with its place, a database that is away only once: by whoever
        listens, or here where it still seems to answer.
        """
        name, key = watched.topic.name, watched.key
        if not is_away(error):
            log.error("live %s|%s: cannot be rendered", name, key, exc_info=error)
        elif self.listening:
            log.warning("live %s|%s: the database does not answer: %s", name, key, brief(error))


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop; a web process has one."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


async def show_life(name: str, every_s: float) -> None:
    """Write the heartbeat `name` for ever: that it comes shows event loop and database alive."""
    started_at = clock.now()
    while True:
        try:
            await hub().in_thread(lambda: _beat(name, started_at))
        except Error as error:
            log.warning("%s: heartbeat not written: %s", name, str(error).strip())
        await asyncio.sleep(every_s)


async def show_end(name: str) -> None:
    """Take the heartbeat back, so that nobody misses this process; a database away forbids it."""
    with suppress(Error, TimeoutError):
        async with asyncio.timeout(3):
            await hub().in_thread(lambda: _retire(name))


@identity.acting_for_all()
def _beat(name: str, started_at: datetime) -> None:
    leases.beat(name, started_at=started_at)


@identity.acting_for_all()
def _retire(name: str) -> None:
    leases.retire(name)


def _with_connections(function: Callable[[], Result]) -> Result:
    try:
        return function()
    finally:
        connections.close_all()
