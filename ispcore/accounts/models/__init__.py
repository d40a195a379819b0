"""Who logs in and whose data it is, what roles may, and what is remembered of logins and tokens."""

from ispcore.accounts.models.accounts import (
    Account,
    AccountManager,
    Grant,
    RolePermission,
    Tenant,
)
from ispcore.accounts.models.logins import KnownNetwork, LoginBrake, RolePolicy, SharedCache
from ispcore.accounts.models.tokens import ApiLogin, ApiToken, LiveTicket

__all__ = [
    "Account",
    "AccountManager",
    "ApiLogin",
    "ApiToken",
    "Grant",
    "KnownNetwork",
    "LiveTicket",
    "LoginBrake",
    "RolePermission",
    "RolePolicy",
    "SharedCache",
    "Tenant",
]
