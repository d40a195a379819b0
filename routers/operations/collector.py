"""The collector: polls its share of the routers on a steady grid, whatever the database does.

Two threads. The poller asks the routers and puts what they say into the spool on disk; it never
waits for the database. The deliverer brings the spool's batches into the database in their order,
judges them, looks at what has moved, and keeps the plan of whom to poll up to date. While the
database is away the poller goes on with the last plan, also after a restart.
"""

import gc
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
)

from ispcore.base import clock, leases, shares
from ispcore.base.shares import Share
from ispcore.base.spool import Dropped, Spool
from routers import hooks
from routers.hooks import Collected
from routers.models import Router
from routers.operations import collection, collector_report, plan
from routers.operations.collection import Patience
from routers.operations.plan import Work
from routers.operations.poll_records import PollRecord
from routers.operations.reading import Attempt, read_all
from routers.operations.states import Memory
from routers.operations.storing import store_records

logger = logging.getLogger(__name__)
NAME = "collector"
LEASE_S = 30.0
BEAT_S = 10.0
AGAIN_S = 5.0  # between two looks at a database that is away
PLAN_AHEAD_S = 8.0  # so long before a collection the plan is read again
KEEP_PLAN_S = 900.0
BATCH = 250  # routers; a smaller fleet is one batch
TRIES = 3  # of a batch that the database refuses, before it is put aside
AWAY = (OperationalError, InterfaceError)


