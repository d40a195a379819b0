"""Real processes of ours that tests stop at a step, kill and wait for."""

import multiprocessing
import multiprocessing.process
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from django.db import connections

from ispcore.base.unit_of_work import steps


@dataclass(frozen=True, slots=True)
class Worker:
    """A fork: neither has the other's connections."""

    process: multiprocessing.process.BaseProcess

    @classmethod
    def start(cls, work: Callable[[], object], *, stop_at: str = "") -> Self:
        connections.close_all()
        context = multiprocessing.get_context("fork")
        process = context.Process(target=_body, args=(work, stop_at), daemon=True)
        process.start()
        return cls(process)

    def ended(self, *, within_s: float = 90) -> int:
        """The code that it ended with, -9 where it was killed. Raises TimeoutError where it lives on."""
        self.process.join(within_s)
        if self.process.exitcode is None:
            raise TimeoutError(f"{self.process.pid} lives on")
        return self.process.exitcode

    def stands_still(self, *, within_s: float = 60) -> bool:
        """Wait until it has stopped itself; False: it has ended. Raises TimeoutError."""
        until = time.monotonic() + within_s
        while self.process.is_alive():
            stat = Path(f"/proc/{self.process.pid}/stat").read_text()
            if stat.rpartition(")")[2].split()[0] == "T":
                return True
            if time.monotonic() > until:
                raise TimeoutError(f"{self.process.pid} does not come to its step")
            time.sleep(0.005)
        return False

    def send(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def go_on(self) -> None:
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, if it lives."""
        if self.process.is_alive():
            self.send(signal.SIGKILL)
        self.process.join(10)


def _body(work: Callable[[], object], stop_at: str) -> None:
    steps.stop_at(stop_at)
    work()
    connections.close_all()
