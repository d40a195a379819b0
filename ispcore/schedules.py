"""The one list of what runs in the background and how often, kept in step with django-q.

django-q counts in whole minutes (Schedule.MINUTES) and looks for due work every 30 s, so a job
starts up to 30 s after its time and `every_s` is a multiple of 60; what must be faster is done by
`manage.py watch`. A schedule without a cluster would run on the default cluster only, therefore
every row names one. `timeout_s` stays below Q_CLUSTER's `retry`, else a job would run twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string
from django_q.models import Schedule
from django_q.tasks import async_task

from ispcore.base import clock, leases
from ispcore.base.models import Heartbeat

DEFAULT = "default"
BEAT_EVERY_S = 60
# a beat may be this late without harm: its period, the scheduler's tick, and some queueing
BEAT_SLACK_S = BEAT_EVERY_S + 30 + 30


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
    period_s = settings.COLLECT_PERIOD_S
    collect_timeout_s = min(max(period_s - 5, 55), 150)
    listed = [
        Job(
            "collect",
            period_s,
            "collect",
            collect_timeout_s,
            "routers.tasks.collect",
            at_start="routers.tasks.collect_at_start",
        ),
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
        Job("tidy routers", 3600, DEFAULT, 120, "routers.tasks.tidy"),
    ]
    beats = [
        Job(
            f"beat {name}",
            BEAT_EVERY_S,
            name,
            20,
            "ispcore.schedules.beat",
            (name,),
            at_start="ispcore.schedules.beat",
        )
        for name in clusters()
    ]
    if settings.EMBEDDED:
        listed = [_on(job, DEFAULT) for job in listed]
    return listed + beats


def clusters() -> list[str]:
    """The job clusters that run in this set-up: one in all in the embedded default."""
    return [DEFAULT] if settings.EMBEDDED else list(settings.CLUSTERS)


def beat(cluster: str) -> None:
    """The heartbeat of a cluster: that it runs shows scheduler, queue and a worker alive."""
    leases.beat(heartbeat_name(cluster), started_at=clock.now())


def heartbeat_name(cluster: str) -> str:
    return f"jobs {cluster}"


def stale_after_s(cluster: str) -> int:
    """How old a cluster's heartbeat may be: its longest job may hold up the beat behind it."""
    return BEAT_SLACK_S + max(job.timeout_s for job in jobs() if job.cluster == cluster)


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


def start_now() -> None:
    """Queue what should not wait for the scheduler's first look, 30 s after the start."""
    for job in jobs():
        if job.at_start:
            options = {"cluster": job.cluster, "timeout": job.timeout_s, "group": job.name}
            async_task(job.at_start, *job.args, q_options=options)


def next_on_grid(at: datetime, every_s: int) -> datetime:
    """The first instant of the period's grid (from the epoch) that is later than `at`."""
    return leases.slot_start(at, every_s) + timedelta(seconds=every_s)


def _forget_heartbeats() -> None:
    """Of clusters that do not run in this set-up: they would look dead for ever."""
    beating = [heartbeat_name(cluster) for cluster in clusters()]
    of_clusters = Heartbeat.objects.filter(name__startswith=heartbeat_name(""))
    of_clusters.exclude(name__in=beating).delete()


def _put(job: Job, row: Schedule | None) -> str:
    values = {
        "func": job.function,
        "args": repr(job.args) if job.args else None,
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
    if all(getattr(row, field) == value for field, value in values.items()):
        return ""
    moved = row.minutes != values["minutes"]
    for field, value in values.items():
        setattr(row, field, value)
    if moved:
        row.next_run = next_on_grid(clock.now(), job.every_s)
    row.save()
    return f"changed {job.name} (every {job.every_s} s)"


def _on(job: Job, cluster: str) -> Job:
    return Job(job.name, job.every_s, cluster, job.timeout_s, job.function, job.args, job.at_start)
