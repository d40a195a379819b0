"""Jobs that were not done: given up or too late. Kept beside django-q's own failures."""

import logging
import uuid
from datetime import timedelta

from django_q.models import Failure, Task

from ispcore.base import clock

log = logging.getLogger(__name__)


def record(job: str, *, function: str, cluster: str, why: str) -> None:
    """Count a job that was not done, and say so once."""
    now = clock.now()
    log.warning("%s: %s", job, why)
    Task.objects.create(
        id=uuid.uuid4().hex,
        name=job[:100],
        group=job[:100],
        func=function,
        cluster=cluster,
        started=now,
        stopped=now,
        result=why,
        success=False,
    )


def count(within: timedelta = timedelta(days=1)) -> int:
    """How many jobs failed or were not done lately."""
    return Failure.objects.filter(stopped__gt=clock.now() - within).count()
