"""Roles, and the capabilities that the portal asks for. Who has which is a table: `matrix`."""

from enum import StrEnum

from django.db import models


class Role(models.TextChoices):
    SUPER_USER = "super_user", "Super user"
    ADMIN = "admin", "Administrator"
    OPERATOR = "operator", "Operator"
    VIEWER = "viewer", "Viewer"
    CLIENT = "client", "Client"


class Group(models.TextChoices):
    """A column of the matrix: a role among the operator's staff, or among a tenant's people.

    A tenant's operator is another thing than the ISP's, so each has a column of its own. Super
    users have none: they may all.
    """

    ADMIN = "admin", "Administrator"
    OPERATOR = "operator", "Operator"
    VIEWER = "viewer", "Viewer"
    CLIENT = "client", "Owner (client)"
    TENANT_OPERATOR = "tenant_operator", "Operator"
    TENANT_VIEWER = "tenant_viewer", "Viewer"


class May(StrEnum):
    """A capability; operations and pages ask for these, never for a role."""

    VIEW = "view"
    HANDLE_ALERTS = "handle_alerts"
    RESOLVE_ALERTS = "resolve_alerts"
    CHECK_ROUTERS = "check_routers"
    EDIT_RESELLERS = "edit_resellers"
    EDIT_SUBSCRIBERS = "edit_subscribers"
    EDIT_PACKAGES = "edit_packages"
    EDIT_ROUTERS = "edit_routers"
    EDIT_ACCOUNTS = "edit_accounts"


# (subject, what is done, what it opens): a row of the matrix, in this order
WORDS: dict[May, tuple[str, str, str]] = {
    May.VIEW: ("Everything", "See", "lists, pages, charts and CSV; without it nothing opens"),
    May.HANDLE_ALERTS: ("Alerts", "Acknowledge and note", "the buttons of the alert console"),
    May.RESOLVE_ALERTS: ("Alerts", "Resolve by hand", "ends an alert before its cause has gone"),
    May.CHECK_ROUTERS: ("Routers", "Test, discover, poll", "the buttons on a router's page"),
    May.EDIT_ROUTERS: ("Routers", "Change", "routers with their credentials; alert rules"),
    May.EDIT_RESELLERS: ("Resellers", "Change", "resellers, plans, thresholds, mappings"),
    May.EDIT_SUBSCRIBERS: (
        *("Subscribers", "Change"),
        "makes, renews, suspends, moves and deletes them; their passwords",
    ),
    May.EDIT_PACKAGES: (
        *("Packages", "Change"),
        "rates, limits, quotas and prices of all who have one; prefixes of account numbers",
    ),
    May.EDIT_ACCOUNTS: ("Accounts", "Manage", "accounts below one's own; new passwords"),
}
STAFF_GROUPS = (Group.ADMIN, Group.OPERATOR, Group.VIEWER)
TENANT_GROUPS = (Group.CLIENT, Group.TENANT_OPERATOR, Group.TENANT_VIEWER)
# what a tenant's people may ever have: all of it ends at the rows of their own tenant
TENANT_MOST = frozenset({May.VIEW, May.HANDLE_ALERTS, May.EDIT_SUBSCRIBERS, May.EDIT_ACCOUNTS})
# what administrators keep: without these nobody but super users could help anybody
ADMIN_KEEPS = frozenset({May.VIEW, May.EDIT_ACCOUNTS})

_OPERATOR = frozenset(
    {
        *(May.VIEW, May.HANDLE_ALERTS, May.RESOLVE_ALERTS, May.CHECK_ROUTERS),
        *(May.EDIT_RESELLERS, May.EDIT_SUBSCRIBERS),
    }
)
# as the migration fills the table; a capability that is newer than the table has its value here
SHIPPED: dict[Group, frozenset[May]] = {
    Group.ADMIN: _OPERATOR | {May.EDIT_ROUTERS, May.EDIT_PACKAGES, May.EDIT_ACCOUNTS},
    Group.OPERATOR: _OPERATOR,
    Group.VIEWER: frozenset({May.VIEW}),
    Group.CLIENT: TENANT_MOST,
    Group.TENANT_OPERATOR: TENANT_MOST - {May.EDIT_ACCOUNTS},
    Group.TENANT_VIEWER: frozenset({May.VIEW}),
}

# the capability that opens add, change and delete of a model; what is not named cannot be edited
EDITED_WITH: dict[str, May] = {
    "resellers.reseller": May.EDIT_RESELLERS,
    "resellers.plan": May.EDIT_RESELLERS,
    "resellers.mapping": May.EDIT_RESELLERS,
    "subscribers.subscriber": May.EDIT_SUBSCRIBERS,
    "subscribers.package": May.EDIT_PACKAGES,
    "routers.router": May.EDIT_ROUTERS,
    "monitoring.rule": May.EDIT_ROUTERS,
    "accounts.account": May.EDIT_ACCOUNTS,
    "accounts.apitoken": May.EDIT_ACCOUNTS,
    "accounts.rolepolicy": May.EDIT_ACCOUNTS,
}
# what a tenant's people see (their own rows of it); staff see everything but what is named below
TENANT_SEES = frozenset(
    {
        *("resellers.reseller", "resellers.mapping", "monitoring.alert", "accounts.account"),
        *("subscribers.subscriber", "subscribers.package"),
    }
)
NEEDS_TO_SEE: dict[str, May] = {
    "accounts.account": May.EDIT_ACCOUNTS,
    "accounts.rolepolicy": May.EDIT_ACCOUNTS,
    "accounts.tenant": May.EDIT_ACCOUNTS,
    "accounts.apitoken": May.EDIT_ACCOUNTS,
}


def group_of(role: str, tenant_id: int | None) -> Group | None:
    """The column of the matrix that holds for this role; None for a super user, who may all."""
    if role == Role.SUPER_USER:
        return None
    if tenant_id is None:
        return Group(role)
    return Group.CLIENT if role == Role.CLIENT else Group(f"tenant_{role}")
