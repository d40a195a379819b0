"""Forgetting the audit log's oldest entries, whole days at a time and in small bites."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from ispcore.base import audit, clock
from ispcore.base.append_only import SETTING
from ispcore.base.audit import Actor
from ispcore.base.models import AuditEntry
from ispcore.base.rls import identity

BY = Actor("retention", kind=AuditEntry.Kind.JOB)
BITE = 5_000  # rows of one transaction


def forget() -> int:
    """Delete entries from before the day that was AUDIT_KEEP_DAYS ago; returns how many.

    That they were is an entry too, so that a log that begins late says why.
    """
    before = clock.day_start(clock.isp_date(clock.now() - timedelta(days=settings.AUDIT_KEEP_DAYS)))
    forgotten = 0
    while bite := _bite(before):
        forgotten += bite
    if forgotten:
        with transaction.atomic():
            kept = {"entries": forgotten, "before": before.isoformat()}
            audit.record_about(
                "forget", "audit log", object_kind="base.auditentry", by=BY, new=kept
            )
    return forgotten


@identity.acting_for_all()
def _bite(before: datetime) -> int:
    """The oldest of them. Raw SQL: Django's own way to delete reads all rows first."""
    until = connection.ops.adapt_datetimefield_value(before)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SET LOCAL {SETTING} = 'on'")
        cursor.execute(
            "DELETE FROM audit_log WHERE id IN "
            "(SELECT id FROM audit_log WHERE at < %s ORDER BY at, id LIMIT %s)",
            [until, BITE],
        )
        return int(cursor.rowcount)
