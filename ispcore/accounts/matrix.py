"""Which role may what, as this process knows it: the table `role_permissions`, read now and then."""

from ispcore.accounts.roles import SHIPPED, TENANT_GROUPS, TENANT_MOST, Group, May
from ispcore.base.remembered import Remembered

Cells = dict[tuple[str, str], bool]


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
