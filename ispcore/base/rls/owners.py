"""Which rows are whose: read from each model's `tenant_path`, and said here of what has none.

A path goes through foreign keys, each of which leads to a model that is owned itself, with the
rest of the path as its own: `mapping__reseller__tenant` is a column `mapping_id`, and the mappings
of a tenant are those whose reseller is its.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models

READ, CHANGE, ADD = "SELECT", "UPDATE", "INSERT"
ALL_COMMANDS = (READ, ADD, CHANGE, "DELETE")

# owned tables of models that cannot say so themselves: other people's, and the audit log, whose
# rows staff see, and a tenant where they are of its own
OTHERS = {
    "base.auditentry": "tenant_id",
    "admin.logentry": "user__tenant",
    "account.emailaddress": "user__tenant",
    "mfa.authenticator": "user__tenant",
    "usersessions.usersession": "user__tenant",
    # seen by nobody but their own account, where the portal shows them at all
    "accounts.apilogin": "account__tenant",
    "accounts.apitoken": "account__tenant",
    "accounts.knownnetwork": "account__tenant",
}
# what is read, and here and there written, before it is known who logs in
AT_LOGIN: dict[str, tuple[str, ...]] = {
    "accounts.tenant": (READ,),
    "accounts.account": (READ, CHANGE),
    "account.emailaddress": ALL_COMMANDS,
    "mfa.authenticator": ALL_COMMANDS,
    "usersessions.usersession": ALL_COMMANDS,
    # a refresh token or an API token names its account; a password that is reset ends API logins
    "accounts.apilogin": (READ, CHANGE),
    "accounts.apitoken": (READ, CHANGE),
    "accounts.knownnetwork": (READ,),
}
# tables that are nobody's: what everybody may do there, whoever they are; all else is for staff
SHARED: dict[str, tuple[str, ...]] = {
    # found by a secret or a hash, before anybody is known
    "sessions.session": ALL_COMMANDS,
    "accounts.liveticket": ALL_COMMANDS,
    "accounts.loginbrake": ALL_COMMANDS,
    "accounts.sharedcache": ALL_COMMANDS,
    # what pages and the API show, or go by
    "accounts.rolepermission": (READ,),
    "accounts.rolepolicy": (READ,),
    "contenttypes.contenttype": (READ,),
    "monitoring.rule": (READ,),
    "resellers.plan": (READ,),
    "routers.uplink": (READ,),
}
# what the web may do with a table, where it is not everything
RIGHTS = {
    "audit_log": (READ, ADD),
    "django_migrations": (READ,),
    "provisioning_journal": (READ, ADD, CHANGE),
    "sent_pages": (READ, ADD, CHANGE),
}


@dataclass(frozen=True, slots=True)
class Lent:
    """Rows that may be read, and not written, by whom a row of `through` leads to them."""

    through: str
    column: str


@dataclass(frozen=True, slots=True)
class Owned:
    """A table whose rows are tenants'. `column` holds the tenant, or the key of a row of `parent`."""

    table: str
    key: str
    column: str
    parent: str | None
    is_numerous: bool
    at_login: tuple[str, ...]
    lent: tuple[Lent, ...]


class NoSuchPath(ValueError):
    """A `tenant_path` that policies cannot follow."""


def all_owned() -> dict[str, Owned]:
    """Every owned table of the portal's own database, by name."""
    lent = _all_lent()
    found = (_owned(model, lent.get(model, [])) for model in apps.get_models() if path_of(model))
    return {owned.table: owned for owned in found}


def all_shared() -> dict[str, tuple[str, ...]]:
    """By name, every table that is nobody's: what everybody may do there."""
    models = apps.get_models(include_auto_created=True)
    found = {
        model._meta.db_table: SHARED.get(model._meta.label_lower, ())
        for model in models
        if not path_of(model) and not model._meta.proxy
    }
    return {table: commands for table, commands in found.items() if commands != ALL_COMMANDS}


def path_of(model: type[models.Model]) -> str:
    """The path to the tenant; empty where a model's rows are nobody's."""
    return getattr(model, "tenant_path", "") or OTHERS.get(model._meta.label_lower, "")


def _owned(model: type[models.Model], lent: list[Lent]) -> Owned:
    name, _, rest = path_of(model).partition("__")
    field = model._meta.get_field(name)
    parent = field.related_model if rest else None
    if parent is not None and (isinstance(parent, str) or path_of(parent) != rest):
        raise NoSuchPath(f"{model._meta.label}: {path_of(model)}: {name} does not lead to {rest}")
    label = model._meta.label_lower
    return Owned(
        table=model._meta.db_table,
        key=_key(model),
        column=_column(model, name),
        parent=None if parent is None else parent._meta.db_table,
        is_numerous=getattr(model, "is_numerous", False),
        at_login=getattr(model, "at_login", AT_LOGIN.get(label, ())),
        lent=tuple(lent),
    )


def _all_lent() -> dict[Any, list[Lent]]:
    """By model: its rows that a tenant reads since rows of its own lead there (`lends_tenant`)."""
    found = defaultdict(list)
    for model in apps.get_models():
        for name in getattr(model, "lends_tenant", ()):
            lent = Lent(model._meta.db_table, _column(model, name))
            found[model._meta.get_field(name).related_model].append(lent)
    return found


def _key(model: type[models.Model]) -> str:
    """The column of the primary key; empty where it is several, to which nothing refers."""
    return str(getattr(model._meta.pk, "column", None) or "")


def _column(model: type[models.Model], field: str) -> str:
    found: Any = model._meta.get_field(field)
    return str(found.column)
