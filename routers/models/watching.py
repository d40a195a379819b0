"""What the methods of reaching routers say, and whether our own hosts see anything."""

from typing import ClassVar

from django.db import models

from ispcore.base.models import Stamped
from routers.flapping import Flips
from routers.models.routers import Router


class RouterCheck(Stamped):
    """What one method of reaching a router last said, and since when it says so."""

    class Method(models.TextChoices):
        PING = "ping", "Ping"
        API = "api", "RouterOS API"
        SNMP = "snmp", "SNMP"

    class State(models.TextChoices):
        OK = "ok", "Answers"
        FAILED = "failed", "Does not answer"
        UNKNOWN = "unknown", "Unknown"

    router = models.ForeignKey(Router, models.CASCADE, related_name="checks")
    method = models.CharField(max_length=4, choices=Method.choices)
    state = models.CharField(max_length=7, choices=State.choices, default=State.UNKNOWN)
    since = models.DateTimeField()
    checked_at = models.DateTimeField()
    last_ok_at = models.DateTimeField(null=True)
    took_ms = models.FloatField(null=True)
    detail = models.CharField(max_length=200, blank=True, default="")
    error_kind = models.CharField(max_length=12, blank=True, default="")
    error = models.CharField(max_length=250, blank=True, default="")
    failed_at = models.DateTimeField(
        null=True, help_text="start of the failure that no answer has ended; unknown does not"
    )
    flips = models.CharField(
        max_length=100, blank=True, default="", help_text="epoch seconds of the last changes"
    )
    flapping_since = models.DateTimeField(null=True)
    flap_changes = models.PositiveIntegerField(default=0, help_text="changes since it flaps")

    tenant_path: ClassVar[str] = "router__tenant"
    grant_paths: ClassVar[dict[str, str]] = {"routers.router": "router"}

    class Meta:
        db_table = "router_checks"
        constraints = [
            models.UniqueConstraint(
                fields=["router", "method"], name="routers_check_one_per_method"
            )
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.state}"

    @property
    def flapping(self) -> Flips:
        return Flips(self.flips, self.flapping_since, self.flap_changes)


class Uplink(Stamped):
    """How one of our own hosts sees the network: where its uplink is gone, it sees no router."""

    node = models.CharField(max_length=40, unique=True)
    gone_since = models.DateTimeField(null=True)
    returned_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(help_text="last look while it is gone")
    words = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        db_table = "uplinks"

    def __str__(self) -> str:
        return self.node
