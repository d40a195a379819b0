"""Joins apps that may not import each other: hooks of lower apps, filled by higher ones."""

from importlib import import_module
from importlib.util import find_spec

from django.apps import apps

from ispcore.live import topics


def connect() -> None:
    """Called once all apps are loaded."""
    from ispcore.accounts import security
    from monitoring.operations import security as security_alerts
    from resellers import queries
    from resellers.operations import interfaces, usage
    from routers import hooks

    hooks.listeners[:] = [usage]
    hooks.carried_by[:] = [queries.carried_by]
    hooks.interfaces_changed_in_transaction[:] = [interfaces.changed]
    security.noticed[:] = [security_alerts.notice]
    for app in apps.get_app_configs():
        if find_spec(f"{app.name}.live"):
            for topic in getattr(import_module(f"{app.name}.live"), "TOPICS", ()):
                topics.register(topic)
