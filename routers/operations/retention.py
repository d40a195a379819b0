"""Forget what routers said longer ago than it is useful; in small bites, so that nobody waits."""

from datetime import timedelta

from ispcore.base import clock
from routers.models import InterfaceUsage, Poll

KEEP_POLLS = timedelta(days=7)
KEEP_INTERFACE_USAGE = timedelta(days=7)


def forget() -> int:
    """Delete polls and interface samples of more than a week ago; returns how many."""
    now = clock.now()
    polls, _ = Poll.objects.filter(at__lt=now - KEEP_POLLS).delete()
    samples, _ = InterfaceUsage.objects.filter(bucket__lt=now - KEEP_INTERFACE_USAGE).delete()
    return polls + samples
