"""Killing for real: SIGKILL, with the wait status seen before the parent can reap it."""

import os
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

WAIT_S = 10.0


def kill(pids: Iterable[int]) -> None:
    """SIGKILL these processes, and see of each that signal 9 ended it.

    Their parents are stopped meanwhile, so that what is dead stays to be looked at; a parent that
    is to die too comes after its children.
    """
    victims = sorted(pids, key=_depth, reverse=True)
    parents = {_parent(pid) for pid in victims} - {os.getpid()}
    for parent in parents:
        os.kill(parent, signal.SIGSTOP)
    try:
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
            assert _wait_status(pid) == signal.SIGKILL, f"{pid} did not end by signal 9"
    finally:
        for parent in parents - set(victims):
            with suppress(ProcessLookupError):
                os.kill(parent, signal.SIGCONT)


def kill_host(family: Mapping[int, str], supervisor: int) -> None:
    """All of a portal at once, as when its host loses power."""
    pids = [supervisor, *family]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)  # none of them may notice the others' end
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class JobCluster:
    """The processes of a job cluster: what a supervisor sees of it, and its inner life."""

    leader: int
    guard: int
    workers: tuple[int, ...]
    monitor: int
    pusher: int

    @classmethod
    def under(cls, supervisor: int, family: Mapping[int, str]) -> "JobCluster":
        """By who made whom, and in which order the guard makes its own."""
        ours = sorted(pid for pid, line in family.items() if "manage.py qcluster" in line)
        leader = next(pid for pid in ours if _parent(pid) == supervisor)
        guard = next(pid for pid in ours if _parent(pid) == leader)
        *workers, monitor, pusher = (pid for pid in ours if _parent(pid) == guard)
        return cls(leader, guard, tuple(workers), monitor, pusher)

    def idle_with_the_lock(self) -> int:
        """The worker that reads the queue's pipe, which only the holder of its lock does."""
        return self._worker("pipe")

    def idle_without_it(self) -> int:
        return self._worker("futex")

    def asleep_in_a_job(self) -> int:
        return self._worker("nanosleep")

    def _worker(self, waits_in: str) -> int:
        """The worker that waits in this place of the kernel."""
        until = time.monotonic() + WAIT_S
        while True:
            seen = {pid: _place(pid) for pid in self.workers}
            for pid, place in seen.items():
                if waits_in in place:
                    return pid
            assert time.monotonic() < until, f"no worker waits in {waits_in}: {seen}"
            time.sleep(0.05)


def _fields(pid: int) -> list[str]:
    """/proc/PID/stat from the state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _parent(pid: int) -> int:
    return int(_fields(pid)[1])


def _depth(pid: int) -> int:
    depth = 0
    while pid > 1:
        pid, depth = _parent(pid), depth + 1
    return depth


def _place(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/wchan").read_text()
    return ""


def _wait_status(pid: int) -> int:
    """What wait() will give the parent of a process that has ended (proc(5): exit_code)."""
    until = time.monotonic() + WAIT_S
    while (fields := _fields(pid))[0] != "Z":
        assert time.monotonic() < until, f"{pid} lives on"
        time.sleep(0.01)
    return int(fields[49])