@dataclass(slots=True)
class _Round:
    """One collection under way: what all its batches brought, for what comes after the last."""

    began_s: float  # by the monotonic clock
    attempts: list[Attempt] = field(default_factory=list)
    brought: list[Collected] = field(default_factory=list)
    put: int = 0  # batches; counted by the poller
    stored: int = 0  # counted by the deliverer
    is_read: bool = False

    @property
    def is_over(self) -> bool:
        return self.is_read and self.stored == self.put


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A batch that this process has just read."""

    round: _Round
    records: Sequence[PollRecord]


@dataclass(slots=True)
class Collector:
    """One for each process. `run` returns once `stop` is set."""

    spool: Spool
    plan_file: Path
    period_s: int
    stop: threading.Event = field(default_factory=threading.Event)
    started_at: datetime = field(default_factory=clock.now)
    report: collector_report.Report = field(default_factory=collector_report.Report)
    works: list[Work] = field(default_factory=list)
    _share: Share = field(default_factory=Share)
    _memory: Memory = field(default_factory=Memory)
    _fresh: dict[str, _Fresh] = field(default_factory=dict)
    _refusals: dict[str, int] = field(default_factory=dict)
    _news: threading.Event = field(default_factory=threading.Event)
    _planned_s: float = 0.0
    _kept_s: float = 0.0
    _beat_s: float = 0.0
    _poller_alive_s: float = field(default_factory=clock.monotonic_s)

    def run(self) -> None:
        """Poll and deliver until told to stop."""
        self.works = plan.kept(self.plan_file)
        poller = threading.Thread(target=self._poll_forever, name="poller", daemon=True)
        self.turn()
        poller.start()
        while not self.stop.is_set():
            self.wait_for_news()
            close_old_connections()
            self.turn()
        poller.join(timeout=5.0)
        self._leave()

    def wait_for_news(self) -> None:
        """Until a batch was read, the plan is due, or the database may be there again."""
        self._news.wait(AGAIN_S if self.spool.names() else self._until_plan_s())
        self._news.clear()

    # ---- the poller

    def _poll_forever(self) -> None:
        due_s = 0.0  # at once, then on the grid
        while not self.stop.is_set():
            self._poller_alive_s = clock.monotonic_s()
            now_s = clock.now().timestamp()
            # a clock that was set back must not make us wait for it
            if now_s < due_s <= now_s + self.period_s:
                self.stop.wait(min(due_s - now_s, 1.0))
                continue
            due_s = (now_s // self.period_s + 1) * self.period_s
            try:
                self.poll()
            except Exception:
                logger.exception("collector: this round of polls failed in our own code")

    def poll(self) -> None:
        """Ask every router of the plan once, and put what they say into the spool, some hundred
        routers at a time: those are stored while others are still being asked."""
        works, under_way = self.works, _Round(clock.monotonic_s())
        if not works:
            return
        said: list[Attempt] = []

        def heard(attempt: Attempt) -> None:
            if len(said) == BATCH:
                self._put(under_way, said)
                said.clear()
            said.append(attempt)

        limit_s = min(collection.READ_LIMIT_S, self.period_s * 0.7)
        read_all(works, limit_s=limit_s, heard=heard)
        self._put(under_way, said, last=True)

    def _put(self, under_way: _Round, said: Sequence[Attempt], *, last: bool = False) -> None:
        under_way.attempts += said
        records = collection.records_of(said)
        under_way.put += 1
        under_way.is_read = last
        try:
            self.spool.put(
                (record.to_json() for record in records),
                named=lambda name: self._fresh.update({name: _Fresh(under_way, records)}),
            )
        except Dropped:
            under_way.put -= 1  # logged and counted there
        self._news.set()

    # ---- the deliverer

    def turn(self) -> None:
        """One look at everything that needs the database; one that is away ends the turn."""
        try:
            self.refresh()
            for name in self.spool.names():
                if self.stop.is_set():
                    break
                self._deliver(name)
                self._sign_of_life()
            self._sign_of_life()
        except AWAY as error:
            waiting = self.spool.depth.batches
            logger.warning(
                "collector: the database does not answer, %d batches wait: %s",
                waiting,
                str(error).strip(),
            )
            connection.close()
            self.stop.wait(1.0)

    def _deliver(self, name: str) -> None:
        fresh = self._fresh.get(name)
        late = fresh is None or clock.monotonic_s() - fresh.round.began_s > self.period_s
        try:
            records = fresh.records if fresh else _records(self.spool, name)
            brought = store_records(records, memory=self._memory, late=late)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - one batch, whatever is wrong with it, is put aside
            self._refused(name, error)
            return
        self.spool.delivered(name)
        self._fresh.pop(name, None)
        self._refusals.pop(name, None)
        if fresh is None:
            _tell(brought)
        else:
            self._follow_up(fresh.round, brought, late=late)

    def _refused(self, name: str, error: Exception) -> None:
        """Not away, but it will not have this batch: a row that was removed at the wrong moment is
        gone at the next try; what is still refused then is put aside, or it would hold up all."""
        self._refusals[name] = self._refusals.get(name, 0) + 1
        lasting = not isinstance(error, IntegrityError | DatabaseError)
        if lasting or self._refusals[name] >= TRIES:
            logger.error(
                "collector: batch %s cannot be stored and is put aside", name, exc_info=error
            )
            self.spool.refuse(name)
            self._fresh.pop(name, None)
        else:
            logger.warning("collector: batch %s was refused, once more: %s", name, error)
            self._news.set()

    def _follow_up(self, under_way: _Round, brought: Collected, *, late: bool) -> None:
        """Once all that was read is stored: alerts and pages, then routers that moved or are new."""
        under_way.brought.append(brought)
        under_way.stored += 1
        if not under_way.is_over:
            return
        self.report.cycle(under_way.attempts, clock.monotonic_s() - under_way.began_s)
        whole = collection.together(under_way.brought)
        _tell(whole)
        if not late:
            self._look_again(under_way, whole)
        gc.collect()  # now, when nobody waits: it is off otherwise

    def _look_again(self, under_way: _Round, brought: Collected) -> None:
        patience = Patience(self.period_s * 0.5)
        collection.judge(under_way.attempts)
        again = collection.moved_again(under_way.attempts, patience)
        again += collection.seen_again(under_way.attempts, brought, patience)
        if again:
            self._put(_Round(clock.monotonic_s()), again, last=True)

    # ---- plan, share, signs of life

    def refresh(self, *, now: bool = False) -> None:
        """Read the plan again if it is due, or now; and who shares the routers, always."""
        now_s = clock.monotonic_s()
        share = shares.join(NAME, ttl_s=LEASE_S)
        new_share = share != self._share
        if new_share:
            logger.info("collector: %s is ours", share)
        self._share = share
        if self.works and not (now or new_share or self._plan_is_due(now_s)):
            return
        ids = Router.objects.filter(is_polled=True).values_list("pk", flat=True)
        works = plan.load(None if share.count == 1 else share.of(ids))
        patience = Patience(min(self.period_s * 0.3, collection.READ_LIMIT_S))
        works = collection.discovered(works, patience)
        same = [w.router.pk for w in works] == [w.router.pk for w in self.works]
        self.works, self._planned_s = works, now_s
        if not same or now_s - self._kept_s > KEEP_PLAN_S:
            self._keep_plan(works, now_s)

    def _plan_is_due(self, now_s: float) -> bool:
        into_s = clock.now().timestamp() % self.period_s
        near = into_s >= self.period_s - PLAN_AHEAD_S
        age_s = now_s - self._planned_s
        return age_s > self.period_s or (near and age_s > PLAN_AHEAD_S)

    def _until_plan_s(self) -> float:
        into_s = clock.now().timestamp() % self.period_s
        return max(min(self.period_s - PLAN_AHEAD_S - into_s, BEAT_S), 1.0)

    def _keep_plan(self, works: Sequence[Work], now_s: float) -> None:
        try:
            plan.keep(works, self.plan_file)
        except OSError as error:
            logger.warning("collector: the plan cannot be kept: %s", error.strerror)
        self._kept_s = now_s

    def _sign_of_life(self) -> None:
        """Only while the poller lives too: a collector that polls nothing is to be restarted."""
        now_s = clock.monotonic_s()
        if now_s - self._beat_s < BEAT_S:
            return
        silent_s = now_s - self._poller_alive_s
        if silent_s > self.period_s + collection.READ_LIMIT_S:
            logger.error("collector: the poller has not moved for %.0f s", silent_s)
            return
        depth = self.spool.depth
        note = f"{len(self.works)} routers, {depth.batches} batches wait"
        leases.beat(NAME, started_at=self.started_at, note=note)
        self.report.write(self._share, len(self.works), self.spool)
        self._beat_s = now_s

    def _leave(self) -> None:
        try:
            shares.leave(NAME)
            leases.retire(NAME)
        except AWAY as error:
            logger.warning("collector: its share is left to lapse: %s", error)


def open_here(*, stop: threading.Event) -> Collector:
    """The collector of this node, with its spool under var/. Raises spool.InUse, OSError.

    Python's search for circles of objects is left to quiet moments: a burst of some hundred
    thousand readings would start it over and over, for nothing.
    """
    gc.disable()
    directory = settings.SPOOL_DIR / NAME / settings.NODE
    spool = Spool(directory, most_octets=settings.SPOOL_MB * 10**6)
    return Collector(spool, directory / "plan", settings.COLLECT_PERIOD_S, stop)


def _tell(brought: Collected) -> None:
    for listener in hooks.collected:
        listener(brought)


def _records(spool: Spool, name: str) -> list[PollRecord]:
    """What an earlier process left behind."""
    return [PollRecord.from_json(line) for line in spool.lines(name)]
