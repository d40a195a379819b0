"""Who may run a job for a slot of time, and signs of life."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from ispcore.base import clock
from ispcore.base.models import Heartbeat, JobLease

KEEP = timedelta(days=2)
KEEP_SILENT = timedelta(days=1)  # so long is a process that vanished shown as gone
STALE_AFTER_S = 90
CLOCK_SLACK = timedelta(seconds=2)
STANDING = datetime(1970, 1, 1, tzinfo=UTC)  # the slot of a lease that is for no period of time


def slot_start(at: datetime, period_s: int) -> datetime:
    """The start of the period that `at` falls in, on a grid that begins at the epoch."""
    return datetime.fromtimestamp(int(at.timestamp()) // period_s * period_s, tz=at.tzinfo)


def take(job: str, *, slot: datetime, ttl_s: float) -> JobLease | None:
    """The lease for (job, slot), or None when it is finished or somebody else holds it.

    One that has lapsed is taken over, and so is one of a process of this node that died.
    """
    now = clock.now()
    expires_at = now + timedelta(seconds=ttl_s)
    fresh = {"owner": me(), "taken_at": now, "expires_at": expires_at}
    try:
        with transaction.atomic():
            return JobLease.objects.create(job=job, slot=slot, **fresh)
    except IntegrityError:
        held = JobLease.objects.filter(job=job, slot=slot, finished_at=None).first()
        if held is None or not _is_free(held, now) or not _as_it_was(held).update(**fresh):
            return None
        return JobLease.objects.get(pk=held.pk)


def finish(lease: JobLease, *, note: str = "") -> None:
    """Mark the run as done, unless the lease lapsed meanwhile and somebody else holds it."""
    held = JobLease.objects.filter(pk=lease.pk, owner=lease.owner, taken_at=lease.taken_at)
    held.update(finished_at=clock.now(), note=note[:200])


def forget() -> int:
    """Delete leases of slots more than two days ago; returns how many. Standing ones stay."""
    of_slots = JobLease.objects.exclude(slot=STANDING)
    deleted, _ = of_slots.filter(slot__lt=clock.now() - KEEP).delete()
    return deleted


def beat(
    name: str, *, started_at: datetime, note: str = "", stale_after_s: float = STALE_AFTER_S
) -> None:
    """Write the sign of life of this node's process `name`; silence is odd after `stale_after_s`."""
    row = Heartbeat(
        name=name,
        node=settings.NODE,
        pid=os.getpid(),
        started_at=started_at,
        beat_at=clock.now(),
        stale_after_s=round(stale_after_s),
        note=note[:200],
    )
    moved = ["pid", "started_at", "beat_at", "stale_after_s", "note"]
    Heartbeat.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["name", "node"], update_fields=moved
    )


def retire(name: str) -> None:
    """Take back our sign of life: this process ends because it was told to."""
    Heartbeat.objects.filter(name=name, node=settings.NODE).delete()


def forget_silent() -> int:
    """Delete signs of life of processes that vanished long ago; returns how many."""
    deleted, _ = Heartbeat.objects.filter(beat_at__lt=clock.now() - KEEP_SILENT).delete()
    return deleted


def me() -> str:
    """This process, as leases and members name it."""
    return f"{settings.NODE}:{os.getpid()}"


def is_gone(owner: str, *, since: datetime) -> bool:
    """Whether `owner` (see `me`), who was there at `since`, is of this node and runs no more.

    A process that has its number by now, and began later, is another one. Of the processes of
    other nodes nothing is known.
    """
    node, _, pid = owner.rpartition(":")
    if owner == me() or node != settings.NODE or not pid.isdecimal():
        return False
    began_at = _began_at(int(pid))
    return began_at is None or began_at > since + CLOCK_SLACK


def _is_free(lease: JobLease, now: datetime) -> bool:
    """Whether it lapsed, or its owner died here."""
    return lease.expires_at < now or is_gone(lease.owner, since=lease.taken_at)


def _as_it_was(lease: JobLease) -> QuerySet[JobLease]:
    """The row, unless somebody prolonged, finished or took it since it was looked at."""
    return JobLease.objects.filter(
        pk=lease.pk, owner=lease.owner, expires_at=lease.expires_at, finished_at=None
    )


def _began_at(pid: int) -> datetime | None:
    """When a process of this node began, within some tens of milliseconds; None: it runs no more."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    up_s = clock.uptime_s() - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return clock.now() - timedelta(seconds=up_s)
