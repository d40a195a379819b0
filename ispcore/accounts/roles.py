"""What each role may do, in one place: capabilities, and the model permissions they open."""

from enum import StrEnum

from django.db import models


class Role(models.TextChoices):
    SUPER_USER = "super_user", "Super user"
    ADMIN = "admin", "Administrator"
    OPERATOR = "operator", "Operator"
    VIEWER = "viewer", "Viewer"
    CLIENT = "client", "Client"


class May(StrEnum):
    """A capability; operations and pages ask for these, never for a role."""

    VIEW = "view"
    HANDLE_ALERTS = "handle_alerts"  # acknowledge, note, resolve
    CHECK_ROUTERS = "check_routers"  # test connection, discover, poll now
    EDIT_RESELLERS = "edit_resellers"  # resellers, plans, mappings
    EDIT_ROUTERS = "edit_routers"  # routers with their credentials, rules
    EDIT_ACCOUNTS = "edit_accounts"


_OPERATOR = {May.VIEW, May.HANDLE_ALERTS, May.CHECK_ROUTERS, May.EDIT_RESELLERS}
_ADMIN = _OPERATOR | {May.EDIT_ROUTERS, May.EDIT_ACCOUNTS}
CAPABILITIES: dict[str, frozenset[May]] = {
    Role.SUPER_USER: frozenset(May),
    Role.ADMIN: frozenset(_ADMIN),
    Role.OPERATOR: frozenset(_OPERATOR),
    Role.VIEWER: frozenset({May.VIEW}),
    Role.CLIENT: frozenset({May.VIEW}),
}

# the capability that opens add, change and delete of a model; what is not named cannot be edited
EDITED_WITH: dict[str, May] = {
    "resellers.reseller": May.EDIT_RESELLERS,
    "resellers.plan": May.EDIT_RESELLERS,
    "resellers.mapping": May.EDIT_RESELLERS,
    "routers.router": May.EDIT_ROUTERS,
    "monitoring.rule": May.EDIT_ROUTERS,
    "accounts.account": May.EDIT_ACCOUNTS,
    "accounts.rolepolicy": May.EDIT_ACCOUNTS,
}
# what a tenant's people see (their own rows of it); staff see everything but what is named below
TENANT_SEES = frozenset({"resellers.reseller", "resellers.mapping", "monitoring.alert"})
NEEDS_TO_SEE: dict[str, May] = {
    "accounts.account": May.EDIT_ACCOUNTS,
    "accounts.rolepolicy": May.EDIT_ACCOUNTS,
    "accounts.tenant": May.EDIT_ACCOUNTS,
}


def may(role: str, capability: May, *, tenant_id: int | None) -> bool:
    """A tenant's people only ever view; staff do what their role says."""
    allowed = CAPABILITIES.get(role, frozenset())
    return capability in (allowed & {May.VIEW} if tenant_id is not None else allowed)
