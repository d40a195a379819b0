"""One change, two databases, one outcome: what is provisioned stands in both or in neither.

`run` makes a change in the portal's database and writes its projection to FreeRADIUS'; `recover`
finishes what a writer that died left between the two commits. A unit U with a fresh gid does this:

    portal   BEGIN; constraints at once; journal row (gid); locks; change
    RADIUS   BEGIN; marker (gid, scope); projection of the scope; COMMIT
    portal   COMMIT

and recovery, of each marker whose gid no committed journal row has:

    portal   BEGIN; journal row of the *same* gid, "undone"; locks
    RADIUS   BEGIN; the marker, FOR UPDATE; projection of the scope; COMMIT
    portal   COMMIT
    RADIUS   the marker goes

The claim: of each name, its rows in RADIUS are the projection of the portal's truth, or a marker
whose scope has the name is there, and recovery will come by. Why it holds is in
docs/provisioning.md, and rests on what callers and projectors keep to:

1. Truth that a projection reads is changed by units only, whose scopes have every name whose
   projection that moves.
2. A projection is a total function of truth: afterwards all that we own of its scope is what truth
   says, whatever was there.
3. A scope's `names` are all the names whose rows it writes, or None.
4. A change may run twice (after a deadlock), each time from the beginning.
"""

from ispcore.base.unit_of_work.faults import (
    BeingDecided,
    Busy,
    NotProvisioned,
    PortalAway,
    RadiusAway,
)
from ispcore.base.unit_of_work.recovery import (
    Decided,
    Doubted,
    doubted,
    in_doubt,
    recover,
    trim,
)
from ispcore.base.unit_of_work.scopes import Projector, Scope, UnknownKind, register
from ispcore.base.unit_of_work.sending import DoneBefore, forget_sent, once, refuse_repeated
from ispcore.base.unit_of_work.steps import RECOVERY_STEPS, STEPS
from ispcore.base.unit_of_work.unit import after_commit, run

__all__ = [
    "RECOVERY_STEPS",
    "STEPS",
    "BeingDecided",
    "Busy",
    "Decided",
    "DoneBefore",
    "Doubted",
    "NotProvisioned",
    "PortalAway",
    "Projector",
    "RadiusAway",
    "Scope",
    "UnknownKind",
    "after_commit",
    "doubted",
    "forget_sent",
    "in_doubt",
    "once",
    "recover",
    "refuse_repeated",
    "register",
    "run",
    "trim",
]
