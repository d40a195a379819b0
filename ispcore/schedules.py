"""The one list of what runs in the background and how often, kept in step with django-q.

django-q counts in whole minutes (Schedule.MINUTES) and looks for due work every 30 s, so a job
starts up to 30 s after its time and `every_s` is a multiple of 60; what must be faster is done by
a daemon (`manage.py watch`), and so is what must go on without a database (`manage.py collector`).
A schedule without a cluster would run on the default cluster only, therefore
every row names one. `timeout_s` stays below Q_CLUSTER's `retry`, else a job would run twice.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string
from django_q.models import Schedule
from django_q.tasks import async_task

from ispcore.base import clock, leases, lost_jobs
from ispcore.base.models import Heartbeat, JobLease

DEFAULT = "default"
BEAT_SLACK_S = 60  # of a cluster's sign of life, which comes four times as often
JOB_LEASE = "job "  # before the job's name
RUN = "ispcore.schedules.run"
STEP_S = 120  # clocks of hosts may differ by less; a time further ahead is of before a step back
LEASE_SLACK_S = 10  # for a job that ends at its time-out to say so


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """One scheduled function (dotted name, text arguments) with its cluster and period."""

    name: str
    every_s: int
    cluster: str
    timeout_s: int
    function: str
    args: tuple[str, ...] = ()
    at_start: str = ""  # a function to queue once when the portal starts, not 30 s later


class NotWholeMinutes(ValueError):
    """django-q cannot run a job every so many seconds."""


def jobs() -> list[Job]:
    """All jobs, with the clusters of this set-up."""
    listed = [
        Job(
            "check routers",
            300,
            "collect",
            120,
            "routers.tasks.check_routers",
            at_start="routers.tasks.check_routers",
        ),
        Job("discover", 3600, "collect", 180, "routers.tasks.discover"),
        Job("evaluate", 60, DEFAULT, 55, "resellers.tasks.evaluate"),
        Job("roll up", 300, DEFAULT, 120, "resellers.tasks.roll_up"),
        Job(
            "tidy series",
            3600,
            DEFAULT,
            120,
            "ispcore.base.tasks.tidy_series",
            at_start="ispcore.base.tasks.tidy_series",
        ),
        Job("tidy", 3600, DEFAULT, 120, "ispcore.base.tasks.tidy"),
        Job("tidy journal", 3600, "provision", 120, "ispcore.base.tasks.tidy_journal"),
        Job("tidy logins", 3600, DEFAULT, 120, "ispcore.accounts.tasks.tidy"),
        Job("quiet alerts", 600, DEFAULT, 60, "monitoring.tasks.resolve_quiet"),
        Job("turn periods", 60, "provision", 55, "subscribers.tasks.turn_periods"),
        Job("read passwords", 3600, "provision", 120, "subscribers.tasks.look_for_unreadable"),
        Job("tidy answers", 600, "provision", 120, "radius.tasks.tidy_answers"),
        Job("tidy routers", 3600, DEFAULT, 120, "routers.tasks.tidy"),
    ]
    if settings.DEMO:  # no router reports on its sessions
        listed.append(Job("demo sessions", 240, DEFAULT, 60, "ispcore.demo.tasks.report"))
    if settings.EMBEDDED:
        listed = [_on(job, DEFAULT) for job in listed]
    return listed


def clusters() -> list[str]:
    """The job clusters that run in this set-up: one in all in the embedded default."""
    return [DEFAULT] if settings.EMBEDDED else list(settings.CLUSTERS)


def heartbeat_name(cluster: str) -> str:
    return f"jobs {cluster}"


def stale_after_s(cluster: str) -> int:
    """How old a cluster's heartbeat may be: long jobs on all its workers hold up the next."""
    return BEAT_SLACK_S + max(
        (job.timeout_s for job in jobs() if job.cluster == cluster), default=0
    )


def run(name: str, *, due_at: str) -> str:
    """What django-q calls: do the job `name` that was due at `due_at` (ISO), at most once.

    `due_at` is the start of the period that it is for. After that period it is dropped, since the
    next one is due; a queue that stood still would else do all of them in a row.
    """
    job = next((job for job in jobs() if job.name == name), None)
    if job is None:
        return f"{name}: no such job any more"
    slot = datetime.fromisoformat(due_at)
    late_s = (clock.now() - slot).total_seconds()
    if late_s > job.every_s:
        why = f"dropped: {late_s:.0f} s late, and it comes every {job.every_s} s"
        lost_jobs.record(job.name, function=job.function, cluster=job.cluster, why=why)
        return why
    lease = leases.take(f"{JOB_LEASE}{name}", slot=slot, ttl_s=job.timeout_s + LEASE_SLACK_S)
    if lease is None:
        return "done already, or being done"
    note = "failed"
    try:
        note = str(import_string(job.function)(*job.args))
    finally:
        leases.finish(lease, note=note)
    return note


