"""The watch: ping all routers on a steady grid, and look again at once where one falls silent.

A round goes through the routers in slices of about a second. Who answers is stored when its slice
has ended. Who was up and is lost is probed again aside, together with some that were well and with
what tells of our own uplink; the round goes on meanwhile. Several watches share the routers.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil, floor

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import Error, close_old_connections

from ispcore.base import clock, leases, shares
from ispcore.base.shares import Share
from ispcore.protocols.icmp import INTERVAL_MS
from monitoring import queries as alert_queries
from routers.models import Router, RouterCheck, Uplink
from routers.operations import pinging, status, uplink
from routers.operations.status import Checked
from routers.queries import watch_ttl_s, without_secrets

logger = logging.getLogger(__name__)
NAME = "watch"
SLICE_MS = 1000
FASTEST_MS = 1.0  # between two packets: what fping allows those who are not root
CONTROLS = 10  # routers that were well, probed again beside the lost ones
REFRESH_S = 60  # an unchanged answer is stored, and a healthy router judged, so often
State = RouterCheck.State
_started_at = clock.now()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a round has to do: the routers of our share, and how their pings stood."""

    routers: Sequence[Router]
    states: dict[int, str]
    share: Share
    gone: str  # why our own uplink is gone; empty while it is there

    @property
    def pinged(self) -> list[Router]:
        return [r for r in self.routers if r.ping_method != Router.PingMethod.OFF]

    @property
    def well(self) -> list[Router]:
        return [r for r in self.pinged if self.states.get(r.pk) == State.OK]


class Watch:
    """One process' watch. Rounds must not overlap; what is looked at again goes on beside them."""

    def __init__(self) -> None:
        self._suspects: set[int] = set()
        self._looks: set[asyncio.Task[None]] = set()
        self._judged_at: datetime | None = None

    async def round(self) -> None:
        """Ping every router of our share once.

        A database that is away ends the round, not the watch.
        """
        try:
            plan = await sync_to_async(self._plan)()
            if plan.gone:
                plan = replace(plan, gone=await self._why_still_gone(plan))
            pinged = plan.pinged
            interval_ms = _interval_ms(len(pinged))
            size = int(SLICE_MS / interval_ms)
            parts = [pinged[at : at + size] for at in range(0, len(pinged), size)]
            ended = await asyncio.gather(
                *(self._slice(plan, part, n, interval_ms) for n, part in enumerate(parts)),
                return_exceptions=True,
            )
            for fault in filter(None, ended):
                raise fault
            await sync_to_async(self._finish)(plan)
        except Error as error:
            logger.warning("watch: this round is lost, the database does not answer: %s", error)

    async def settle(self) -> None:
        """Wait until all that is being looked at again is judged."""
        while self._looks:
            await asyncio.wait(self._looks)

    async def end(self) -> None:
        """Leave the routers to the other watches at once; a database that is away forbids it."""
        for look in self._looks:
            look.cancel()
        try:
            await sync_to_async(shares.leave)(NAME)
            await sync_to_async(leases.retire)(NAME)
        except Error as error:
            logger.warning("watch: our share is left to lapse: %s", error)

    def _plan(self) -> Plan:
        close_old_connections()
        share = shares.join(NAME, ttl_s=watch_ttl_s())
        polled = Router.objects.filter(is_polled=True).order_by("pk")
        routers = polled.only("name", "address", "ping_method", "api_port")
        pings = RouterCheck.objects.filter(method=RouterCheck.Method.PING)
        gone = Uplink.objects.filter(node=settings.NODE, gone_since__isnull=False).first()
        return Plan(
            [router for router in routers if share.has(router.pk)],
            dict(pings.values_list("router_id", "state")),
            share,
            gone.words if gone else "",
        )

    async def _slice(
        self, plan: Plan, part: Sequence[Router], number: int, interval_ms: float
    ) -> None:
        await asyncio.sleep(number * SLICE_MS / 1000)
        asked = [router for router in part if router.pk not in self._suspects]
        results = await pinging.ping_fleet(asked, interval_ms=interval_ms)
        if plan.gone:
            results = [
                each if each.ok else pinging.unseen(each.router, plan.gone) for each in results
            ]
        else:
            lost = [each.router for each in results if _is_first_loss(each, plan)]
            if lost:
                self._look_again(plan, lost)
            results = [each for each in results if not _is_first_loss(each, plan)]
        await sync_to_async(_store)(results)

    def _look_again(self, plan: Plan, lost: Sequence[Router]) -> None:
        self._suspects |= {router.pk for router in lost}
        look = asyncio.create_task(self._look(plan, lost))
        self._looks.add(look)
        look.add_done_callback(self._looks.discard)

    async def _look(self, plan: Plan, lost: Sequence[Router]) -> None:
        lost_at = clock.now()
        try:
            well = [r for r in plan.well if r.pk not in self._suspects]
            asked = [*lost, *_spread(well, CONTROLS)]
            echoes, beside = await pinging.probe(asked, uplink.anchors(asked))
            gone = uplink.why_gone(asked, echoes, beside)
            verdicts = [
                pinging.unseen(router, gone)
                if gone and pinging.is_lost(echoes[router.pk])
                else pinging.verdict(router, echoes[router.pk], lost_at=lost_at)
                for router in lost
            ]
            await sync_to_async(_conclude)(verdicts, gone)
        except Error as error:
            logger.warning("watch: %d verdicts are lost with the database: %s", len(lost), error)
        finally:
            self._suspects -= {router.pk for router in lost}

    async def _why_still_gone(self, plan: Plan) -> str:
        asked = _spread(plan.pinged, CONTROLS)
        echoes, beside = await pinging.probe(asked, uplink.anchors(asked), count=1)
        why = uplink.why_gone(asked, echoes, beside)
        await sync_to_async(uplink.note)(why)
        return why

    def _finish(self, plan: Plan) -> None:
        """Judge what may have changed by the passing of time alone, and give a sign of life."""
        now, before = clock.now(), self._judged_at
        ours = {router.pk: router for router in plan.routers}
        troubled = alert_queries.troubled("routers.router", status.METRICS)
        _judge(
            pk
            for pk, router in ours.items()
            if plan.states.get(pk) != State.OK
            or pk in troubled
            or router.ping_method == Router.PingMethod.OFF
            or before is None
            or _turn(pk, now) != _turn(pk, before)
        )
        self._judged_at = now
        shared = f", {plan.share}" if plan.share.count > 1 else ""
        beat(f"{len(ours)} routers pinged{shared}")


