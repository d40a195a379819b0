"""Starts and ends the programs that tests need, and finds what was left running."""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class DidNotStart(Exception):
    """A program of the harness did not become ready; the message holds the end of its log."""


def free_port(*, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of 127.0.0.1 that is free now (nobody holds it: bind it soon)."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str) -> str:
    """The path of a Debian program. Raises DidNotStart with the way out when it is missing."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{PATH}")
    if found is None:
        raise DidNotStart(f"{name} is not installed: run script/bootstrap --dev")
    return found


def as_user(user: str, *, ends_with: signal.Signals = signal.SIGTERM) -> list[str]:
    """The start of a command line that runs as `user` when we are root (servers refuse root).

    The program is sent `ends_with` when the thread that started it dies, however it dies.
    """
    line = [program("setpriv"), "--pdeathsig", ends_with.name.removeprefix("SIG")]
    if os.geteuid() == 0:
        line += [f"--reuid={user}", f"--regid={user}", "--init-groups"]
    return line


class Running:
    """One program in a session of its own, with its output in a file."""

    def __init__(
        self, command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = Path(command[-1] if len(command) == 1 else command[0]).name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"PATH": PATH, "LANG": "C.UTF-8", **(environment or {})},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until(self, ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Return when `ready()` is true. Raises DidNotStart if the program ends or time does."""
        ends_at = time.monotonic() + timeout_s
        while not ready():
            ended = self._process.poll() is not None
            if ended or time.monotonic() > ends_at:
                self.stop()
                tail = self.log.read_text(errors="replace")[-2000:]
                raise DidNotStart(f"{self.name}: {'ended' if ended else 'not ready'}: {tail}")
            time.sleep(0.05)

    def wait(self, *, timeout_s: float) -> None:
        """Wait for a program that ends by itself. Raises DidNotStart when it fails."""
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.stop()
            code = -1
        if code != 0:
            raise DidNotStart(f"{self.name}: {self.log.read_text(errors='replace')[-2000:]}")

    def ended(self, *, within_s: float = 10) -> int:
        """The code with which it ended; raises TimeoutExpired where it lives on."""
        return self._process.wait(within_s)

    def stop(self, *, how: signal.Signals = signal.SIGTERM, timeout_s: float = 10) -> None:
        """End it politely, then for certain."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(how)
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent dies (Linux)."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl: cannot adopt orphans")


def descendants(of: int) -> dict[int, str]:
    """The live processes under process `of`: pid to command line. Zombies do not count."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if fields[0] != "Z":
                    parents[int(entry.name)] = int(fields[1])
    found: dict[int, str] = {}
    for pid in parents:
        if of in _ancestors(pid, parents):
            found[pid] = _command_line(pid)
    return found


def _ancestors(pid: int, parents: Mapping[int, int]) -> set[int]:
    seen: set[int] = set()
    while (pid := parents.get(pid, 0)) and pid not in seen:
        seen.add(pid)
    return seen


def _command_line(pid: int) -> str:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "?"
    return line.replace(b"\0", b" ").decode(errors="replace").strip()[:200]
