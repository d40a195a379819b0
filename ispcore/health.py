"""/health/: do the databases answer, and when did each of our processes last show life."""

import logging
from datetime import datetime
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.db import Error, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from ispcore.base import clock, lost_jobs
from ispcore.base.models import Heartbeat
from ispcore.base.rls import identity
from ispcore.environment import PROJECT

log = logging.getLogger(__name__)


@identity.acting_for_all()  # what the portal says of itself, whoever asks
def health(request: HttpRequest) -> JsonResponse:
    """200 while the portal's own database answers, else 503; RADIUS is reported, never fatal.

    `processes` gives the last heartbeat of each process of this node, which is what the supervisor
    reads; `others` those of the other nodes on the same database.
    """
    databases = {alias: "ok" if answers(alias) else "away" for alias in connections}
    if databases["default"] != "ok":
        return JsonResponse({"status": "away", "databases": databases}, status=503)
    nodes = signs_of_life(clock.now())
    said = {
        "status": "ok",
        "databases": databases,
        "node": settings.NODE,
        "processes": nodes.pop(settings.NODE, {}),
        "others": nodes,
        "jobs_lost_24h": lost_jobs.count(),
    }
    return JsonResponse(said)


def signs_of_life(now: datetime) -> dict[str, dict[str, dict[str, Any]]]:
    """The last heartbeat of every process, by node and name."""
    nodes: dict[str, dict[str, dict[str, Any]]] = {}
    for beat in Heartbeat.objects.order_by("node", "name"):
        nodes.setdefault(beat.node, {})[beat.name] = {
            "beat_at": beat.beat_at,
            "age_s": round((now - beat.beat_at).total_seconds(), 1),
            "is_stale": beat.is_stale(now),
        }
    return nodes


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


def unknown_migrations(alias: str) -> list[str]:
    """Migrations of ours that the database has and this version does not: another version made it."""
    loader = MigrationExecutor(connections[alias]).loader
    ours = {config.label for config in apps.get_app_configs() if _is_ours(config)}
    applied = set(loader.applied_migrations) - set(loader.disk_migrations)
    return sorted(f"{app}.{name}" for app, name in applied if app in ours)


def _is_ours(config: AppConfig) -> bool:
    return (PROJECT / config.name.partition(".")[0] / "__init__.py").exists()
