"""Forget what routers said longer ago than it is useful; in small bites, so that nobody waits."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Min, QuerySet

from ispcore.base import clock
from routers.models import InterfaceUsage, Poll

BITE = timedelta(hours=1)
KEEP_POLLS = timedelta(days=7)
KEEP_INTERFACE_USAGE = timedelta(days=7)


def forget() -> int:
    """Delete polls and interface samples of more than a week ago; returns how many."""
    now = clock.now()
    polls = _forget(Poll.objects.all(), "at", now - KEEP_POLLS)
    samples = _forget(InterfaceUsage.objects.all(), "bucket", now - KEEP_INTERFACE_USAGE)
    return polls + samples


def _forget(rows: QuerySet[Any], column: str, before: datetime) -> int:
    """An hour of rows at a time, oldest first."""
    deleted = 0
    while (oldest := rows.aggregate(at=Min(column))["at"]) is not None and oldest < before:
        until = min(oldest + BITE, before)
        count, _ = rows.filter(**{f"{column}__lt": until}).delete()
        deleted += count
    return deleted
