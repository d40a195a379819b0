"""The collector: polls its share of the routers on a steady grid, whatever the database does.

Two threads. The poller (polling_rounds.py) asks the routers and puts what they say into the spool on
disk; it never waits for the database. The deliverer, here, brings the spool's batches into the
database in their order, judges them, looks at what has moved, and keeps the plan of whom to poll up
to date. While the database is away the poller goes on with the last plan, also after a restart.
"""

import gc
import logging
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import Error, close_old_connections, connection

from ispcore.base import clock, leases, outages, shares
from ispcore.base.shares import Share
from ispcore.base.spool import Spool
from routers.hooks import Collected
from routers.models import Router
from routers.operations import collection, collector_report, plan
from routers.operations.collection import Patience
from routers.operations.poll_records import PollRecord
from routers.operations.polling_rounds import Fresh, Poller, Round
from routers.operations.reading import Attempt
from routers.operations.states import Memory
from routers.operations.storing import store_records

logger = logging.getLogger(__name__)
NAME = "collector"
LEASE_S = 30.0
BEAT_S = 10.0
STALE_S = 150.0  # it beats between two batches, and the largest takes some time to store
AGAIN_S = 5.0  # between two looks at a database that is away, or will not have a batch
PLAN_AHEAD_S = 8.0  # so long before a collection the plan is read again
KEEP_PLAN_S = 900.0
TRIES = 3  # of a batch that the database refuses, before it may be put aside
LOOKED_AT_ONCE = 100  # routers that moved, between two signs of life


