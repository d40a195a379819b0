"""Hears what `publish` says, and tells the hub: one listener per web process."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import psycopg
from django.db import Error, connection
from django.db.models import Max, Min

from ispcore.live.hub import Hub, Name
from ispcore.live.models import LiveEvent
from ispcore.live.publish import CHANNEL

POLL_S = 0.25
PROBE_S = 15.0  # a PostgreSQL connection that was silent this long is asked for a sign of life
ANSWER_S = 5.0
LONGEST_PAUSE_S = 10.0

log = logging.getLogger(__name__)


async def listen(hub: Hub) -> None:
    """Listen for ever; after every loss of the connection all is rendered anew."""
    source = _notifications if connection.vendor == "postgresql" else _polled
    pause_s, lost = 0.2, False
    while True:
        try:
            await source(hub)
        except (Error, psycopg.Error, OSError, TimeoutError) as error:
            heard, hub.listening = hub.listening, False
            pause_s = 0.2 if heard else min(pause_s * 2, LONGEST_PAUSE_S)
            if heard or not lost:
                log.warning("live events: not listening: %s", str(error).strip() or "no answer")
            lost = True
        await asyncio.sleep(pause_s)


def _begin(hub: Hub) -> None:
    """Whatever happened before we listened may have been missed."""
    hub.listening = True
    hub.touch_all()


async def _notifications(hub: Hub) -> None:
    """PostgreSQL: LISTEN on a connection of our own, which no pool may close or share."""
    params: dict[str, Any] = {
        name: value
        for name, value in connection.get_connection_params().items()
        if name not in {"cursor_factory", "context", "prepare_threshold", "pool"}
    }
    async with await psycopg.AsyncConnection.connect(autocommit=True, **params) as listening:
        await listening.execute(f"LISTEN {CHANNEL}")
        _begin(hub)
        while True:
            silent = True
            async for notice in listening.notifies(timeout=PROBE_S):
                silent = False
                hub.touch([_name(notice.payload)])
            if silent:
                async with asyncio.timeout(ANSWER_S):
                    await listening.execute("SELECT 1")


async def _polled(hub: Hub) -> None:
    """SQLite: new rows by id, which cannot commit out of order. In one thread of its own."""
    with ThreadPoolExecutor(1, thread_name_prefix="live-poll") as thread:
        loop = asyncio.get_running_loop()
        try:
            last = await loop.run_in_executor(thread, _newest)
            _begin(hub)
            while True:
                await asyncio.sleep(POLL_S)
                last, names, missed = await loop.run_in_executor(thread, _after, last)
                if missed:
                    hub.touch_all()
                hub.touch(names)
        finally:
            with suppress(RuntimeError):
                thread.submit(connection.close)


def _newest() -> int:
    return LiveEvent.objects.aggregate(newest=Max("pk"))["newest"] or 0


def _after(last: int) -> tuple[int, set[Name], bool]:
    """(newest id, what changed, whether events were deleted before we saw them)."""
    rows = list(LiveEvent.objects.filter(pk__gt=last).values_list("pk", "topic", "key"))
    if not rows:
        newest = _newest()
        began_again = 0 < newest < last  # the table was emptied, ids and all
        return newest if began_again else last, set(), began_again
    oldest = LiveEvent.objects.aggregate(oldest=Min("pk"))["oldest"] or 0
    newest = max(pk for pk, _, _ in rows)
    return newest, {(topic, key) for _, topic, key in rows}, oldest > last + 1


def _name(payload: str) -> Name:
    topic, _, key = payload.partition("|")
    return topic, key
