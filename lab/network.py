"""The lab: many devices in one event loop, and the verbs that play tricks on them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab import verbs
from lab.device import Device
from lab.spec import RouterSpec


class Lab:
    """All routers of one process. `perform` is the one entry for scenario control."""

    def __init__(
        self,
        specs: list[RouterSpec],
        *,
        state_dir: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if state_dir is not None:
            state_dir.mkdir(parents=True, exist_ok=True)
        self.devices = {spec.name: Device(spec, state_dir=state_dir, clock=clock) for spec in specs}

    async def start(self) -> None:
        """Open all sockets, or none; raises PortInUse."""
        try:
            for device in self.devices.values():
                await device.start()
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        await asyncio.gather(*(device.stop() for device in self.devices.values()))

    async def perform(self, verb: str, given: dict[str, Any]) -> dict[str, Any]:
        """One control verb; raises BadControl."""
        return await verbs.perform(self, verb, given)
