"""Forget what routers said longer ago than it is useful; in small bites, so that nobody waits.

Samples of interfaces are a series: ispcore.base.timeseries.retention forgets those.
"""

from datetime import timedelta

from ispcore.base import clock
from ispcore.base.timeseries.retention import delete_in_bites
from routers.models import InterfaceChange, Poll

Kind = InterfaceChange.Kind
KEEP_POLLS = timedelta(days=7)
KEEP_CHANGES = timedelta(days=90)  # of interfaces; what nobody has answered yet stays


def forget() -> int:
    """Delete polls of more than a week ago, and changes of interfaces of more than 90 days;
    returns how many rows."""
    now = clock.now()
    polls = delete_in_bites(Poll._meta.db_table, "at", now - KEEP_POLLS)
    settled = InterfaceChange.objects.exclude(kind=Kind.RENAMED, resolved_at=None)
    changes, _ = settled.filter(at__lt=now - KEEP_CHANGES).delete()
    return polls + changes
