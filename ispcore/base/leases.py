"""Who may run a job for a slot of time, and the signs of life of our processes."""

import os
import socket
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from ispcore.base import clock
from ispcore.base.models import Heartbeat, JobLease

KEEP = timedelta(days=2)


def slot_start(at: datetime, period_s: int) -> datetime:
    """The start of the period that `at` falls in, on a grid that begins at the epoch."""
    return datetime.fromtimestamp(int(at.timestamp()) // period_s * period_s, tz=at.tzinfo)


def take(job: str, *, slot: datetime, ttl_s: float) -> JobLease | None:
    """The lease for (job, slot), or None when it is finished or somebody else holds it."""
    now = clock.now()
    expires_at = now + timedelta(seconds=ttl_s)
    fresh = {"owner": _me(), "taken_at": now, "expires_at": expires_at}
    try:
        with transaction.atomic():
            return JobLease.objects.create(job=job, slot=slot, **fresh)
    except IntegrityError:
        lapsed = JobLease.objects.filter(
            Q(job=job, slot=slot, finished_at=None, expires_at__lt=now)
        )
        return JobLease.objects.get(job=job, slot=slot) if lapsed.update(**fresh) else None


def finish(lease: JobLease, *, note: str = "") -> None:
    """Mark the run as done, unless the lease lapsed meanwhile and somebody else holds it."""
    held = JobLease.objects.filter(pk=lease.pk, owner=lease.owner, taken_at=lease.taken_at)
    held.update(finished_at=clock.now(), note=note[:200])


def forget() -> int:
    """Delete leases of more than two days ago; returns how many."""
    deleted, _ = JobLease.objects.filter(slot__lt=clock.now() - KEEP).delete()
    return deleted


def beat(name: str, *, started_at: datetime, note: str = "") -> None:
    """Write the sign of life of this process."""
    values = {
        "host": socket.gethostname()[:120],
        "pid": os.getpid(),
        "started_at": started_at,
        "beat_at": clock.now(),
        "note": note[:200],
    }
    Heartbeat.objects.update_or_create(name=name, defaults=values)


def _me() -> str:
    return f"{socket.gethostname()[:80]}:{os.getpid()}"
