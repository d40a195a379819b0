"""One collection: read the counters of the fleet, store them, look again where interfaces moved."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from ispcore.base import clock
from ispcore.base.timeseries.samples import Samples
from ispcore.live.publish import publish_each
from routers import hooks
from routers.hooks import Collected
from routers.models import Router, RouterCheck
from routers.operations import discovery, plan, poll_records, status
from routers.operations.plan import Work
from routers.operations.poll_records import PollRecord
from routers.operations.reading import Attempt, read_all
from routers.operations.status import Checked
from routers.operations.storing import store_records
from routers.queries import without_secrets

Method = RouterCheck.Method
SECOND_LOOK_S = 5
READ_LIMIT_S = 30.0  # of reading the fleet, and of discovering what is new or has moved
WORTH_STARTING_S = 8.0  # with less time left a stage waits for the next collection


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
    """The time that one collection may take, so that it is over before the next begins.

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
    """Poll all routers (or these), and bring usage, status, alerts and pages up to date, now.

    A router that was never discovered is discovered first; one whose interfaces moved is
    discovered again and read once more, so that no interface is taken for another.
    """
    patience = Patience(min(settings.COLLECT_PERIOD_S * 0.7, 120))
    works = discovered(plan.load(router_ids), patience)
    attempts = read_all(works, limit_s=patience.left_s())
    brought = store(records_of(attempts))
    again = moved_again(moved(attempts), patience) + seen_again(attempts, brought, patience)
    store(records_of(again))
    last = {attempt.work.router.pk: attempt for attempt in [*attempts, *again]}
    judge(list(last.values()))
    return summary_of(list(last.values()), brought)


def summary_of(attempts: Sequence[Attempt], brought: Collected) -> Summary:
    failed = [f"{a.work.router.name}: {a.error}" for a in attempts if a.error]
    return Summary(len(attempts), len(attempts) - len(failed), len(brought.buckets), failed)


def discovered(works: Sequence[Work], patience: Patience) -> list[Work]:
    """The works, those of routers that were never discovered after looking for interfaces."""
    unseen = [work.router for work in works if work.router.discovered_at is None]
    if not unseen:
        return list(works)
    discovery.discover_many(
        unseen, by=discovery.COLLECTION, limit_s=patience.left_s(READ_LIMIT_S / 2)
    )
    again = {work.router.pk: work for work in plan.load([router.pk for router in unseen])}
    return [again.get(work.router.pk, work) for work in works]


def records_of(attempts: Iterable[Attempt]) -> list[PollRecord]:
    at_s = clock.now().timestamp()
    return [poll_records.of(attempt, at_s=at_s) for attempt in attempts]


def store(records: Sequence[PollRecord]) -> Collected:
    """Store in one transaction, then tell those who listen for what is stored."""
    brought = store_records(records)
    announce(brought)
    return brought


def announce(brought: Collected) -> None:
    """Tell those who listen for what is stored."""
    for listener in hooks.listeners:
        listener.announce(brought)


def together(parts: Sequence[Collected]) -> Collected:
    """What several batches of one collection brought."""
    return Collected(
        Samples.together(part.buckets for part in parts),
        frozenset().union(*(part.router_ids for part in parts)),
        frozenset().union(*(part.first_seen_router_ids for part in parts)),
    )


def moved(attempts: Iterable[Attempt]) -> list[Router]:
    """Routers whose interfaces are not where discovery found them."""
    return [attempt.work.router for attempt in attempts if _has_moved(attempt)]


def moved_again(routers: Sequence[Router], patience: Patience) -> list[Attempt]:
    """Routers that moved, discovered and read again."""
    if not routers or patience.is_short:
        return []
    discovery.discover_many(
        routers, by=discovery.COLLECTION, limit_s=patience.left_s(READ_LIMIT_S / 2)
    )
    works = plan.load([router.pk for router in routers])
    return read_all(works, limit_s=patience.left_s())


def seen_again(
    attempts: Sequence[Attempt], brought: Collected, patience: Patience
) -> list[Attempt]:
    """One reading has no rate yet: what was seen for the first time is read again at once."""
    new = [a for a in attempts if a.reading and a.work.router.pk in brought.first_seen_router_ids]
    if not new or patience.is_short:
        return []
    time.sleep(SECOND_LOOK_S)
    return read_all([attempt.work for attempt in new], limit_s=patience.left_s())


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


def judge(attempts: Sequence[Attempt]) -> None:
    """Bring what the attempts say of the routers themselves to status, alerts and pages."""
    results = [checked for attempt in attempts for checked in _checked(attempt)]
    if results:
        status.record(results)
    ids = [attempt.work.router.pk for attempt in attempts]
    status.evaluate(without_secrets(Router.objects.filter(pk__in=ids)))
    with transaction.atomic():
        publish_each("router", map(str, ids))


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
