"""Which role may what, as this process knows it: the table `role_permissions`, read now and then."""

from collections.abc import Callable
from typing import Generic, TypeVar

from ispcore.accounts.roles import SHIPPED, TENANT_GROUPS, TENANT_MOST, Group, May
from ispcore.base import clock
from ispcore.base.rls import identity

FRESH_S = 2.0
"""For how long a process goes by what it read: so late does a change reach the others."""

Found = TypeVar("Found")
Cells = dict[tuple[str, str], bool]


class Remembered(Generic[Found]):
    """What a query found, asked again once it is older than FRESH_S: at most one query in that
    time, however many requests ask. `forget` makes the next look-up read, at once."""

    def __init__(self, read: Callable[[], Found]) -> None:
        self._read = read
        self._known: tuple[float, Found] | None = None
        self._forgotten = 0

    def get(self) -> Found:
        known, now, forgotten = self._known, clock.monotonic_s(), self._forgotten
        if known is None or now - known[0] > FRESH_S:
            with identity.acting_for_all():  # what is kept is for whoever asks next
                known = now, self._read()
            if forgotten == self._forgotten:  # else another thread has changed it meanwhile
                self._known = known
        return known[1]

    def forget(self) -> None:
        self._forgotten += 1
        self._known = None


def _read() -> Cells:
    from ispcore.accounts.models import RolePermission

    rows = RolePermission.objects.order_by().values_list("group", "capability", "is_allowed")
    return {(group, capability): allowed for group, capability, allowed in rows}


_cells = Remembered(_read)


def allows(group: Group | None, capability: May) -> bool:
    """Whether a role may; None is a super user. Who may not even see may nothing."""
    return group is None or (is_ticked(group, May.VIEW) and is_ticked(group, capability))


def is_ticked(group: Group, capability: May) -> bool:
    """What the cell of the table says. A tenant's role never has more than TENANT_MOST."""
    if group in TENANT_GROUPS and capability not in TENANT_MOST:
        return False
    return _cells.get().get((group, capability), capability in SHIPPED[group])


def capabilities(group: Group | None) -> frozenset[May]:
    """All that a role may."""
    return frozenset(each for each in May if allows(group, each))


def forget() -> None:
    """The table has changed: the next look-up of this process reads it."""
    _cells.forget()
