"""Open pages without a browser: the real ASGI application, real sessions, the real listener."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import connections, transaction
from django.test import Client

from ispcore.accounts.models import Account, Tenant
from ispcore.live import topics
from ispcore.live.hub import hub
from ispcore.live.publish import publish
from tests.live.numbers import tenant_topic

ORIGIN = "http://localhost"
PATIENCE_S = 10.0  # for what comes at once on a machine that has nothing else to do


def session_of(account: Account) -> str:
    client = Client()
    client.force_login(account)
    return str(client.cookies["sessionid"].value)


class Page:
    """One open page."""

    def __init__(self, session: str | None, *, origin: str | None = ORIGIN) -> None:
        from ispcore.asgi import application

        headers = [(b"host", b"localhost")]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        if session is not None:
            headers.append((b"cookie", f"sessionid={session}".encode()))
        self.socket = WebsocketCommunicator(application, "/live/", headers=headers)

    async def open(self) -> tuple[bool, int | None]:
        accepted, code = await self.socket.connect(timeout=5)
        return bool(accepted), code

    async def say(self, **message: Any) -> None:
        await self.socket.send_to(text_data=json.dumps(message))

    async def hear(self, *, within_s: float = PATIENCE_S) -> dict[str, Any]:
        """The next message."""
        heard: dict[str, Any] = await self.socket.receive_json_from(timeout=within_s)
        return heard

    async def spots(self, *, within_s: float = PATIENCE_S) -> dict[str, str]:
        """The spots of the next message with frames."""
        while "frames" not in (heard := await self.hear(within_s=within_s)):
            pass
        return {name: html for frame in heard["frames"] for name, html in frame["spots"].items()}

    async def hears_nothing(self, *, for_s: float = 0.8) -> bool:
        return bool(await self.socket.receive_nothing(timeout=for_s))

    async def closed_with(self, *, within_s: float = PATIENCE_S) -> int:
        while (event := await self.socket.receive_output(within_s))["type"] != "websocket.close":
            pass
        return int(event["code"])


def closing(function: Callable[[], Any]) -> Any:
    """What `function` answers, and its thread's connections closed: for asyncio.to_thread."""
    try:
        return function()
    finally:
        connections.close_all()


class Live:
    """The pages of one test."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self.rendered: list[str] = []

    async def page(self, session: str | None, **options: Any) -> Page:
        """An open page; asserts that it was let in."""
        page = Page(session, **options)
        accepted, _ = await page.open()
        assert accepted
        self.pages.append(page)
        return page

    async def in_database(self, function: Callable[[], Any]) -> Any:
        return await hub().in_thread(function)

    async def rename(self, tenant: Tenant, name: str, *, tell: bool = True) -> None:
        """Another name for a tenant, and the event in the same transaction."""

        def write() -> None:
            with transaction.atomic():
                Tenant.objects.filter(pk=tenant.pk).update(name=name)
                if tell:
                    publish("test-tenant", str(tenant.pk))

        await self.in_database(write)

    async def listening(self) -> None:
        async with asyncio.timeout(10):
            while not hub().listening:  # noqa: ASYNC110 - production code needs no event for it
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)  # what was rendered before is then rendered once more


@pytest.fixture
async def live(transactional_db: None) -> AsyncIterator[Live]:
    settings.STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise warns where it is missing
    opened = Live()
    topic = tenant_topic(on_render=opened.rendered.append)
    topics.register(topic)
    try:
        yield opened
    finally:
        try:
            if opened.pages:
                await opened.listening()  # else a connection that is being made would be left open
            for page in opened.pages:
                with suppress(asyncio.CancelledError):  # of a socket that a test waited for in vain
                    await page.socket.disconnect()
        finally:
            await hub().stop()
            del topics._topics[topic.name]


@pytest.fixture
def noc_session(transactional_db: None, noc: Account) -> str:
    return session_of(noc)


@pytest.fixture
def dhaka_session(transactional_db: None, reseller_dhaka: Account) -> str:
    return session_of(reseller_dhaka)
