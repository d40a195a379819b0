"""manage.py watch: ping every router every few seconds, and judge whether it answers."""

import asyncio
import signal
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.management.base import BaseCommand

from routers.operations import watching


class Command(BaseCommand):
    help = (
        "Ping every polled router every WATCH_PERIOD_S seconds until it is told to stop. "
        "Of several on one database one pings, and another takes over when it is gone. "
        "Example: manage.py watch. Exit code 0: stopped by SIGTERM or Ctrl-C."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(_until_told_to_stop())


async def _until_told_to_stop() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    while not stop.is_set():
        due = loop.time() + settings.WATCH_PERIOD_S
        await watching.round_of_pings()
        try:
            await asyncio.wait_for(stop.wait(), timeout=max(due - loop.time(), 0.5))
        except TimeoutError:
            continue
    await sync_to_async(watching.end)()
