"""What collection keeps: counters, samples, polls, and who collects."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property

from ispcore.base.models import Stamped
from ispcore.base.timeseries.models import Series, UsageSample
from routers.counter_states import CounterState, unpack
from routers.models.interfaces import Interface
from routers.models.routers import Router


class RouterCounters(models.Model):
    """The counters of all interfaces of a router as last read, packed (routers/counter_states.py).

    `generation` moves with every write: who remembers a state knows whether it is still the last.
    """

    router = models.OneToOneField(Router, models.CASCADE, primary_key=True, related_name="counters")
    generation = models.BigIntegerField(default=0)
    states = models.BinaryField(default=b"")

    tenant_path: ClassVar[str] = "router__tenant"
    grant_paths: ClassVar[dict[str, str]] = {"routers.router": "router"}

    class Meta:
        db_table = "router_counters"

    def __str__(self) -> str:
        return f"{self.router_id}"

    @cached_property
    def by_interface(self) -> dict[int, CounterState]:
        """The states by primary key of the interface."""
        return unpack(self.states)


class InterfaceUsage(UsageSample):
    """A week of 5-minute means of every polled interface, mapped or not."""

    pk = models.CompositePrimaryKey("interface_id", "bucket")
    interface = models.ForeignKey(
        Interface, models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )

    tenant_path: ClassVar[str] = "interface__router__tenant"
    grant_paths: ClassVar[dict[str, str]] = {"routers.router": "interface__router"}
    series: ClassVar[Series] = Series(
        "interface_usage_5m", "bucket", 1, keep="INTERFACE_USAGE_KEEP_DAYS"
    )

    class Meta(UsageSample.Meta):
        db_table = "interface_usage_5m"


class Poll(models.Model):
    """One attempt to read a router's counters."""

    class Result(models.TextChoices):
        OK = "ok", "All values"
        PARTIAL = "partial", "Some values missing"
        UNREACHABLE = "unreachable", "Unreachable"
        REFUSED = "refused", "Refused"
        NONSENSE = "nonsense", "Nonsense"

    router = models.ForeignKey(Router, models.CASCADE, related_name="polls")
    at = models.DateTimeField()
    took_ms = models.FloatField(null=True)
    source = models.CharField(max_length=4)
    result = models.CharField(max_length=12, choices=Result.choices)
    wanted = models.PositiveIntegerField(default=0, help_text="interfaces asked for")
    got = models.PositiveIntegerField(default=0, help_text="interfaces that answered")
    detail = models.CharField(max_length=250, blank=True, default="")

    tenant_path: ClassVar[str] = "router__tenant"
    grant_paths: ClassVar[dict[str, str]] = {"routers.router": "router"}

    class Meta:
        db_table = "router_polls"
        ordering = ["-at"]
        constraints = [
            # what is delivered twice after a crash is stored once
            models.UniqueConstraint(fields=["router", "at"], name="routers_poll_once"),
            models.CheckConstraint(
                condition=Q(got__lte=models.F("wanted")), name="routers_poll_got"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S} {self.result}"


class Collector(Stamped):
    """A collecting process as it last spoke of itself, one for each node."""

    node = models.CharField(max_length=40, unique=True)
    share = models.CharField(max_length=20, help_text="its part of the routers")
    routers = models.PositiveIntegerField(default=0)
    answered = models.PositiveIntegerField(default=0)
    polled_at = models.DateTimeField(null=True)
    cycle_s = models.FloatField(null=True, help_text="from the first question to the commit")
    seen_at = models.DateTimeField()
    spool_batches = models.PositiveIntegerField(default=0)
    spool_octets = models.BigIntegerField(default=0)
    spool_oldest_at = models.DateTimeField(null=True)
    dropped = models.PositiveIntegerField(default=0, help_text="batches for which no room was")
    refused = models.PositiveIntegerField(default=0, help_text="batches that cannot be stored")
    damaged = models.PositiveIntegerField(default=0, help_text="lines that a bad disk destroyed")
    lost_at = models.DateTimeField(null=True, help_text="when one of these three last grew")

    class Meta:
        db_table = "collectors"
        ordering = ["node"]

    def __str__(self) -> str:
        return self.node

    @property
    def lost(self) -> int:
        """Batches and lines of readings, ever."""
        return self.dropped + self.refused + self.damaged

    def lost_lately(self, now: datetime) -> bool:
        """In the last 24 hours: so long is it news."""
        return self.lost_at is not None and now - self.lost_at < timedelta(days=1)

    @property
    def lost_words(self) -> str:
        parts = {
            "dropped, no room was left": self.dropped,
            "refused by the database": self.refused,
            "damaged on disk": self.damaged,
        }
        said = ", ".join(f"{count} {words}" for words, count in parts.items() if count)
        return f"Readings lost: {said}; later readings hold their traffic"
