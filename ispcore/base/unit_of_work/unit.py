"""Makes a change in both databases: `run`, the only way to provision."""

import logging
import random
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TypeVar
from uuid import UUID, uuid4

from django.db import Error, connections, transaction

from ispcore.base.rls import identity
from ispcore.base.unit_of_work import faults, journal, markers, recovery, scopes, sending
from ispcore.base.unit_of_work.faults import PORTAL, RADIUS
from ispcore.base.unit_of_work.journal import Outcome
from ispcore.base.unit_of_work.markers import Marker
from ispcore.base.unit_of_work.opening import NamesMoved, begin
from ispcore.base.unit_of_work.scopes import Scope
from ispcore.base.unit_of_work.steps import passed

T = TypeVar("T")
Scoped = Scope | Callable[[], Scope]
TRIES = 5
PAUSE_S = 0.05  # before the second try; twice that before the next
FOLLOWING = "%s: it stands, but what was to follow failed"
logger = logging.getLogger(__name__)


class InDoubt(Exception):
    """Before this edit, what a dead writer left is to be decided."""

    def __init__(self, found: Sequence[Marker]) -> None:
        super().__init__()
        self.markers = found


@dataclass(slots=True)
class Unit:
    """One try: a gid of its own, how far it came, and what is called when it stands."""

    what: str
    bulk: bool
    everything: bool = False
    gid: UUID = field(default_factory=uuid4)
    scope: Scope | None = None
    where: str = PORTAL
    """The database that was asked last: errors are about it."""
    is_answered: bool = False
    """By that database, so its connection was no stale one."""
    has_settled: bool = False
    """What was in doubt of its scope was decided, as far as that can be."""
    radius_is_asked: bool = False
    """COMMIT is on its way to RADIUS."""
    radius_stands: bool = False
    portal_stands: bool = False
    calls: list[Callable[[], object]] = field(default_factory=list)

    @property
    def locked(self) -> Scope:
        assert self.scope is not None  # noqa: S101 - of a unit that has come to its locks
        return self.scope

    @property
    def marker(self) -> Marker:
        """What recovery goes by, for which nothing is new."""
        return Marker(self.gid, replace(self.locked, is_new=False), self.what)


_present: ContextVar[Unit | None] = ContextVar("unit_of_work", default=None)


def run(what: str, scope: Scoped, change: Callable[[], T], *, bulk: bool = False) -> T:
    """Make `change` in the portal and write its projection to RADIUS; both stand, or neither.

    `what` names the change in the journal ("suspend subscriber"). `scope` says what it touches,
    where that depends on truth by a function that is called in the portal's transaction, before
    the change. `change` writes the portal's rows and their audit entries, and may be called again
    after a deadlock. `bulk` waits for locks up to a minute, else five seconds.

    Must be the outermost transaction of both databases (RuntimeError). Raises Busy, RadiusAway,
    PortalAway (nothing was changed), BeingDecided, and what `change` raises.
    """
    unit = Unit(what, bulk)
    for tried in range(1, TRIES + 1):
        token = _present.set(unit)
        try:
            result = _attempt(unit, scope, change)
        except NamesMoved:
            unit = Unit(what, bulk, everything=True)
            continue
        except InDoubt as doubt:
            _settle(doubt.markers)
            unit = Unit(what, bulk, everything=unit.everything, has_settled=True)
            continue
        except Error as error:
            if tried == TRIES or unit.radius_stands or not _is_worth_another(unit, error, tried):
                faults.tell(error, unit.where)
            time.sleep(PAUSE_S * 2 ** (tried - 1) * random.uniform(0.5, 1.5))  # noqa: S311
            unit = Unit(what, bulk, everything=unit.everything)
            continue
        finally:
            _present.reset(token)
        _call(unit)
        return result
    raise faults.Busy(faults.BUSY)


def after_commit(call: Callable[[], object]) -> None:
    """Have `call` made when the unit that is being run stands in both databases: network calls.

    What it raises is logged; the change stands. Raises RuntimeError outside of a unit.
    """
    unit = _present.get()
    if unit is None:
        raise RuntimeError("after_commit: no unit of work is being run")
    unit.calls.append(call)


