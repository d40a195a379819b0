"""manage.py watch: ping every router every few seconds, and judge whether it answers."""

import asyncio
import logging
import signal
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from routers.operations import watching

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Ping every polled router every WATCH_PERIOD_S seconds until it is told to stop. "
        "Several on one database share the routers, and take over those of one that is gone. "
        "Example: manage.py watch. Exit code 0: stopped by SIGTERM or Ctrl-C."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(_until_told_to_stop())


async def _until_told_to_stop() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    watching_on = asyncio.create_task(_watch())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({watching_on, stopping}, return_when=asyncio.FIRST_COMPLETED)
    watching_on.cancel()
    stopping.cancel()
    with suppress(asyncio.CancelledError):
        await watching_on


async def _watch() -> None:
    watch, loop = watching.Watch(), asyncio.get_running_loop()
    started = loop.time()
    try:
        while True:
            began = loop.time()
            await watch.round()
            due = watching.next_tick(started, loop.time(), settings.WATCH_PERIOD_S)
            if due - began > settings.WATCH_PERIOD_S * 1.5:
                took_s = loop.time() - began
                logger.warning("watch: a round took %.1f s, the next one is left out", took_s)
            await asyncio.sleep(due - loop.time())
    finally:
        await watch.end()
