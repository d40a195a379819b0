"""The one WebSocket, /live/: a page says what it watches and is sent what changes.

From the page: {"subscribe": [[topic, key], ...]}, {"unsubscribe": [...]}, {"resync": true},
{"ping": n}. To the page: {"at": ISO time, "frames": [{"topic", "key", "spots": {name: html}}]};
{"at"} alone as a sign of life; {"refused": [topic, key]} for what it may not watch or what does
not exist, which look the same on purpose; {"at", "pong": n}. While events cannot be heard there is
no sign of life and no pong, so that the page says that it is not live. Closed with 4401 when the session (or
what a ticket was issued for) has ended, 4009 for a message that is too long, 4003 for one that is not understood, 4008 for too many,
4013 when the database is away, and 4011 for a fault of ours.
"""

import asyncio
import json
import logging
import random
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import Error

from ispcore.accounts import security
from ispcore.accounts.acting import acting_as
from ispcore.accounts.models import Account
from ispcore.base import clock
from ispcore.base.rls import identity
from ispcore.live import topics
from ispcore.live.doors import Entry, admit, origin_allowed, ticket_of
from ispcore.live.hub import Hub, Name, Subscriber, hub

MOST_TOPICS = 20
MOST_OCTETS = 4096
# a page says a few words when it opens and a ping now and then; each word may cost a query
BURST = 60
WORDS_PER_S = 4
FRAME_EVERY_S = 0.1
LIFE_EVERY_S = 10.0
RECHECK_EVERY_S = 60.0

# the server's library sends no code between 1001 and 2999: RFC 6455's own are for endpoints
SESSION_ENDED = 4401
NOT_UNDERSTOOD = 4003
TOO_MANY = 4008
TOO_LONG = 4009
INTERNAL_ERROR = 4011
TRY_LATER = 4013

log = logging.getLogger(__name__)


