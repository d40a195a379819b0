"""Which database a model lives in: the app label decides, and nothing else."""

from typing import Any

from django.db.models import Model

RADIUS = "radius"


class ByAppLabel:
    """FreeRADIUS' tables live in `radius`, everything else in `default`."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        return RADIUS if model._meta.app_label == RADIUS else "default"

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        return self.db_for_read(model)

    def allow_relation(self, one: Model, other: Model, **hints: Any) -> bool:
        return (one._meta.app_label == RADIUS) == (other._meta.app_label == RADIUS)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return (db == RADIUS) == (app_label == RADIUS)
