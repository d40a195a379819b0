"""Says that something changed; pages that watch it are told once the transaction commits."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import connection

from ispcore.base import clock
from ispcore.live.models import LiveEvent

CHANNEL = "live"
KEEP = timedelta(minutes=10)
FORGET_EVERY = 200  # events between two looks for old ones


def publish(topic: str, key: str = "") -> None:
    """Tell everybody who watches (topic, key), if and when the current transaction commits.

    Once per batch, never per row. On PostgreSQL (NOTIFY) the same event in one transaction is
    sent once; on SQLite the listener merges what comes close together.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, f"{topic}|{key}"])
        return
    event = LiveEvent.objects.create(topic=topic, key=key)
    if event.pk % FORGET_EVERY == 0:
        forget_old()


def publish_each(topic: str, keys: Iterable[str]) -> None:
    """The same for many keys of one topic, in one statement."""
    names = sorted(set(keys))
    if not names:
        return
    if connection.vendor == "postgresql":
        events = [f"{topic}|{key}" for key in names]
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, unnest(%s::text[]))", [CHANNEL, events])
        return
    made = LiveEvent.objects.bulk_create([LiveEvent(topic=topic, key=key) for key in names])
    if any(event.pk % FORGET_EVERY == 0 for event in made):
        forget_old()


def forget_old() -> int:
    """Delete events that every listener has long seen; returns how many."""
    deleted, _ = LiveEvent.objects.filter(at__lt=clock.now() - KEEP).delete()
    return deleted
