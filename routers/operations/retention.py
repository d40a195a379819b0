"""Forget what routers said longer ago than it is useful; in small bites, so that nobody waits.

Samples of interfaces are a series: ispcore.base.timeseries.retention forgets those.
"""

from datetime import timedelta

from ispcore.base import clock
from ispcore.base.timeseries.retention import delete_in_bites
from routers.models import Poll

KEEP_POLLS = timedelta(days=7)


def forget() -> int:
    """Delete polls of more than a week ago; returns how many."""
    return delete_in_bites(Poll._meta.db_table, "at", clock.now() - KEEP_POLLS)
