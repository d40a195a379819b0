"""Events on their way to open pages, where the database cannot notify by itself (SQLite)."""

from django.db import models

from ispcore.base import clock


class LiveEvent(models.Model):
    """One change of a (topic, key); ids commit in order, for SQLite has one writer at a time."""

    topic = models.CharField(max_length=60)
    key = models.CharField(max_length=120, blank=True, default="")
    at = models.DateTimeField(default=clock.now, db_index=True)

    class Meta:
        db_table = "live_events"

    def __str__(self) -> str:
        return f"{self.topic}|{self.key}"
