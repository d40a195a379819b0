"""The whole portal as people start it, on a var/ of its own."""

import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.harness.processes import PATH, Running, descendants, free_port

PROJECT = Path(__file__).resolve().parents[2]
STARTED = "ISPCore is at "


def surroundings(var: Path, **more: str) -> dict[str, str]:
    """What a person's shell would give, and where var/ is."""
    passed = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    return {"PATH": PATH, "LANG": "C.UTF-8", "ISPCORE_VAR": str(var), **passed, **more}


class Portal:
    """One run of `python -m ispcore.supervisor`."""

    def __init__(self, var: Path, *arguments: str, **environment: str) -> None:
        self.port = free_port()
        self.log = var.parent / f"supervisor-{self.port}.log"
        self._running = Running(
            [sys.executable, "-m", "ispcore.supervisor", "--port", str(self.port), *arguments],
            log=self.log,
            environment=surroundings(var, **environment),
        )
        self.pid = self._running.pid

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def started(self, *, within_s: float = 180) -> "Portal":
        self._running.wait_until(lambda: STARTED in self.text(), timeout_s=within_s)
        return self

    def wait_for(self, happened: Callable[[], bool], *, within_s: float) -> None:
        """Fails with the portal's own words if it does not happen."""
        ends_at = time.monotonic() + within_s
        while not happened():
            assert time.monotonic() < ends_at, self.text()[-3000:]
            time.sleep(0.1)

    def beat_of(self, name: str) -> str:
        """The last heartbeat of a process; empty while the portal does not answer."""
        with suppress(OSError, ValueError):
            url = f"http://127.0.0.1:{self.port}/health/"
            with urllib.request.urlopen(url, timeout=5) as answer:
                processes = json.load(answer)["processes"]
                return str(processes.get(name, {}).get("beat_at", ""))
        return ""

    def children(self) -> dict[int, str]:
        return descendants(self.pid)

    def find(self, words: str) -> list[int]:
        """The processes under the supervisor with `words` in their command line, oldest first."""
        return sorted(pid for pid, line in self.children().items() if words in line)

    def end(self, how: signal.Signals = signal.SIGINT, *, within_s: float = 20) -> int:
        """Ctrl-C; returns the exit code."""
        process = self._running._process
        process.send_signal(how)
        return process.wait(within_s)

    def clean_up(self) -> None:
        family = self.children()
        self._running.stop(timeout_s=15)
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def start_portal(tmp_path: Path) -> Iterator[Callable[..., Portal]]:
    """start_portal("--demo", DATABASE_URL=...) starts one more run on the same var/."""
    runs: list[Portal] = []

    def start(*arguments: str, **environment: str) -> Portal:
        runs.append(Portal(tmp_path / "var", *arguments, **environment))
        return runs[-1]

    yield start
    for run in runs:
        run.clean_up()
