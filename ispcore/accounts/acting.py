"""What the database lets through for an account: the second wall behind `scope.visible`."""

import contextlib
from typing import Any

from django.http import HttpRequest
from django.utils.functional import LazyObject, empty

from ispcore.accounts.models import Account
from ispcore.base.rls import identity
from ispcore.base.rls.identity import AT_LOGIN, EVERYBODY, Sight


def sight_of(account: Any) -> Sight:
    """Staff see all tenants' rows, others their own tenant's; who is not known, only a login's."""
    if not isinstance(account, Account) or not account.is_active:
        return AT_LOGIN
    return EVERYBODY if account.is_staff else Sight(account.tenant_id)


def acting_as(account: Any) -> contextlib.AbstractContextManager[None]:
    """Statements in the block see what `account` may."""
    return identity.acting_as(sight_of(account))


def known(request: HttpRequest) -> Any:
    """The request's user if somebody asked for it already, else None; asks no database itself."""
    user = request.__dict__.get("user")
    if issubclass(type(user), LazyObject):
        found = user.__dict__["_wrapped"]
        return None if found is empty else found
    return user
