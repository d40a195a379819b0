"""The lab for tests: routers on free ports, in a thread of their own or in this loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from lab.device import Device
from lab.network import Lab
from lab.spec import RouterSpec

WAIT_S = 20.0


class RunningLab:
    """A lab in a background thread; `routers` know their ports, `control` plays tricks.

    `routers[name].router` is the state itself: read it, but change it through `control` only.
    """

    def __init__(self, lab: Lab, loop: asyncio.AbstractEventLoop) -> None:
        self.lab = lab
        self._loop = loop

    @property
    def routers(self) -> dict[str, Device]:
        return self.lab.devices

    def control(self, verb: str, **given: Any) -> dict[str, Any]:
        """One control verb, done when this returns; raises BadControl."""
        done = asyncio.run_coroutine_threadsafe(self.lab.perform(verb, given), self._loop)
        return done.result(WAIT_S)


@contextmanager
def running_lab(
    specs: list[RouterSpec],
    *,
    state_dir: Path | None = None,
    clock: Callable[[], float] = time.time,
) -> Iterator[RunningLab]:
    """Routers in a background thread; raises PortInUse. All is closed at the end."""
    loop = asyncio.new_event_loop()
    lab = Lab(specs, state_dir=state_dir, clock=clock)
    thread = threading.Thread(target=loop.run_forever, name="lab", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(lab.start(), loop).result(WAIT_S)
        yield RunningLab(lab, loop)
    finally:
        asyncio.run_coroutine_threadsafe(_end(lab), loop).result(WAIT_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WAIT_S)
        loop.close()


async def _end(lab: Lab) -> None:
    """Stop, and wait until every task of the loop has ended."""
    await lab.stop()
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


@asynccontextmanager
async def lab_in_loop(
    specs: list[RouterSpec],
    *,
    state_dir: Path | None = None,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Lab]:
    """Routers in the running loop, for async tests: `await lab.perform("dead", {"router": "r1"})`."""
    lab = Lab(specs, state_dir=state_dir, clock=clock)
    await lab.start()
    try:
        yield lab
    finally:
        await lab.stop()
