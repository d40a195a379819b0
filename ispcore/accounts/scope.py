"""Which rows an account sees. The one place that decides it: admin, API, queries and sockets ask."""

from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, QuerySet

from ispcore.accounts.models import Account

Row = TypeVar("Row", bound=Model)


def visible(rows: QuerySet[Row], account: Account | AnonymousUser | Any) -> QuerySet[Row]:
    """`rows` cut to what `account` may see.

    Staff see all. Everybody else sees the rows of one tenant, found through the model's
    `tenant_path`; a model that names no path shows a tenant nothing. Anonymous sees nothing.
    """
    if not isinstance(account, Account) or not account.is_active:
        return rows.none()
    if account.is_staff:
        return rows
    path = getattr(rows.model, "tenant_path", None)
    return rows.filter(**{path: account.tenant_id}) if path else rows.none()