class NotUnderstood(ValueError):
    """The page sent something that is not in the protocol."""


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc] # channels has no types
    """One open page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._subscriber = Subscriber()
        self._account: Account | None = None
        self._entry = Entry()
        self._tasks: list[asyncio.Task[None]] = []
        self._words_left = float(BURST)
        self._counted_at = clock.monotonic_s()
        self._closed = False

    async def connect(self) -> None:
        """Refuse before accepting (HTTP 403) who is not logged in or comes from another site."""
        if ticket_of(self.scope) is None and not origin_allowed(self.scope["headers"]):
            await self.close()
            return
        try:
            self._entry = await self._hub.in_thread(lambda: admit(self.scope))
            self._account = await self._who()
        except Error:
            await self.close(TRY_LATER)
            return
        if self._account is None:
            await self.close(SESSION_ENDED)
            return
        await self.accept()
        self._hub.start()
        self._tasks = [
            asyncio.create_task(self._or_close(self._send_what_is_due())),
            asyncio.create_task(self._or_close(self._check_again())),
        ]

    async def disconnect(self, code: int) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._hub.unsubscribe(self._subscriber)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._closed:
            return  # what came before the page heard that it is closed
        if len(text_data or bytes_data or "") > MOST_OCTETS:
            await self.close(TOO_LONG)
            return
        if not self._may_speak():
            log.warning("live socket of %s: closed, too many messages", self._account)
            await self.close(TOO_MANY)
            return
        try:
            await self._obey(_understood(text_data))
        except NotUnderstood:
            await self.close(NOT_UNDERSTOOD)
        except Error:
            await self.close(TRY_LATER)

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        self._closed = True
        await super().close(code, reason)

    def _may_speak(self) -> bool:
        """BURST messages at once, WORDS_PER_S for ever."""
        now = clock.monotonic_s()
        earned = (now - self._counted_at) * WORDS_PER_S
        self._words_left = min(self._words_left + earned, BURST) - 1
        self._counted_at = now
        return self._words_left >= 0

    @property
    def _hub(self) -> Hub:
        return hub()

    async def _obey(self, message: dict[str, Any]) -> None:
        if names := _names(message.get("unsubscribe", [])):
            self._hub.unsubscribe(self._subscriber, names)
        if names := _names(message.get("subscribe", [])):
            await self._subscribe(names)
        if message.get("resync") is True:
            self._hub.resync(self._subscriber)
        number = message.get("ping")
        if isinstance(number, int) and self._hub.listening:
            await self.send(f'{{"at":"{_now()}","pong":{number:d}}}')

    async def _subscribe(self, names: list[Name]) -> None:
        present = {(one.topic.name, one.key) for one in self._subscriber.sent}
        room = MOST_TOPICS - len(present)
        new = [name for name in names if name not in present]
        asked = [*(present & set(names)), *new[:room]]
        allowed = await self._allowed(asked)
        await self._tell_denied([name for name in asked if name not in allowed])
        for name in names:
            topic = topics.get(name[0]) if name in allowed else None
            if topic is None:
                await self._refuse(name)
            else:
                self._hub.subscribe(self._subscriber, topic, name[1])

    async def _allowed(self, names: list[Name]) -> set[Name]:
        account = self._account
        if account is None or not names:
            return set()
        return await self._hub.in_thread(lambda: {name for name in names if _may(account, name)})

    async def _tell_denied(self, names: list[Name]) -> None:
        account, address = self._account, self._entry.address
        if account is not None and names:
            await self._hub.in_thread(lambda: _tell_denied(account, names, address=address))

    async def _who(self) -> Account | None:
        return await self._hub.in_thread(self._entry.account)

    async def _refuse(self, name: Name) -> None:
        await self.send(json.dumps({"refused": list(name)}))

    async def _or_close(self, work: Coroutine[Any, Any, None]) -> None:
        """A page whose sender died would stand still for ever; closed, it comes again."""
        try:
            await work
        except Exception:
            log.exception("live socket of %s: closed", self._account)
            await self.close(INTERNAL_ERROR)

    async def _send_what_is_due(self) -> None:
        """One message per 100 ms at most. `send` waits while the reader does not keep up, and
        whatever changes meanwhile is in the next message only as it is then.
        """
        subscriber = self._subscriber
        while True:
            try:
                async with asyncio.timeout(LIFE_EVERY_S):
                    await subscriber.wake.wait()
            except TimeoutError:
                if self._hub.listening:
                    await self.send(f'{{"at":"{_now()}"}}')
                continue
            frames, gone = subscriber.due()
            for name in gone:
                await self._refuse(name)
            if frames:
                await self.send(f'{{"at":"{_now()}","frames":[{",".join(frames)}]}}')
            await asyncio.sleep(FRAME_EVERY_S)

    async def _check_again(self) -> None:
        """What was true at the start may not stay so: session, account, and every permission."""
        await asyncio.sleep(RECHECK_EVERY_S * random.uniform(0.5, 1))  # noqa: S311 - spreads load
        while True:
            try:
                if not await self._still_welcome():
                    await self.close(SESSION_ENDED)
                    return
            except Error:
                pass  # the database is away: nothing new can be read, hence nothing shown either
            await asyncio.sleep(RECHECK_EVERY_S)

    async def _still_welcome(self) -> bool:
        self._account = await self._who()
        if self._account is None:
            return False
        watched = [(one.topic.name, one.key) for one in self._subscriber.sent]
        lost = set(watched) - await self._allowed(watched)
        self._hub.unsubscribe(self._subscriber, lost)
        for name in lost:
            await self._refuse(name)
        return True


def _may(account: Account, name: Name) -> bool:
    topic = topics.get(name[0])
    try:
        if topic is None or not account.reaches(topic.resource, "read"):
            return False
        with acting_as(account):
            return topic.allowed(account, name[1])
    except LookupError:
        return False


def _tell_denied(account: Account, names: list[Name], *, address: str | None) -> None:
    """These were refused: what is another tenant's is counted, as a page's address would be."""
    for name, key in names:
        topic = topics.get(name)
        if topic is None:
            continue
        with suppress(LookupError):
            with identity.acting_for_all():
                tenant_id = topic.whose(key)
            security.denied(account, tenant_id, what=f"live {name} {key}", address=address)


def _understood(text: str | None) -> dict[str, Any]:
    try:
        message = json.loads(text or "")
    except (ValueError, RecursionError) as error:
        raise NotUnderstood from error
    if not isinstance(message, dict):
        raise NotUnderstood
    return message


def _names(listed: Any) -> list[Name]:
    """[[topic, key], ...] as pairs, each once and in order."""
    if not isinstance(listed, list):
        raise NotUnderstood
    names: dict[Name, None] = {}
    for pair in listed:
        match pair:
            case [str(topic), str(key)]:
                names[(topic, key)] = None
            case _:
                raise NotUnderstood
    return list(names)


def _now() -> str:
    return clock.now().isoformat(timespec="milliseconds")
