"""One collection: read the counters of the fleet, store them, look again where interfaces moved."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from ispcore.base import clock
from ispcore.base.audit import Actor
from ispcore.live.publish import publish
from routers import hooks
from routers.hooks import Collected
from routers.models import RouterCheck
from routers.operations import discovery, status
from routers.operations.reading import Attempt, Work, read_all
from routers.operations.status import Checked
from routers.operations.storing import store_attempts
from routers.queries import fleet

Method = RouterCheck.Method
SECOND_LOOK_S = 5
READ_LIMIT_S = 30.0  # of reading the fleet, and of discovering what is new or has moved
WORTH_STARTING_S = 8.0  # with less time left a stage waits for the next collection
BY = Actor("collection")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a collection did: routers asked and answered, 5-minute buckets finished."""

    routers: int
    answered: int
    buckets: int
    failed: Sequence[str] = ()

    def __str__(self) -> str:
        return f"{self.answered} of {self.routers} routers answered, {self.buckets} samples stored"


class Patience:
    """The time that one collection may take: its job is killed soon after, and what it read with it.

    Routers that answer at the last moment, however many times they are asked, share it.
    """

    def __init__(self, total_s: float) -> None:
        self._until = clock.monotonic_s() + total_s

    def left_s(self, most_s: float = READ_LIMIT_S) -> float:
        return max(min(most_s, self._until - clock.monotonic_s()), 1.0)

    @property
    def is_short(self) -> bool:
        return self.left_s() < WORTH_STARTING_S


def collect(router_ids: Sequence[int] | None = None) -> Summary:
    """Poll all routers (or these), and bring usage, status, alerts and pages up to date.

    A router that was never discovered is discovered first; one whose interfaces moved is
    discovered again and read once more, so that no interface is taken for another.
    """
    patience = Patience(min(settings.COLLECT_PERIOD_S * 0.7, 120))
    routers = list(fleet(router_ids))
    unseen = [router for router in routers if router.discovered_at is None]
    if unseen:
        discovery.discover_many(unseen, by=BY, limit_s=patience.left_s(READ_LIMIT_S / 2))
        routers = list(fleet(router_ids))
    works = [Work(router, router.to_read) for router in routers]  # type: ignore[attr-defined]
    attempts = _reread_moved(read_all(works, limit_s=patience.left_s()), patience)
    brought = _store(attempts)
    _second_look(attempts, brought, patience)
    _judge(attempts)
    failed = [f"{a.work.router.name}: {a.error}" for a in attempts if a.error]
    return Summary(len(attempts), len(attempts) - len(failed), len(brought.buckets), failed)


def _store(attempts: Sequence[Attempt]) -> Collected:
    brought = store_attempts(attempts)
    for listener in hooks.collected:
        listener(brought)
    return brought


def _second_look(attempts: Sequence[Attempt], brought: Collected, patience: Patience) -> None:
    """One reading has no rate yet: what was seen for the first time is read again at once."""
    new = [a for a in attempts if a.reading and a.work.router.pk in brought.first_seen_router_ids]
    if new and not patience.is_short:
        time.sleep(SECOND_LOOK_S)
        _store(read_all([attempt.work for attempt in new], limit_s=patience.left_s()))


def _reread_moved(attempts: Sequence[Attempt], patience: Patience) -> list[Attempt]:
    moved = [attempt for attempt in attempts if _has_moved(attempt)]
    if not moved or patience.is_short:
        return list(attempts)
    routers = [attempt.work.router for attempt in moved]
    discovery.discover_many(routers, by=BY, limit_s=patience.left_s(READ_LIMIT_S / 2))
    works = [Work(r, r.to_read) for r in fleet([r.pk for r in routers])]  # type: ignore[attr-defined]
    reread = {a.work.router.pk: a for a in read_all(works, limit_s=patience.left_s())}
    return [reread.get(attempt.work.router.pk, attempt) for attempt in attempts]


def _has_moved(attempt: Attempt) -> bool:
    """The reading shows that the list of interfaces is not what discovery found."""
    reading, router = attempt.reading, attempt.work.router
    if reading is None or attempt.source != "snmp":
        return False
    counted = router.interface_count
    grown = reading.if_number is not None and counted is not None and reading.if_number != counted
    restarted = router.booted_at is not None and (
        reading.taken_at - reading.uptime_ticks / 100 > router.booted_at.timestamp() + 60
    )
    return reading.renumbered or grown or restarted


def _judge(attempts: Sequence[Attempt]) -> None:
    results = [checked for attempt in attempts for checked in _checked(attempt)]
    if results:
        status.record(results)
    status.evaluate([attempt.work.router for attempt in attempts])
    with transaction.atomic():
        for attempt in attempts:
            publish("router", str(attempt.work.router.pk))


def _checked(attempt: Attempt) -> list[Checked]:
    router, reading = attempt.work.router, attempt.reading
    asked = [
        (Method.SNMP, "snmp", attempt.snmp_asked, attempt.snmp_error),
        (Method.API, "api", attempt.api_asked, attempt.api_error),
    ]
    found = []
    for method, source, was_asked, error in asked:
        if error is not None and was_asked:
            found.append(Checked(router, method, False, error_kind=error.kind, error=str(error)))
        elif was_asked and reading is not None and attempt.source == source:
            detail = f"{len(reading.rows)} interfaces"
            found.append(Checked(router, method, True, took_ms=reading.took_ms, detail=detail))
    return found
