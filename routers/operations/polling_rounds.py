"""The poller's half of the collector: ask every router on a steady grid, put the answers on disk."""

import gc
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from ispcore.base import clock
from ispcore.base.spool import Dropped, Spool
from routers.hooks import Collected
from routers.operations import collection
from routers.operations.plan import Work
from routers.operations.poll_records import PollRecord
from routers.operations.reading import Attempt, read_all

logger = logging.getLogger(__name__)
BATCH = 250  # routers; a smaller fleet is one batch


@dataclass(slots=True)
class Round:
    """One collection under way: what its batches brought, for what comes after the last.

    `put` and `is_read` are the poller's to change, the rest is the deliverer's.
    """

    began_s: float  # by the monotonic clock
    attempts: list[Attempt] = field(default_factory=list)
    put: int = 0  # batches
    is_read: bool = False
    brought: list[Collected] = field(default_factory=list)
    ended: int = 0  # batches that are stored, or put aside

    @property
    def is_over(self) -> bool:
        return self.is_read and self.ended == self.put


@dataclass(frozen=True, slots=True)
class Fresh:
    """A batch that this process has read itself, and lately."""

    round: Round
    records: Sequence[PollRecord]


@dataclass(slots=True)
class Poller:
    """Asks the routers of `works`, which the deliverer keeps up to date.

    `news` is set whenever there is something to deliver. What it reads is in `fresh` too, by the
    name of its batch, so that it need not be read back from disk; only for a period, for while the
    database is away that would grow.
    """

    spool: Spool
    period_s: int
    stop: threading.Event
    news: threading.Event = field(default_factory=threading.Event)
    works: Sequence[Work] = ()
    fresh: dict[str, Fresh] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)
    alive_s: float = field(default_factory=clock.monotonic_s)
    _writer: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="spool")
    )

    def run(self) -> None:
        """Poll at once, as soon as there is a plan, and then on the grid, until told to stop."""
        due_s = 0.0
        while not self.stop.is_set():
            self.alive_s = clock.monotonic_s()
            now_s = clock.now().timestamp()
            # a clock that was set back must not make us wait for it
            if not self.works or now_s < due_s <= now_s + self.period_s:
                self.stop.wait(min(max(due_s - now_s, 0.1), 1.0))
                continue
            due_s = (now_s // self.period_s + 1) * self.period_s
            try:
                self.poll()
            except Exception:
                logger.exception("collector: this round of polls failed in our own code")

    def poll(self) -> None:
        """Ask every router of the plan once, and put what they say into the spool, some hundred
        routers at a time: those are stored while others are still being asked."""
        works, under_way = self.works, Round(clock.monotonic_s())
        if not works:
            return
        said: list[Attempt] = []
        handed: list[Future[None]] = []

        def heard(attempt: Attempt) -> None:
            if len(said) == BATCH:  # in another thread: the disk must not hold up the answers
                handed.append(self._writer.submit(self.put, under_way, list(said)))
                said.clear()
            said.append(attempt)

        limit_s = min(collection.READ_LIMIT_S, self.period_s * 0.7)
        read_all(works, limit_s=limit_s, heard=heard)
        handed.append(self._writer.submit(self.put, under_way, said, last=True))
        for batch in handed:
            batch.result()
        if len(self.rounds) > 1:
            gc.collect()  # the deliverer, who else does it when he is done, is held up

    def put(self, under_way: Round, said: Sequence[Attempt], *, last: bool = False) -> None:
        """A batch into the spool. One that finds no room is lost: logged and counted there."""
        self._forget_old(under_way)
        records = collection.records_of(said)
        under_way.attempts += said
        if not under_way.put:
            self.rounds.append(under_way)
        under_way.put += 1
        under_way.is_read = last
        fresh = Fresh(under_way, records)
        try:
            self.spool.put(
                (record.to_json() for record in records),
                named=lambda name: self.fresh.update({name: fresh}),
            )
        except Dropped:
            under_way.put -= 1
        self.news.set()

    def _forget_old(self, under_way: Round) -> None:
        """What waited for longer than a period is late, and is read back from disk in its turn."""
        old_s = under_way.began_s - self.period_s
        is_old: Callable[[Round], bool] = lambda each: each.began_s < old_s  # noqa: E731
        for name, each in list(self.fresh.items()):
            if is_old(each.round):
                self.fresh.pop(name, None)
        self.rounds[:] = [each for each in self.rounds if not is_old(each)]
