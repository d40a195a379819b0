"""Which processes belong to a job cluster: read from /proc (Linux; empty elsewhere)."""

from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def members(leader: int) -> frozenset[int]:
    """The live children and grandchildren of `leader`.

    A job cluster is a leader, its guard, and the guard's workers, pusher and monitor; programs
    that a worker itself starts are one floor further down and do not count.
    """
    parents = _parents()
    children = {pid for pid, parent in parents.items() if parent == leader}
    return frozenset(children | {pid for pid, parent in parents.items() if parent in children})


def _parents() -> dict[int, int]:
    """Process id to parent's, without zombies."""
    found: dict[int, int] = {}
    if not PROC.is_dir():
        return found
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if state != "Z":
                    found[int(entry.name)] = int(parent)
    return found