def beat(doing: str) -> None:
    """The sign of life that the supervisor looks for."""
    leases.beat(NAME, started_at=_started_at, note=doing)


def next_tick(started: float, now: float, period_s: float) -> float:
    """The next point of the grid that begins at `started`: rounds neither drift nor pile up.

    A timer that rings a little early does not make the same point due twice.
    """
    return started + (floor((now - started) / period_s + 0.01) + 1) * period_s


def _store(results: Sequence[Checked]) -> None:
    if results:
        _judge(status.record(results, refresh_s=REFRESH_S))


def _conclude(verdicts: Sequence[Checked], gone: str) -> None:
    if gone:
        uplink.note(gone)
    status.record(verdicts)
    _judge(each.router.pk for each in verdicts)


def _judge(router_ids: Iterable[int]) -> None:
    ids = list(router_ids)
    if ids:
        status.evaluate(without_secrets(Router.objects.filter(pk__in=ids)))


def _is_first_loss(each: Checked, plan: Plan) -> bool:
    """Silence of one that was up, or of which nothing is known yet."""
    return each.ok is False and plan.states.get(each.router.pk) != State.FAILED


def _interval_ms(routers: int) -> float:
    """Between two packets, so that half a period is enough for all."""
    half_ms = settings.WATCH_PERIOD_S * 1000 / 2
    return max(FASTEST_MS, min(float(INTERVAL_MS), half_ms / max(routers, 1)))


def _spread(routers: Sequence[Router], most: int) -> list[Router]:
    """At most so many of them, from all over the list."""
    return list(routers[:: max(ceil(len(routers) / most), 1)])


def _turn(pk: int, at: datetime) -> int:
    return (int(at.timestamp()) + pk) // REFRESH_S