def sync() -> list[str]:
    """Bring django-q's schedules in line with `jobs()`; returns what was done, one line each.

    Raises ImportError for a function that cannot be imported, NotWholeMinutes for a period.
    """
    wanted = {job.name: job for job in jobs()}
    for job in wanted.values():
        for function in filter(None, (job.function, job.at_start)):
            import_string(function)
        if job.every_s <= 0 or job.every_s % 60:
            raise NotWholeMinutes(f"{job.name}: {job.every_s} s is not a number of whole minutes")
    done = []
    with transaction.atomic():
        present = {row.name: row for row in Schedule.objects.select_for_update()}
        for name in sorted(present.keys() - wanted.keys(), key=str):
            present[name].delete()
            done.append(f"removed {name}")
        done += [line for job in wanted.values() if (line := _put(job, present.get(job.name)))]
        _forget_heartbeats()
    return done


def mend(cluster: str) -> int:
    """After our clock was set back: bring what is due too far ahead into the present, and forget
    the periods to come as done. Returns how many schedules were moved.

    django-q would else do nothing for as long as the clock went back.
    """
    now, moved = clock.now(), 0
    for job in jobs():
        if job.cluster == cluster:
            ahead = now + timedelta(seconds=job.every_s + STEP_S)
            rows = Schedule.objects.filter(name=job.name, next_run__gt=ahead)
            moved += rows.update(next_run=next_on_grid(now, job.every_s))
    if moved:
        to_come = JobLease.objects.filter(slot__gt=now + timedelta(seconds=STEP_S))
        to_come.filter(job__startswith=JOB_LEASE).delete()
        logger.warning("jobs %s: the clock was set back; what is due is due now", cluster)
    return moved


def start_now() -> None:
    """Queue what should not wait for the scheduler's first look, 30 s after the start.

    Each start of a node does so: it is no job of a period, and holds no lease.
    """
    for job in jobs():
        if job.at_start:
            options = {"cluster": job.cluster, "timeout": job.timeout_s, "group": job.name}
            async_task(job.at_start, *job.args, q_options=options)


def next_on_grid(at: datetime, every_s: int) -> datetime:
    """The first instant of the period's grid (from the epoch) that is later than `at`."""
    return leases.slot_start(at, every_s) + timedelta(seconds=every_s)


def _forget_heartbeats() -> None:
    """Of clusters that do not run here in this set-up: they would look dead."""
    beating = [heartbeat_name(cluster) for cluster in clusters()]
    ours = Heartbeat.objects.filter(node=settings.NODE)
    of_clusters = ours.filter(name__startswith=heartbeat_name(""))
    of_clusters.exclude(name__in=beating).delete()


def _put(job: Job, row: Schedule | None) -> str:
    values = {
        "func": RUN,
        "args": repr((job.name,)),
        "intended_date_kwarg": "due_at",
        "kwargs": repr({"q_options": {"timeout": job.timeout_s}}),
        "schedule_type": Schedule.MINUTES,
        "minutes": job.every_s // 60,
        "repeats": -1,
        "cluster": job.cluster,
    }
    if row is None:
        next_run = next_on_grid(clock.now(), job.every_s)
        Schedule.objects.create(name=job.name, next_run=next_run, **values)
        return f"added {job.name} (every {job.every_s} s)"
    now = clock.now()
    if all(getattr(row, field) == value for field, value in values.items()):
        if row.next_run + timedelta(seconds=job.every_s) < now:
            # while nobody ran the portal: what is due now is the period we are in
            row.next_run = leases.slot_start(now, job.every_s)
            row.save(update_fields=["next_run"])
        return ""
    moved = row.minutes != values["minutes"]
    for field, value in values.items():
        setattr(row, field, value)
    if moved:
        row.next_run = next_on_grid(now, job.every_s)
    row.save()
    return f"changed {job.name} (every {job.every_s} s)"


def _on(job: Job, cluster: str) -> Job:
    return Job(job.name, job.every_s, cluster, job.timeout_s, job.function, job.args, job.at_start)
