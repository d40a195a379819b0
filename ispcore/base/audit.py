"""The record of changes: every operation writes its entry inside its own transaction."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.db import connection, models

from ispcore.base import clock, request_ids, statements
from ispcore.base.audit_batches import Member, insert
from ispcore.base.audit_values import CHANGED, SECRET, differing, snapshot
from ispcore.base.audit_words import words_of
from ispcore.base.models import AuditEntry
from ispcore.base.rls import identity

Kind = AuditEntry.Kind
Values = Mapping[str, Any]
_KIND_OF_SURFACE = {"job": Kind.JOB, "command": Kind.COMMAND}


@dataclass(frozen=True, slots=True)
class Origin:
    """From where a change comes: the surface, the address of a request, its API token's name."""

    surface: str = ""  # none: that of the process
    address: str | None = None
    token: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change: a person (with id) or a job or command (without).

    `token` names the API token that an account came with. `kind` is found from the rest where it
    is not given: the account's a person's, or a token's; else what the surface is.
    """

    name: str
    account_id: int | None = None
    token: str = ""
    kind: str = ""


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


def came_with(token: str) -> None:
    """The rest of the block of `coming_from` is asked for with this API token (its name)."""
    _origin.set(replace(_origin.get(), token=token))


def record(
    action: str,
    subject: models.Model,
    *,
    by: Actor,
    old: Values | None = None,
    new: Values | None = None,
    tenant_id: int | None = None,
    reason: str = "",
) -> AuditEntry:
    """Write one entry; `old` and `new` are cut to what differs. Raises NotInTransaction."""
    _need_transaction(action)
    entry = _about(subject, AuditEntry(action=action, **_who(by)), old or {}, new or {})
    entry.tenant_id, entry.reason = tenant_id, reason
    return _saved(entry)


def record_batch(
    action: str,
    subjects: Iterable[models.Model],
    *,
    by: Actor,
    changes: Mapping[Any, tuple[Values, Values]] | None = None,
    scope: str = "",
    tenants: Mapping[Any, int | None] | None = None,
    reason: str = "",
) -> AuditEntry | None:
    """Write one entry for a change of many rows, and one for each of them that names it.

    `changes` has (old, new) by primary key, `scope` says in words what was chosen ("package Gold"),
    `tenants` whose each row is, by primary key, where that is not its own `tenant_id`. Returns the
    head; None where there were no rows, and then nothing is written. A few statements, however
    many rows there are. Raises NotInTransaction.
    """
    _need_transaction(action)
    rows = list(subjects)
    if not rows:
        return None
    who, kinds = _who(by), {row._meta.label_lower for row in rows}
    head = AuditEntry(action=action, **who, members=len(rows), reason=reason)
    head.object_kind = kinds.pop() if len(kinds) == 1 else ""
    head.object_name = scope[:200]
    owners = {_owner(row, tenants) for row in rows}
    head.tenant_id = owners.pop() if len(owners) == 1 else None
    _saved(head)
    members = []
    for row in rows:
        old, new = differing(row._meta.model, *(changes or {}).get(row.pk, ({}, {})))
        kind, key, owner = row._meta.label_lower, str(row.pk), _owner(row, tenants)
        members.append(Member(kind, key, str(row), owner, old, new))
    insert(head, members)
    return head


def record_about(
    action: str,
    what: str,
    *,
    object_kind: str,
    by: Actor,
    old: Values | None = None,
    new: Values | None = None,
    reason: str = "",
) -> AuditEntry:
    """As `record`, about what is no row: a setting, a whole table. Raises NotInTransaction."""
    _need_transaction(action)
    entry = AuditEntry(action=action, **_who(by), object_kind=object_kind, object_name=what[:200])
    entry.old, entry.new = differing(None, old or {}, new or {})
    entry.reason = reason
    return _saved(entry)


@identity.acting_for_all()  # the record is the portal's, whoever acts
def _saved(entry: AuditEntry) -> AuditEntry:
    entry.words = words_of(entry)
    statements.insert(entry)
    return entry


def _need_transaction(action: str) -> None:
    if not connection.in_atomic_block:
        raise NotInTransaction(action)


def _who(by: Actor) -> dict[str, Any]:
    origin = _origin.get()
    token = by.token or origin.token
    surface = origin.surface or ("command" if settings.PROCESS == "command" else "job")
    kind = by.kind or (Kind.TOKEN if token else Kind.PERSON if by.account_id else "")
    return {
        "at": clock.now(),
        "kind": kind or _KIND_OF_SURFACE.get(surface, Kind.SYSTEM),
        "actor_id": by.account_id,
        "actor": by.name[:150],
        "token": token[:100],
        "surface": surface,
        "address": origin.address,
        "request_id": request_ids.current(),
        "process": f"{settings.PROCESS} {settings.NODE}:{os.getpid()}"[:100],
    }


def _about(subject: models.Model, entry: AuditEntry, old: Values, new: Values) -> AuditEntry:
    entry.object_kind = subject._meta.label_lower
    entry.object_id = str(subject.pk)
    entry.object_name = str(subject)[:200]
    entry.old, entry.new = differing(subject._meta.model, old, new)
    return entry


def _owner(row: models.Model, tenants: Mapping[Any, int | None] | None) -> int | None:
    return (tenants or {}).get(row.pk, getattr(row, "tenant_id", None))


__all__ = [
    "CHANGED",
    "SECRET",
    "Actor",
    "NotInTransaction",
    "Origin",
    "came_with",
    "coming_from",
    "record",
    "record_about",
    "record_batch",
    "snapshot",
]
