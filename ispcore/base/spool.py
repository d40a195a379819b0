"""A queue of batches on disk: what was read and is not yet in the database survives a crash.

One file for each batch, written aside, synced and renamed, so that a batch is there whole or not at
all; names sort in the order in which batches were put in. Every line carries its own checksum: of
a file that a failing disk has damaged, the lines that are whole are still delivered.

Nothing is ever overwritten to make room. When the spool is full, or the disk is, the newest batch is
kept in memory if there is room, else dropped and counted: counters go on, so what a dropped reading
would have told is still in the next one, only less finely.
"""

import contextlib
import fcntl
import itertools
import logging
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ispcore.base.files import ASIDE, replace_file, sync_directory

logger = logging.getLogger(__name__)
SUFFIX = ".batch"
REFUSED = ".refused"  # a batch that the database will not take, whatever is tried
MOST_IN_MEMORY_OCTETS = 64 * 2**20
MOST_REFUSED = 20  # kept for a look at what was wrong with them


class InUse(Exception):
    """Another process has this spool."""


class Dropped(Exception):
    """There was no room for a batch, on disk or in memory: it is lost, and counted."""


@dataclass(frozen=True, slots=True)
class Depth:
    """What waits: batches, octets, and since when the oldest (seconds since 1970)."""

    batches: int = 0
    octets: int = 0
    oldest_at_s: float | None = None

    def age_s(self, now_s: float) -> float:
        return max(now_s - self.oldest_at_s, 0.0) if self.oldest_at_s else 0.0


class Spool:
    """The batches of one directory, which one process has. Several threads may put in, and one
    take out."""

    def __init__(self, directory: Path, *, most_octets: int) -> None:
        """Raises InUse, or OSError where the directory cannot be made or read."""
        self._directory = directory
        self._most_octets = most_octets
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _lock(directory)
        for torn in directory.glob(f"*{ASIDE}"):
            torn.unlink(
                missing_ok=True
            )  # never finished: its writer died, and nothing counts on it
        found = sorted(directory.glob(f"*{SUFFIX}"))
        self._sizes = {path.name: path.stat().st_size for path in found}
        self._memory: dict[str, bytes] = {}
        last = int(found[-1].name.partition("-")[0]) if found else 0
        self._numbers = itertools.count(last + 1)
        self._putting = threading.Lock()
        self.dropped = self.damaged = self.refused = 0

    def close(self) -> None:
        self._lock.close()

    def put(self, lines: Iterable[bytes], *, named: Callable[[str], object] = str) -> str:
        """Store a batch durably, and return its name; `named` hears of it before the batch can be
        taken out.

        Where the disk takes no more it is kept in memory, and logged. Raises Dropped when there is
        no room there either.
        """
        content = b"".join(b"%08x %b\n" % (zlib.crc32(line), line) for line in lines)
        with self._putting:
            return self._put(content, named)

    def _put(self, content: bytes, named: Callable[[str], object]) -> str:
        name = f"{next(self._numbers):012d}-{int(time.time() * 1000):013d}{SUFFIX}"
        on_disk = self.depth.octets - self._in_memory_octets
        if on_disk + len(content) > self._most_octets:
            self._keep_in_memory(name, content, "the spool is full")
        else:
            try:
                replace_file(self._directory / name, content)
            except OSError as error:
                self._keep_in_memory(name, content, error.strerror or str(error))
        named(name)
        self._sizes[name] = len(content)
        return name

    def names(self) -> Sequence[str]:
        """The batches that wait, oldest first."""
        return list(self._sizes)

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a batch; damaged ones are left out, counted and logged."""
        content = self._memory.get(name)
        if content is None:
            content = (self._directory / name).read_bytes()
        torn = 0
        for line in content.splitlines():
            checksum, _, text = line.partition(b" ")
            if len(checksum) == 8 and checksum == b"%08x" % zlib.crc32(text):
                yield text
            else:
                torn += 1
        if torn:
            self.damaged += torn
            logger.error("%s: %d lines are damaged and left out", self._directory / name, torn)

    def delivered(self, name: str) -> None:
        """The batch is in the database: forget it."""
        self._memory.pop(name, None)
        self._sizes.pop(name, None)
        try:
            (self._directory / name).unlink(missing_ok=True)
            sync_directory(self._directory)
        except OSError as error:  # then it is delivered once more at the next start: no harm
            logger.warning("%s: %s stays: %s", self._directory, name, error.strerror)

    def refuse(self, name: str) -> None:
        """The database takes everything but this batch: put it aside, so that the rest goes on."""
        self.refused += 1
        content = self._memory.pop(name, None)
        aside = (self._directory / name).with_suffix(REFUSED)
        with contextlib.suppress(OSError):
            if content is None:
                (self._directory / name).replace(aside)
            else:
                replace_file(aside, content)
        self._sizes.pop(name, None)
        with contextlib.suppress(OSError):
            refused = sorted(
                self._directory.glob(f"*{REFUSED}"), key=lambda path: path.stat().st_mtime
            )
            for old in refused[:-MOST_REFUSED]:
                old.unlink(missing_ok=True)

    @property
    def depth(self) -> Depth:
        sizes = list(self._sizes.items())
        oldest_at_s = _put_at_s(sizes[0][0]) if sizes else None
        return Depth(len(sizes), sum(size for _, size in sizes), oldest_at_s)

    @property
    def _in_memory_octets(self) -> int:
        return sum(map(len, list(self._memory.values())))

    def _keep_in_memory(self, name: str, content: bytes, why: str) -> None:
        if self._in_memory_octets + len(content) > MOST_IN_MEMORY_OCTETS:
            self.dropped += 1
            logger.error("%s: %s; a batch is lost, %d so far", self._directory, why, self.dropped)
            raise Dropped(why)
        self._memory[name] = content
        logger.warning("%s: %s; a batch waits in memory", self._directory, why)


def _lock(directory: Path) -> IO[str]:
    lock = (directory / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise InUse(f"another process has {directory}") from None
    return lock


def _put_at_s(name: str) -> float:
    return int(name.partition("-")[2].partition(".")[0]) / 1000