@dataclass(slots=True)
class Collector:
    """One for each process. `run` returns once it is told to `halt`."""

    spool: Spool
    plan_file: Path
    poller: Poller
    started_at: datetime = field(default_factory=clock.now)
    report: collector_report.Report = field(default_factory=collector_report.Report)
    _share: Share = field(default_factory=Share)
    _memory: Memory = field(default_factory=Memory)
    _refusals: dict[str, int] = field(default_factory=dict)
    _planned_s: float = 0.0
    _kept_s: float = 0.0
    _beat_s: float = 0.0

    def run(self) -> None:
        """Poll and deliver until told to stop."""
        self.poller.works = plan.kept(self.plan_file)
        polling = threading.Thread(target=self.poller.run, name="poller", daemon=True)
        polling.start()
        while not self.poller.stop.is_set():
            close_old_connections()
            self.turn()
            self.wait_for_news()
        polling.join(timeout=5.0)
        self._leave()

    def halt(self) -> None:
        """To be called from a signal, or another thread."""
        self.poller.stop.set()
        self.poller.news.set()

    def wait_for_news(self) -> None:
        """Until a batch was read, the plan is due, or the database may be there again."""
        self.poller.news.wait(AGAIN_S if self.spool.names() else self._until_plan_s())
        self.poller.news.clear()

    def turn(self) -> None:
        """One look at everything that needs the database. Nothing that goes wrong in it ends the
        collector, which polls on: it is logged, and tried again in the next turn."""
        try:
            self.refresh()
            self._deliver_all()
            self._follow_up()
            self._sign_of_life()
        except Exception as error:
            waiting = self.spool.depth.batches
            if outages.is_away(error):
                why = outages.brief(error)
                logger.warning("collector: no database, %d batches wait: %s", waiting, why)
            else:
                logger.exception("collector: this turn failed, %d batches wait", waiting)
            connection.close()
            self.poller.stop.wait(1.0)

    # ---- delivery

    def _deliver_all(self) -> None:
        """All batches that wait, in order. One that is refused holds the others up until it was
        tried a few times; what is then refused while another is stored is to blame itself, and is
        put aside. Where nothing is stored, the database is to blame, and everything waits."""
        refused: list[str] = []
        for name in self.spool.names():
            if self.poller.stop.is_set() or len(refused) > 1:
                return
            if self._deliver(name):
                for to_blame in refused:
                    self._put_aside(to_blame)
                refused.clear()
            elif self._refusals.get(name, 0) >= TRIES:
                refused.append(name)
            else:
                return
            self._sign_of_life()

    def _deliver(self, name: str) -> bool:
        """Store a batch; False where the database, which is there, will not have it now."""
        fresh = self.poller.fresh.get(name)
        late = fresh is None or clock.monotonic_s() - fresh.round.began_s > self.poller.period_s
        try:
            records = fresh.records if fresh else _records(self.spool, name)
        except (OSError, ValueError, TypeError) as error:
            logger.error("collector: batch %s cannot be read and is put aside: %s", name, error)
            self._put_aside(name)
            return True
        try:
            brought = store_records(records, memory=self._memory, late=late)
        except Exception as error:
            if outages.is_away(error):
                raise
            self._refusals[name] = self._refusals.get(name, 0) + 1
            logger.warning("collector: batch %s was refused", name, exc_info=error)
            return False
        self.spool.delivered(name)
        self._end(name, fresh, brought)
        return True

    def _put_aside(self, name: str) -> None:
        logger.error("collector: batch %s cannot be stored and is put aside", name)
        self.spool.refuse(name)
        self._end(name, self.poller.fresh.get(name), None)

    def _end(self, name: str, fresh: Fresh | None, brought: Collected | None) -> None:
        """A batch is out of the spool."""
        self.poller.fresh.pop(name, None)
        self._refusals.pop(name, None)
        if fresh is not None:
            fresh.round.ended += 1
            fresh.round.brought += [brought] if brought else []
            if fresh.round.is_over:
                took_s = clock.monotonic_s() - fresh.round.began_s
                self.report.cycle(fresh.round.attempts, took_s)
        elif brought is not None:
            collection.announce(brought)

    def _follow_up(self) -> None:
        """Of collections that are all stored: alerts and pages, then routers that moved or are new."""
        for each in [each for each in self.poller.rounds if each.is_over]:
            with suppress(ValueError):  # the poller forgets those that waited for long
                self.poller.rounds.remove(each)
            whole = collection.together(each.brought)
            collection.announce(whole)
            self._look_again(each, whole)
            gc.collect()  # now, when nobody waits: it is off otherwise

    def _look_again(self, under_way: Round, brought: Collected) -> None:
        patience = Patience(self.poller.period_s * 0.5)
        collection.judge(under_way.attempts)
        again: list[Attempt] = []
        moved = collection.moved(under_way.attempts)
        for first in range(0, len(moved), LOOKED_AT_ONCE):
            self._sign_of_life()
            again += collection.moved_again(moved[first : first + LOOKED_AT_ONCE], patience)
        again += collection.seen_again(under_way.attempts, brought, patience)
        if again:
            self.poller.put(Round(clock.monotonic_s()), again, last=True)

    # ---- plan, share, signs of life

    def refresh(self, *, now: bool = False) -> None:
        """Read the plan again if it is due, or now; and who shares the routers, always."""
        now_s, before = clock.monotonic_s(), self._share
        self._share = shares.join(NAME, ttl_s=LEASE_S)
        moved = self._share != before
        if moved:
            logger.info("collector: %s is ours", self._share)
        if self.poller.works and not (now or moved or self._plan_is_due(now_s)):
            return
        ids = Router.objects.filter(is_polled=True).values_list("pk", flat=True)
        works = plan.load(None if self._share.count == 1 else self._share.of(ids))
        patience = Patience(min(self.poller.period_s * 0.3, collection.READ_LIMIT_S))
        works = collection.discovered(works, patience)
        same = [w.router.pk for w in works] == [w.router.pk for w in self.poller.works]
        self.poller.works, self._planned_s = works, now_s
        if not same or now_s - self._kept_s > KEEP_PLAN_S:
            self._keep_plan(works, now_s)

    def _plan_is_due(self, now_s: float) -> bool:
        into_s = clock.now().timestamp() % self.poller.period_s
        near = into_s >= self.poller.period_s - PLAN_AHEAD_S
        age_s = now_s - self._planned_s
        return age_s > self.poller.period_s or (near and age_s > PLAN_AHEAD_S)

    def _until_plan_s(self) -> float:
        into_s = clock.now().timestamp() % self.poller.period_s
        return max(min(self.poller.period_s - PLAN_AHEAD_S - into_s, BEAT_S), 1.0)

    def _keep_plan(self, works: Sequence[plan.Work], now_s: float) -> None:
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
        silent_s = now_s - self.poller.alive_s
        if silent_s > self.poller.period_s + collection.READ_LIMIT_S:
            logger.error("collector: the poller has not moved for %.0f s", silent_s)
            return
        self._share = shares.join(NAME, ttl_s=LEASE_S)
        routers, depth = len(self.poller.works), self.spool.depth
        note = f"{routers} routers, {depth.batches} batches wait"
        leases.beat(NAME, started_at=self.started_at, note=note, stale_after_s=STALE_S)
        self.report.write(self._share, routers, self.spool)
        self._beat_s = now_s

    def _leave(self) -> None:
        self.spool.close()
        try:
            shares.leave(NAME)
            leases.retire(NAME)
        except Error as error:
            logger.warning("collector: its share is left to lapse: %s", outages.brief(error))


def open_here(*, period_s: int = settings.COLLECT_PERIOD_S) -> Collector:
    """The collector of this node, with its spool under var/. Raises spool.InUse, or OSError where
    no file can be written anywhere.

    Python's search for circles of objects is left to quiet moments: a burst of some hundred
    thousand readings would start it over and over, for nothing.
    """
    gc.disable()
    directory = settings.SPOOL_DIR / NAME / settings.NODE
    most_octets = settings.SPOOL_MB * 10**6
    try:
        spool = Spool(directory, most_octets=most_octets)
    except OSError as error:
        elsewhere = Path(tempfile.mkdtemp(prefix="ispcore-spool-"))
        logger.error(
            "collector: %s cannot be used, readings wait in %s and are lost when this host restarts:"
            " %s",
            directory,
            elsewhere,
            error.strerror,
        )
        directory, spool = elsewhere, Spool(elsewhere, most_octets=most_octets)
    return Collector(spool, directory / "plan", Poller(spool, period_s, threading.Event()))


def _records(spool: Spool, name: str) -> list[PollRecord]:
    """What an earlier process left behind, or this one some time ago."""
    return [PollRecord.from_json(line) for line in spool.lines(name)]
