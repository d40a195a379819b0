"""Finishes what a writer that died left between two commits. No time-outs, no guesses.

A marker without a committed journal row is of a writer in flight, or of a dead one. Who inserts the
marker's gid into the journal waits for the first, and is refused if it commits; if not, its
transaction can never commit, and its scope is projected anew from truth as it stands. The marker is
held in RADIUS meanwhile, so that of two recoveries the slower cannot overwrite what came after the
other; it goes last, when the journal says how it ended.
"""

import logging
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import Error, IntegrityError, connections, transaction

from ispcore.base import clock
from ispcore.base.rls import identity
from ispcore.base.unit_of_work import faults, journal, markers, scopes
from ispcore.base.unit_of_work.faults import PORTAL, RADIUS
from ispcore.base.unit_of_work.journal import Outcome
from ispcore.base.unit_of_work.markers import Marker
from ispcore.base.unit_of_work.opening import NamesMoved, begin
from ispcore.base.unit_of_work.scopes import Scope
from ispcore.base.unit_of_work.steps import passed

DIED = "its writer ended between the two commits"
NO_ANSWER = "the portal's answer to COMMIT was lost"
OWN_WITHIN_S, PAUSE_S = 8.0, 0.25  # a writer whose portal does not answer asks again for so long
_told: set[UUID] = set()  # of which markers the log has that they cannot be projected
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Decided:
    """A unit that was in doubt, and how it ended."""

    gid: UUID
    scope: Scope
    stands: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Doubted:
    """A unit that is between its two commits, or was left there."""

    gid: UUID
    what: str
    scope: Scope
    since: datetime


class Vanished(Exception):
    """The marker is gone, though nobody has said how its unit ended: somebody deleted it by hand."""


@identity.acting_for_all()
def recover(names: Collection[str] | None = None) -> list[Decided]:
    """Decide what is in doubt (where `names` are given: of scopes with one of these keys).

    Returns what was found dead and undone. A lock that takes too long leaves its marker for later.
    Raises RadiusAway or PortalAway; what was decided until then is.
    """
    where = RADIUS
    try:
        found = [m for m in markers.pending() if names is None or not _differ(m, names)]
        where = PORTAL
        known = journal.outcomes(marker.gid for marker in found)
        decided = [one for m in found if m.gid not in known if (one := _try_to_decide(m))]
        where = RADIUS
        markers.drop(known)
        markers.drop_done_with(at_least=1)
    except Error as error:
        faults.tell(error, where)
    return decided


def in_doubt(names: Collection[str] | None = None) -> int:
    """How many units are between their two commits, or were left there. Raises as `recover`."""
    return len(doubted(names))


def doubted(names: Collection[str] | None = None) -> list[Doubted]:
    """Those units, oldest first. Raises as `recover`."""
    where = RADIUS
    try:
        since = markers.since()
        found = [m for m in markers.pending() if names is None or not _differ(m, names)]
        where = PORTAL
        known = journal.outcomes(marker.gid for marker in found)
    except Error as error:
        faults.tell(error, where)
    open_ = [marker for marker in found if marker.gid not in known]
    made = [Doubted(m.gid, m.what, m.scope, since.get(m.gid, clock.now())) for m in open_]
    return sorted(made, key=lambda each: each.since)


@identity.acting_for_all()
def settle(found: Iterable[Marker]) -> None:
    """Decide of these what is in doubt: before an edit of the same. Raises OperationalError."""
    waiting = {marker.gid: marker for marker in found}
    for gid in waiting.keys() - journal.outcomes(waiting).keys():
        _try_to_decide(waiting[gid])


@identity.acting_for_all()
def decide_own(marker: Marker) -> bool:
    """Of a unit whose COMMIT was not answered: whether it stands. Raises OperationalError."""
    until_s, pause_s = clock.monotonic_s() + OWN_WITHIN_S, PAUSE_S
    while True:
        try:
            if _decide(marker, NO_ANSWER) is not None:
                return False
            stands = journal.outcomes([marker.gid]).get(marker.gid) == Outcome.STANDS
            if stands:
                journal.note_doubt(marker.gid, NO_ANSWER)
        except Error as error:
            for alias in (PORTAL, RADIUS):
                faults.close_quietly(alias)
            pause_s *= 2
            if clock.monotonic_s() + pause_s > until_s or not faults.meaning(error):
                raise
            time.sleep(pause_s)
        else:
            return stands


def trim() -> int:
    """Forget old rows of the journal to which no marker refers; returns how many.

    A marker is there before the row that it refers to is committed, and never comes back.
    """
    try:
        kept = markers.since()
    except Error as error:
        faults.tell(error, RADIUS)
    return journal.forget(but=kept)


def _differ(marker: Marker, names: Collection[str]) -> bool:
    return set(names).isdisjoint(marker.scope.keys)


def _try_to_decide(marker: Marker) -> Decided | None:
    """None: it was no doubt in the end, or is one for later."""
    try:
        return _decide(marker, DIED)
    except Error as error:
        if faults.meaning(error) == "away":
            raise
        logger.warning("%s %s: left for later: %s", marker.scope.kind, marker.gid, error)
    except Exception:  # a fault in one projection must not hold up the others
        if marker.gid not in _told:
            logger.exception("%s %s: cannot be projected", marker.scope.kind, marker.gid)
            _told.add(marker.gid)
    return None


def _decide(marker: Marker, doubt: str) -> Decided | None:
    """Undo the unit of a dead writer; None where the journal says already how it ended, or does
    once the writer in flight has ended.

    Raises OperationalError where somebody takes too long or does not answer.
    """
    everything = False
    while True:
        try:
            _undo(marker, doubt, everything=everything)
        except NamesMoved:
            everything = True
        except _SaidAlready:
            return None
        else:
            break
    passed("recovery_portal_committed")
    markers.drop([marker.gid])
    passed("recovery_dropped")
    logger.warning("%s %s: undone: %s", marker.scope.kind, marker.gid, doubt)
    return Decided(marker.gid, marker.scope, stands=False, at=clock.now())


class _SaidAlready(Exception):
    """A committed row of the journal has this gid."""


def _undo(marker: Marker, doubt: str, *, everything: bool) -> None:
    with transaction.atomic(using=PORTAL, durable=True):
        row = journal.entry(
            marker.gid, marker.what, marker.scope, outcome=Outcome.UNDONE, doubt=doubt
        )
        try:
            begin(row, marker.scope, everything=everything)
        except IntegrityError:
            raise _SaidAlready from None
        passed("recovery_locked")
        connections[RADIUS].errors_occurred = False
        with transaction.atomic(using=RADIUS, durable=True):
            if not markers.hold(marker):
                raise Vanished(f"{marker.gid}: its marker is gone")
            passed("recovery_held")
            scopes.projector_of(marker.scope).write(marker.scope)
            passed("recovery_projected")
            faults.need_soundness(RADIUS)
        passed("recovery_radius_committed")
        faults.need_soundness(PORTAL)
