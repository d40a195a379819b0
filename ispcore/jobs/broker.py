"""The queue of jobs: django-q's table in our database, as `broker_class` of Q_CLUSTER.

Beyond django-q's own broker:

- Each node's cluster shows its own life. Its pusher puts a pulse among the jobs, a worker runs it,
  and when the monitor acknowledges it the heartbeat is written: so all of them work. A job in the
  table would not do, since any node's cluster may take it. No pulse comes while the guard, which
  also is the scheduler, stands still.
- A job that was begun is not begun without end: its tries are counted in its row.
- A database that is away ends no process.
"""

import logging
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from mmap import mmap
from typing import Any

from django.db import Error
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.signing import BadSignature, SignedPackage

from ispcore import schedules
from ispcore.base import clock, leases, lost_jobs

Package = dict[str, Any]

PULSE = -1  # stands for the row of a job where there is none
PULSE_EVERY_S = 15.0
GUARD_WITHIN_S = 45.0  # the guard comes round every second, but for its look at the schedules
AWAY_PAUSE_S = 2.0
log = logging.getLogger(__name__)


class Broker(ORM):  # type: ignore[misc] # django-q has no types
    """One queue. A cluster's is made by its guard, and forked into its pusher and monitor."""

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self._owner = leases.me()
        self._started_at = clock.now()
        # when the guard came round: memory that it shares with the processes it forks
        self._guarded_at_s = memoryview(mmap(-1, 8)).cast("d")
        self._pulse_due_s = 0.0
        self._beat_due_s = 0.0
        self._is_away = False
        self._unacknowledged: set[int] = set()

    def set_stat(self, key: str, value: str, timeout: int) -> Any:
        """Called by the guard each time it comes round."""
        self._guarded_at_s[0] = clock.monotonic_s()
        return super().set_stat(key, value, timeout)

    def dequeue(self) -> list[tuple[int, str]] | None:
        """Called by the pusher for ever: some jobs, or a pulse, or after a pause nothing."""
        if self._pulse_is_due():
            return [(PULSE, SignedPackage.dumps(pulse_job()))]
        try:
            found = self._due_rows()
            taken = [job for row in found if (job := self._taken(row))]
        except Error as error:
            self._told_away(error)
            time.sleep(AWAY_PAUSE_S)
            return None
        self._is_away = False
        if not found:
            time.sleep(Conf.POLL)
        return taken or None

    def acknowledge(self, task_id: int) -> None:
        """Called by the monitor when a job, or a pulse, has gone through."""
        if task_id != PULSE:
            self._unacknowledged.add(task_id)
        try:
            self._forget(self._unacknowledged)
            self._unacknowledged.clear()
            self._beat()
        except Error as error:  # the next pulse tries again
            self._told_away(error)

    def _pulse_is_due(self) -> bool:
        now_s = clock.monotonic_s()
        if now_s < self._pulse_due_s or now_s - self._guarded_at_s[0] > GUARD_WITHIN_S:
            return False
        self._pulse_due_s = now_s + PULSE_EVERY_S
        return True

    def _beat(self) -> None:
        now_s = clock.monotonic_s()
        if now_s < self._beat_due_s:
            return
        leases.beat(
            schedules.heartbeat_name(self.list_key),
            started_at=self._started_at,
            stale_after_s=schedules.stale_after_s(self.list_key),
        )
        self._beat_due_s = now_s + PULSE_EVERY_S / 3

    def _due_rows(self) -> list[OrmQ]:
        due = self.get_connection().filter(key=self.list_key, lock__lt=clock.now())
        return list(due.order_by("lock", "pk")[: Conf.BULK])

    def _taken(self, row: OrmQ) -> tuple[int, str] | None:
        """The job of this row if it is ours now, and worth another try."""
        package = unpacked(row.payload)
        if package is None:  # the pusher says so and drops it
            return row.pk, row.payload
        package["tries"] = package.get("tries", 0) + 1
        package["taken_by"], package["taken_at"] = self._owner, clock.now()
        payload = SignedPackage.dumps(package)
        mine = self.get_connection().filter(pk=row.pk, lock=row.lock)
        if not mine.update(lock=self.timeout(row), payload=payload):
            return None
        if package["tries"] > Conf.MAX_ATTEMPTS:
            self._give_up(row.pk, package)
            return None
        return row.pk, payload

    def _give_up(self, key: int, package: Package) -> None:
        why = f"given up: begun {Conf.MAX_ATTEMPTS} times, and its worker died each time"
        name = str(package.get("group") or package["name"])
        lost_jobs.record(name, function=str(package["func"]), cluster=self.list_key, why=why)
        self._forget([key])

    def _forget(self, keys: Iterable[int]) -> None:
        if keys:
            self.get_connection().filter(pk__in=list(keys)).delete()

    def _told_away(self, error: Error) -> None:
        if not self._is_away:
            log.warning("jobs %s: the database does not answer: %s", self.list_key, error)
        self._is_away = True


def reclaim(list_key: str) -> int:
    """Free the jobs that a cluster of this node had taken when it died; returns how many.

    They would wait for `retry`, five minutes. Raises django.db.Error.
    """
    now, freed = clock.now(), 0
    for row in OrmQ.objects.filter(key=list_key, lock__gt=now):
        package = unpacked(row.payload)
        if package and _died(package):
            freed += OrmQ.objects.filter(pk=row.pk, lock=row.lock).update(lock=now)
    return freed


def unpacked(payload: str) -> Package | None:
    """The job in a row's payload; None where it was not signed by us."""
    with suppress(BadSignature, TypeError):
        package: Package = SignedPackage.loads(payload)
        return package
    return None


def _died(package: Package) -> bool:
    """Whether the cluster that took this job was of this node, and runs no more."""
    owner, since = package.get("taken_by"), package.get("taken_at")
    return bool(owner and since and leases.is_gone(owner, since=since))


def pulse_job() -> Package:
    return {
        "id": uuid.uuid4().hex,
        "name": "pulse",
        "func": "ispcore.jobs.broker.pulse",
        "args": (),
        "kwargs": {},
        "started": clock.now(),
        "save": False,
        "ack_failure": True,
        "timeout": 20,
    }


def pulse() -> None:
    """What a worker does to show that it works: it looks whether the clock was set back."""
    try:
        schedules.mend(Conf.CLUSTER_NAME)
    except Error as error:
        log.debug("jobs %s: the database does not answer: %s", Conf.CLUSTER_NAME, error)
