"""How a unit, and a recovery, begins: with its row in the journal, and the locks of its names."""

from ispcore.base.models import JournalEntry
from ispcore.base.rls import identity
from ispcore.base.unit_of_work import journal, locks, scopes
from ispcore.base.unit_of_work.locks import Names
from ispcore.base.unit_of_work.scopes import Scope


class NamesMoved(Exception):
    """A scope got more names while the locks of those it had were waited for."""


def begin(row: JournalEntry, scope: Scope, *, everything: bool, bulk: bool = False) -> None:
    """Write `row` and hold the locks of all the scope's names, or of everything.

    Raises NamesMoved, UnknownKind, and what `journal.open_with` does.
    """
    names = locks.EVERYTHING if everything else names_of(scope)
    journal.open_with(row, names, bulk=bulk)
    if names is locks.EVERYTHING:
        return
    now = names_of(scope)
    if now is locks.EVERYTHING or not set(now) <= set(names):
        raise NamesMoved


@identity.acting_for_all()
def names_of(scope: Scope) -> Names:
    """What is to be locked for it."""
    return locks.bounded(scopes.projector_of(scope).names(scope))
