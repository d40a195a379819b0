"""Forget what routers said longer ago than it is useful; in small bites, so that nobody waits."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Min, QuerySet

from ispcore.base import clock
from routers.models import InterfaceChange, InterfaceUsage, Poll

Kind = InterfaceChange.Kind
BITE = timedelta(hours=1)
KEEP_POLLS = timedelta(days=7)
KEEP_INTERFACE_USAGE = timedelta(days=7)
KEEP_CHANGES = timedelta(days=90)  # of interfaces; what nobody has answered yet stays


def forget() -> int:
    """Delete polls and interface samples of more than a week ago, and changes of interfaces of
    more than 90 days; returns how many rows."""
    now = clock.now()
    polls = _forget(Poll.objects.all(), "at", now - KEEP_POLLS)
    samples = _forget(InterfaceUsage.objects.all(), "bucket", now - KEEP_INTERFACE_USAGE)
    settled = InterfaceChange.objects.exclude(kind=Kind.RENAMED, resolved_at=None)
    return polls + samples + _forget(settled, "at", now - KEEP_CHANGES)


def _forget(rows: QuerySet[Any], column: str, before: datetime) -> int:
    """An hour of rows at a time, oldest first."""
    deleted = 0
    while (oldest := rows.aggregate(at=Min(column))["at"]) is not None and oldest < before:
        until = min(oldest + BITE, before)
        count, _ = rows.filter(**{f"{column}__lt": until}).delete()
        deleted += count
    return deleted
