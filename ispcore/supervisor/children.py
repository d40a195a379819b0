"""Keeps one program running: starts it, passes its output on, restarts it when it ends."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from ispcore.supervisor.output import say
from ispcore.supervisor.plan import Program

GRACE_S = 10.0
LONGEST_PAUSE_S = 10.0
SETTLED_S = 10.0  # a program that ran this long starts again without a longer pause
DRAIN_S = 2.0  # for the last words of a program that ended

Noted = Callable[[str, int], None]


class Child:
    """One program under supervision, in a session (and process group) of its own."""

    def __init__(self, program: Program, *, note: Noted) -> None:
        """`note("+" or "-", group)` hears of every process group that starts or has ended."""
        self.program = program
        self._note = note
        self._process: asyncio.subprocess.Process | None = None
        self._ending = asyncio.Event()
        self._started_at = self._ran_for_s = 0.0
        self._restart_at_once = False

    @property
    def uptime_s(self) -> float:
        """Seconds since the present run began; 0 while it does not run."""
        return time.monotonic() - self._started_at if self._process else 0.0

    async def keep_running(self) -> None:
        """Run the program again and again, until `stop`."""
        pause_s = 1.0
        while not self._ending.is_set():
            try:
                code = await self._run()
            except OSError as error:
                code, why = 127, f"cannot be started: {error.strerror}"
            else:
                why = f"ended with {ending(code)}"
            if self._ending.is_set():
                return
            if self._restart_at_once or self._ran_for_s > SETTLED_S:
                pause_s = 1.0
            self._restart_at_once = False
            say(f"{self.program.name} {why}; again in {pause_s:.0f} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def kill(self, why: str) -> None:
        """SIGKILL to the whole process group; `keep_running` starts it again."""
        if self._process is not None:
            say(f"{self.program.name} is killed: {why}")
            self._restart_at_once = True
            _signal_group(self._process.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """End it for good: SIGTERM, ten seconds, SIGKILL."""
        self._ending.set()
        if self._process is not None:
            await _end(self._process)

    async def _run(self) -> int:
        self._started_at = time.monotonic()
        self._ran_for_s = 0.0
        # a pipe of our own: asyncio's would hold up wait() while an orphan still has it open
        read_end, write_end = os.pipe()
        relaying = asyncio.create_task(self._relay(read_end))
        try:
            process = await asyncio.create_subprocess_exec(
                *self.program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **self.program.environment},
                start_new_session=True,
            )
        finally:
            os.close(write_end)
        self._note("+", process.pid)
        self._process = process
        try:
            return await process.wait()
        finally:
            self._process = None
            self._ran_for_s = time.monotonic() - self._started_at
            _signal_group(process.pid, signal.SIGKILL)  # what its leader left behind
            self._note("-", process.pid)
            await asyncio.wait([relaying], timeout=DRAIN_S)
            relaying.cancel()

    async def _relay(self, read_end: int) -> None:
        """Pass on what the program and its children say, line by line, until all are gone."""
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read_end, "rb")
        )
        rest = b""
        try:
            while chunk := await stream.read(65_536):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    say(line.decode(errors="replace").rstrip(), who=self.program.name)
        finally:
            if rest:
                say(rest.decode(errors="replace").rstrip(), who=self.program.name)
            transport.close()


def ending(code: int) -> str:
    """How a process ended, for people: "exit code 1" or "signal 9 (Killed)"."""
    return f"exit code {code}" if code >= 0 else f"signal {-code} ({signal.strsignal(-code)})"


def python(*arguments: str) -> tuple[str, ...]:
    """A command line that runs Python as we run."""
    return (sys.executable, *arguments)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), GRACE_S)
    except TimeoutError:
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
