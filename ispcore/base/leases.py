"""Who may run a job for a slot of time, which daemon does its work, and signs of life."""

import logging
import os
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from ispcore.base import clock
from ispcore.base.models import Heartbeat, JobLease

KEEP = timedelta(days=2)
STANDING = datetime(1970, 1, 1, tzinfo=UTC)  # the slot of a lease that is for no period of time
logger = logging.getLogger(__name__)


def slot_start(at: datetime, period_s: int) -> datetime:
    """The start of the period that `at` falls in, on a grid that begins at the epoch."""
    return datetime.fromtimestamp(int(at.timestamp()) // period_s * period_s, tz=at.tzinfo)


def take(job: str, *, slot: datetime, ttl_s: float) -> JobLease | None:
    """The lease for (job, slot), or None when it is finished or somebody else holds it."""
    now = clock.now()
    expires_at = now + timedelta(seconds=ttl_s)
    fresh = {"owner": me(), "taken_at": now, "expires_at": expires_at}
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


def hold(name: str, *, ttl_s: float) -> bool:
    """Take or prolong the standing lease of a daemon; False while another process holds it.

    Ask well within `ttl_s` of the last time: a holder that does not loses the lease to the first
    that asks. Of several that ask at once the database lets one win.
    """
    now, owner = clock.now(), me()
    expires_at = now + timedelta(seconds=ttl_s)
    row = JobLease.objects.filter(job=name, slot=STANDING)
    if row.filter(owner=owner).update(expires_at=expires_at):
        return True
    fresh = {"owner": owner, "taken_at": now, "expires_at": expires_at}
    taken = bool(row.filter(expires_at__lt=now).update(**fresh))
    if not taken and not row.exists():
        _, taken = JobLease.objects.get_or_create(job=name, slot=STANDING, defaults=fresh)
    if taken:
        logger.info("%s: this process (%s) does it from now on", name, owner)
    return taken


def let_go(name: str) -> None:
    """End our standing lease, so that nobody waits for it to lapse. Nothing if it is not ours."""
    ours = JobLease.objects.filter(job=name, slot=STANDING, owner=me())
    ours.update(expires_at=STANDING)


def forget() -> int:
    """Delete leases of slots more than two days ago; returns how many. Standing ones stay."""
    of_slots = JobLease.objects.exclude(slot=STANDING)
    deleted, _ = of_slots.filter(slot__lt=clock.now() - KEEP).delete()
    return deleted


def beat(name: str, *, started_at: datetime, note: str = "") -> None:
    """Write the sign of life of this process."""
    values = {
        "host": settings.NODE,
        "pid": os.getpid(),
        "started_at": started_at,
        "beat_at": clock.now(),
        "note": note[:200],
    }
    Heartbeat.objects.update_or_create(name=name, defaults=values)


def me() -> str:
    """This process, as leases and members name it."""
    return f"{settings.NODE}:{os.getpid()}"
