"""/health/: do the databases answer, and when did each of our processes last show life."""

import logging

from django.db import Error, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from ispcore.base import clock
from ispcore.base.models import Heartbeat

log = logging.getLogger(__name__)


def health(request: HttpRequest) -> JsonResponse:
    """200 while the portal's own database answers, else 503; RADIUS is reported, never fatal.

    `processes` gives the last heartbeat of each; the supervisor reads it.
    """
    databases = {alias: "ok" if answers(alias) else "away" for alias in connections}
    if databases["default"] != "ok":
        return JsonResponse({"status": "away", "databases": databases}, status=503)
    now = clock.now()
    processes = {
        name: {"beat_at": beat_at, "age_s": round((now - beat_at).total_seconds(), 1)}
        for name, beat_at in Heartbeat.objects.values_list("name", "beat_at")
    }
    return JsonResponse({"status": "ok", "databases": databases, "processes": processes})


def answers(alias: str) -> bool:
    """Whether the database answers to a trivial question."""
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone() == (1,))
    except Error as error:
        log.warning("%s database: no answer: %s", alias, str(error).strip())
        return False


def unapplied(alias: str) -> int:
    """How many migrations the database lacks; `radius` takes those of its own app only."""
    executor = MigrationExecutor(connections[alias])
    leaves = executor.loader.graph.leaf_nodes()
    targets = [leaf for leaf in leaves if alias == "default" or leaf[0] == alias]
    return len(executor.migration_plan(targets))
