"""Forget what routers said longer ago than it is useful; in small bites, so that nobody waits.

Samples of interfaces are a series: ispcore.base.timeseries.retention forgets those.
"""

from datetime import datetime, timedelta

from django.db import transaction

from ispcore.base import clock
from ispcore.base.timeseries.retention import delete_in_bites
from monitoring.operations import rules
from routers.models import Collector, InterfaceChange, Poll, Uplink
from routers.operations import collector_report, uplink

Kind = InterfaceChange.Kind
KEEP_POLLS = timedelta(days=7)
KEEP_COLLECTORS = timedelta(days=7)  # that were silent
KEEP_UPLINKS = timedelta(days=1)  # that are gone, of a watch that looks at them no more
KEEP_CHANGES = timedelta(days=90)  # of interfaces; what nobody has answered yet stays


def forget() -> int:
    """Delete polls of more than a week ago, changes of interfaces of more than 90 days, and
    collectors and watches that left; returns how many rows."""
    now = clock.now()
    polls = delete_in_bites(Poll._meta.db_table, "at", now - KEEP_POLLS)
    settled = InterfaceChange.objects.exclude(kind=Kind.RENAMED, resolved_at=None)
    changes, _ = settled.filter(at__lt=now - KEEP_CHANGES).delete()
    return polls + changes + _forget_collectors(now) + _forget_uplinks(now)


def _forget_collectors(now: datetime) -> int:
    gone = list(Collector.objects.filter(seen_at__lt=now - KEEP_COLLECTORS))
    for row in gone:
        with transaction.atomic():
            rules.withdraw(collector_report.subject_of(row), why="This host collects no more")
            row.delete()
    return len(gone)


def _forget_uplinks(now: datetime) -> int:
    lost = Uplink.objects.filter(gone_since__isnull=False, checked_at__lt=now - KEEP_UPLINKS)
    rows = list(lost)
    for row in rows:
        with transaction.atomic():
            rules.withdraw(uplink.subject_of(row), why="This host watches no more")
            row.delete()
    return len(rows)
