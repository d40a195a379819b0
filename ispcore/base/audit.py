"""The record of changes: every operation writes its entry inside its own transaction."""

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, models

from ispcore.base.models import AuditEntry
from ispcore.base.rls import identity
from ispcore.base.secrets import SecretField

SECRET = "(secret)"  # noqa: S105 - what the log shows in place of one


@dataclass(frozen=True, slots=True)
class Origin:
    """From where a change comes: the surface, and the address of a request."""

    surface: str = "command"
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change: a person (with id) or a job or command (without)."""

    name: str
    account_id: int | None = None


class _Hidden(str):
    """Shown as SECRET wherever it goes; equal only to the same secret, so that a change is seen."""

    _clear: str

    def __new__(cls, clear: str) -> "_Hidden":
        made = super().__new__(cls, SECRET)
        made._clear = clear
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hidden) and self._clear == other._clear

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


_origin: ContextVar[Origin] = ContextVar("audit_origin", default=Origin())  # noqa: B039 - frozen


class NotInTransaction(RuntimeError):
    """An audit entry outside the change's transaction could outlive a change that failed."""


@contextlib.contextmanager
def coming_from(surface: str, *, address: str | None = None) -> Iterator[None]:
    """Mark all changes made inside the block with their origin."""
    token = _origin.set(Origin(surface, address))
    try:
        yield
    finally:
        _origin.reset(token)


def snapshot(row: models.Model) -> dict[str, Any]:
    """The row's columns as the log shows them; secrets only as present or absent.

    Two snapshots with different secrets differ, though both show the same word.
    """
    return {
        field.attname: _shown(field, getattr(row, field.attname))
        for field in row._meta.concrete_fields
        if field.name not in {"created_at", "updated_at", "password", "last_login"}
    }


@identity.acting_for_all()  # the record is the portal's, whoever acts
def record(
    action: str,
    subject: models.Model,
    *,
    by: Actor,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    tenant_id: int | None = None,
    reason: str = "",
) -> AuditEntry:
    """Write one entry; `old` and `new` are cut to what differs. Raises NotInTransaction."""
    if not connection.in_atomic_block:
        raise NotInTransaction(action)
    before, after = _difference(old or {}, new or {})
    origin = _origin.get()
    return AuditEntry.objects.create(
        actor_id=by.account_id,
        actor=by.name[:150],
        surface=origin.surface,
        address=origin.address,
        action=action,
        object_kind=subject._meta.label_lower,
        object_id=str(subject.pk),
        object_name=str(subject)[:200],
        tenant_id=tenant_id,
        old=before,
        new=after,
        reason=reason,
    )


def _shown(field: "models.Field[Any, Any]", value: Any) -> Any:
    if isinstance(field, SecretField):
        return _Hidden(value) if value else ""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _difference(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Only what changed, when both sides are given."""
    if not old or not new:
        return dict(old), dict(new)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return {n: old.get(n) for n in names}, {n: new.get(n) for n in names}