def _attempt(unit: Unit, scope: Scoped, change: Callable[[], T]) -> T:
    try:
        with transaction.atomic(using=PORTAL, durable=True):
            transaction.on_commit(lambda: _portal_stands(unit))
            passed("begun")
            _lock(unit, scope)
            passed("locked")
            sending.begin()
            result = change()
            sending.end(result)
            passed("changed")
            faults.need_soundness(PORTAL)
            _write_radius(unit)
            unit.radius_stands = True
            unit.where = PORTAL
            passed("radius_committed")
            faults.need_soundness(PORTAL)
    except Exception as error:
        if not unit.radius_stands:
            raise
        _decide(unit, error)
    passed("portal_committed")
    markers.done_with(unit.gid)
    return result


def _portal_stands(unit: Unit) -> None:
    unit.portal_stands = True


def _lock(unit: Unit, scope: Scoped) -> None:
    unit.scope = scope if isinstance(scope, Scope) else scope()
    row = journal.entry(unit.gid, unit.what, unit.scope, outcome=Outcome.STANDS)
    begin(row, unit.scope, everything=unit.everything, bulk=unit.bulk)
    unit.is_answered = True
    if not isinstance(scope, Scope) and scope() != unit.scope:
        raise NamesMoved


def _write_radius(unit: Unit) -> None:
    """The projection, committed. Where the answer to COMMIT is lost, the same gid is written again:
    what waits for the first transaction, and finds out how it ended."""
    unit.where, unit.is_answered = RADIUS, False
    try:
        _radius_transaction(unit)
    except markers.Committed:
        raise AssertionError(f"{unit.gid}: not the only one") from None
    except Error as error:
        if not unit.radius_is_asked:
            raise
        logger.warning("%s: the answer to COMMIT of RADIUS is lost: %s", unit.what, error)
        faults.close_quietly(RADIUS)
        try:
            _radius_transaction(unit)
        except markers.Committed:
            return
        except Error as again:
            raise faults.RadiusAway(faults.TAKEN_BACK) from again


def _radius_transaction(unit: Unit) -> None:
    connections[RADIUS].errors_occurred = False
    with transaction.atomic(using=RADIUS, durable=True):
        others = markers.put(unit.marker)
        unit.is_answered = True
        passed("marked")
        if others and not unit.has_settled:
            _need_no_doubt(unit, others)
        with identity.acting_for_all():
            scopes.projector_of(unit.locked).write(unit.locked)
        passed("projected")
        markers.drop_done_with()
        faults.need_soundness(RADIUS)
        unit.radius_is_asked = True


def _need_no_doubt(unit: Unit, others: Sequence[Marker]) -> None:
    """Raise InDoubt where a dead writer left something of the same; the locks that we hold exclude
    one in flight."""
    close = [each for each in others if each.scope.may_touch(unit.marker.scope)]
    if close and len(journal.outcomes(each.gid for each in close)) < len(close):
        raise InDoubt(close)


def _settle(doubted: Sequence[Marker]) -> None:
    try:
        recovery.settle(doubted)
    except Error as error:
        faults.tell(error, RADIUS)


def _decide(unit: Unit, error: Exception) -> None:
    """RADIUS has committed, and the portal did not say that it did. Returns where the change stands."""
    if unit.portal_stands:  # a callback of Django's on_commit failed
        logger.error(FOLLOWING, unit.what, exc_info=error)
        return
    logger.warning("%s: the portal's answer to COMMIT is lost: %s", unit.what, error)
    faults.close_quietly(PORTAL)
    try:
        stands = recovery.decide_own(unit.marker)
    except Exception as fault:  # also one of the projection: recovery will come by again
        raise faults.BeingDecided(unit.what, str(unit.gid)) from fault
    if not stands:
        raise error


def _is_worth_another(unit: Unit, error: Error, tried: int) -> bool:
    """After a deadlock; and once where a connection that was there did not answer at all: an idle
    one may have ended while its server lives."""
    word = faults.meaning(error)
    if word == "away" and not unit.is_answered and tried == 1:
        was_connected = connections[unit.where].connection is not None
        faults.close_quietly(unit.where)
        return was_connected
    return word == "deadlock"


def _call(unit: Unit) -> None:
    for call in unit.calls:
        try:
            call()
        except Exception:
            logger.exception(FOLLOWING, unit.what)
