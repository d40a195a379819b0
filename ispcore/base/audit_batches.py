"""The members of a batch, written by one statement: what they share is sent once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from ispcore.base.audit_words import words_of
from ispcore.base.models import AuditEntry
from ispcore.base.rls import identity

# the columns in which members of one batch differ, with their types on PostgreSQL
OWN = {
    "object_kind": "text",
    "object_id": "text",
    "object_name": "text",
    "tenant_id": "bigint",
    "old": "text",
    "new": "text",
    "words": "text",
}
_encode = DjangoJSONEncoder().encode


@dataclass(slots=True)
class Member:
    """One row of a batch; `words` is what all of the batch's entries are found by."""

    object_kind: str
    object_id: str
    object_name: str
    tenant_id: int | None
    old: dict[str, Any] = field(default_factory=dict)
    new: dict[str, Any] = field(default_factory=dict)

    def values(self, head: AuditEntry) -> tuple[Any, ...]:
        """In the order of OWN."""
        words = words_of(head, name=self.object_name, values=(self.old, self.new))
        return (
            *(self.object_kind, self.object_id, self.object_name[:200], self.tenant_id),
            *(_encode(self.old), _encode(self.new), words),
        )


@identity.acting_for_all()  # as audit.record: a batch may be of several tenants, or of none
def insert(head: AuditEntry, members: Sequence[Member]) -> None:
    """Write the members of a head that is stored. Must run in its transaction."""
    rows = [member.values(head) for member in members]
    if connection.vendor == "postgresql":
        _from_arrays(head, rows)
    else:
        _one_by_one(head, rows)


def _shared(head: AuditEntry) -> dict[str, tuple[str, Any]]:
    """Column: (type, value) of what all members have, the head's batch excepted."""
    shared: dict[str, tuple[str, Any]] = {}
    for each in AuditEntry._meta.concrete_fields:
        column = each.column or ""
        if each.primary_key or column in OWN:
            continue
        value = {"members": 0, "batch_id": head.pk}.get(column, getattr(head, each.attname))
        kind = each.rel_db_type(connection) if each.is_relation else each.db_type(connection)
        shared[column] = str(kind), each.get_db_prep_save(value, connection)
    return shared


def _from_arrays(head: AuditEntry, rows: Sequence[tuple[Any, ...]]) -> None:
    shared = _shared(head)
    names = ", ".join([*shared, *OWN])
    same = ", ".join(f"%s::{kind}" for kind, _ in shared.values())
    each = ", ".join(f"v.{name}::jsonb" if name in {"old", "new"} else f"v.{name}" for name in OWN)
    arrays = ", ".join(f"%s::{kind}[]" for kind in OWN.values())
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO audit_log ({names}) "  # noqa: S608 - names are the model's
            f"SELECT {same}, {each} FROM unnest({arrays}) AS v({', '.join(OWN)})",
            [*(value for _, value in shared.values()), *map(list, zip(*rows, strict=True))],
        )


def _one_by_one(head: AuditEntry, rows: Sequence[tuple[Any, ...]]) -> None:
    """SQLite prepares the statement once; Django's own way is a statement for each fifty."""
    shared = _shared(head)
    names = ", ".join([*shared, *OWN])
    marks = ", ".join(["%s"] * (len(shared) + len(OWN)))
    same = tuple(value for _, value in shared.values())
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO audit_log ({names}) VALUES ({marks})",  # noqa: S608
            [same + row for row in rows],
        )
