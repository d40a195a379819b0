"""Read the counters of many routers at once, each by SNMP or by the RouterOS API. No database."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from django.conf import settings

from ispcore.protocols import routeros
from ispcore.protocols.errors import ProtocolError, Unreachable
from ispcore.protocols.interfaces import CounterReading
from ispcore.protocols.polling import in_thread, poll_many
from ispcore.protocols.snmp import read_counters
from routers.models import Router
from routers.operations.plan import Work
from routers.targets import api_target, snmp_engine, snmp_target

Source = Router.CounterSource
LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one router: a reading, or errors; by SNMP, the API, or one after the other."""

    work: Work
    reading: CounterReading | None
    source: str
    snmp_error: ProtocolError | None = None
    api_error: ProtocolError | None = None
    snmp_asked: bool = False
    api_asked: bool = False

    @property
    def error(self) -> ProtocolError | None:
        """Why nothing was read: SNMP's reason where it was asked, else the API's."""
        return None if self.reading else (self.snmp_error or self.api_error)


def read_all(
    fleet: Sequence[Work],
    *,
    limit_s: float = LIMIT_S,
    heard: Callable[[Attempt], None] | None = None,
) -> list[Attempt]:
    """Ask every router of the fleet; a dead one costs its own slot its own time-out.

    Who has not answered `limit_s` seconds after the start counts as unreachable: one that answers
    each question at the last moment does not hold up the rest. `heard` is given each attempt as
    soon as it is over.
    """
    works = {work.router.pk: work for work in fleet}
    jobs = {pk: partial(_attempt, work) for pk, work in works.items()}
    answers = poll_many(
        jobs,
        concurrency=settings.COLLECT_CONCURRENCY,
        deadline_s=limit_s,
        heard=heard and (lambda pk, answer: heard(_as_attempt(works[pk], answer))),
    )
    return [_as_attempt(work, answers[pk]) for pk, work in works.items()]


def _as_attempt(work: Work, answer: Attempt | ProtocolError) -> Attempt:
    if isinstance(answer, Attempt):
        return answer
    return Attempt(work, None, "snmp", snmp_error=answer)


async def _attempt(work: Work) -> Attempt:
    router = work.router
    by_snmp = router.uses_snmp and router.counter_source != Source.API
    by_api = router.uses_api and router.counter_source != Source.SNMP
    snmp_error: ProtocolError | None = None
    if by_snmp:
        try:
            reading = await _by_snmp(work)
        except ProtocolError as error:
            snmp_error = error
        else:
            return Attempt(work, reading, "snmp", snmp_asked=True)
    if by_api:
        return await _by_api(work, snmp_error, snmp_asked=by_snmp)
    if not by_snmp:
        snmp_error = Unreachable("no SNMP community or user and no API user is configured")
    return Attempt(work, None, "snmp", snmp_error=snmp_error, snmp_asked=by_snmp)


async def _by_snmp(work: Work) -> CounterReading:
    return await read_counters(snmp_engine(), snmp_target(work.router), work.wanted)


async def _by_api(work: Work, snmp_error: ProtocolError | None, *, snmp_asked: bool) -> Attempt:
    try:
        reading = await in_thread(_api_counters, work)
    except ProtocolError as error:
        return Attempt(work, None, "api", snmp_error, error, snmp_asked, api_asked=True)
    return Attempt(work, reading, "api", snmp_error, None, snmp_asked, api_asked=True)


def _api_counters(work: Work) -> CounterReading:
    names = [interface.name for interface in work.interfaces]
    target = api_target(work.router)
    return routeros.polled(target, lambda session: routeros.read_counters(session, names))
