"""Which rows an account sees. The one place that decides it: admin, API, queries and sockets ask.

A model says by class attributes whose its rows are and what they hang on:
- `tenant_path`: the lookup that leads to its tenant;
- `grant_paths`: {kind of object: lookup that leads to it}, for accounts narrowed to chosen objects;
  a model whose own label is a key can be granted itself;
- `grant_subject`: (column with a kind, column with an id) where it is about any object;
- `grant_through`: the foreign key to the row with which it is seen;
- `is_reference`: True for what all staff see, as plans; narrowed accounts read it, no more.
"""

from collections.abc import Iterator
from typing import Any, TypeVar

from django import forms
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from ispcore.accounts.models import Account, Grant
from ispcore.accounts.roles import May
from ispcore.base.remembered import Remembered

Row = TypeVar("Row", bound=Model)


def visible(rows: QuerySet[Row], account: Account | AnonymousUser | Any) -> QuerySet[Row]:
    """`rows` cut to what `account` may see, in the same query.

    Staff see all. Everybody else sees the rows of one tenant, found through the model's
    `tenant_path`; a model that names no path shows a tenant nothing. An account that is narrowed
    sees of these only what it was granted and what hangs on that. Anonymous sees nothing, nor does
    an account whose role may not see.
    """
    if not isinstance(account, Account) or not account.may(May.VIEW):
        return rows.none()
    if not account.is_staff:
        path = getattr(rows.model, "tenant_path", None)
        rows = rows.filter(**{path: account.tenant_id}) if path else rows.none()
    return granted(rows, account) if account.is_narrowed else rows


def granted(rows: QuerySet[Row], account: Account) -> QuerySet[Row]:
    """`rows` cut to what `account` was granted and what hangs on it."""
    model = rows.model
    if getattr(model, "is_reference", False):
        return rows
    through = getattr(model, "grant_through", None)
    if through is not None:
        parent: Any = model._meta.get_field(through).related_model
        seen = granted(parent._default_manager.order_by(), account)
        return rows.filter(**{f"{through}__in": seen.values("pk")})
    fits = [*_by_path(model, account), *_by_subject(model, account)]
    if not fits:
        return rows.none()
    either = Q()
    for each in fits:
        either |= each
    return rows.filter(either)


def grantable() -> list[type[Model]]:
    """The models whose rows can be granted."""
    models = apps.get_models()
    return [m for m in models if m._meta.label_lower in getattr(m, "grant_paths", {})]


def is_within_grants(label: str, action: str) -> bool:
    """Whether a narrowed account may do anything of this kind to rows of a model at all.

    It makes no new objects of a kind that is granted one by one, and edits nothing shared.
    """
    try:
        model = apps.get_model(label)
    except (LookupError, ValueError):
        return False
    if getattr(model, "is_reference", False):
        return action == "view"
    if action == "add" and model in grantable():
        return False
    return any(hasattr(model, each) for each in ("grant_paths", "grant_subject", "grant_through"))


def narrow(form: forms.BaseForm, account: Account) -> None:
    """Cut every choice of a row in `form` to what `account` sees; what a row has already may stay."""
    if account.sees_all:
        return
    row = getattr(form, "instance", None)
    for name, field in form.fields.items():
        if isinstance(field, forms.ModelChoiceField):
            offered: Any = field.queryset
            rows = offered.model._default_manager
            seen = visible(rows.order_by(), account).values("pk")
            offered = offered.filter(pk__in=seen)
            if present := getattr(row, f"{name}_id", None):
                own = offered.order_by().values("pk")
                offered = rows.filter(Q(pk__in=own) | Q(pk=present))
            field.queryset = offered


def _by_path(model: type[Model], account: Account) -> Iterator[Q]:
    for kind, path in getattr(model, "grant_paths", {}).items():
        ids = Grant.objects.filter(account=account, kind=kind).order_by().values("object_id")
        yield Q(**{f"{path}__in": ids})


def _by_subject(model: type[Model], account: Account) -> Iterator[Q]:
    """What is about a granted object, or about something that hangs on one."""
    columns = getattr(model, "grant_subject", None)
    if columns is None:
        return
    kind, pk = columns
    yield Q(
        Exists(Grant.objects.filter(account=account, kind=OuterRef(kind), object_id=OuterRef(pk)))
    )
    for subject in apps.get_models():
        if getattr(subject, "is_alert_subject", False):
            seen = granted(subject._default_manager.order_by(), account)
            yield Q(**{kind: subject._meta.label_lower, f"{pk}__in": seen.values("pk")})


def _narrowed() -> list[int]:
    rows = Account.objects.filter(is_narrowed=True, is_active=True)
    return list(rows.order_by().values_list("pk", flat=True))


_narrowed_ids = Remembered(_narrowed)


def narrowed_ids() -> list[int]:
    """The accounts that see chosen objects only, as this process knows them."""
    return _narrowed_ids.get()


def forget_narrowed() -> None:
    """Grants have changed: the next `narrowed_ids` reads."""
    _narrowed_ids.forget()
