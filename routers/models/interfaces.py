"""Interfaces of routers as discovery finds them, and how they change."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from ispcore.base.models import Stamped
from routers.models.routers import Router

# ifTypes whose speed is that of a wire: Ethernet, Wi-Fi, VLANs on them, link aggregation
WIRE_TYPES = frozenset({6, 62, 69, 71, 117, 135, 136, 161})


def is_wire(if_type: int) -> bool:
    """Whether the speed that the interface reports is a limit, not a nominal figure."""
    return if_type in WIRE_TYPES


class Interface(Stamped):
    """An interface as discovery found it. Its identity is (router, name), never the index."""

    router = models.ForeignKey(Router, models.CASCADE, related_name="interfaces")
    name = models.CharField(max_length=300, help_text="ifName has 255 octets, and may be doubled")
    index = models.PositiveIntegerField("ifIndex")
    descr = models.CharField(max_length=200, blank=True, default="")
    alias = models.CharField(max_length=200, blank=True, default="")
    if_type = models.PositiveIntegerField("ifType", default=1)
    mac = models.CharField("MAC", max_length=17, blank=True, default="")
    speed_bps = models.BigIntegerField(null=True, help_text="null: the router does not say")
    admin_state = models.CharField(max_length=16, blank=True, default="")
    oper_state = models.CharField("state", max_length=16, blank=True, default="")
    counter_bits = models.PositiveSmallIntegerField(
        default=64, help_text="64, 32, or 0: no counter"
    )
    vlan_id = models.PositiveSmallIntegerField("VLAN", null=True)
    vlan_by_name = models.PositiveSmallIntegerField(
        "VLAN by its name", null=True, help_text="what its name suggests; a person decides"
    )
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, help_text="since when discovery misses it")

    tenant_path: ClassVar[str] = "router__tenant"
    measured: ClassVar[frozenset[str]] = frozenset({"*"})  # all of it is what discovery found
    grant_paths: ClassVar[dict[str, str]] = {"routers.router": "router"}

    class Meta:
        db_table = "router_interfaces"
        ordering = ["router", "index"]
        constraints = [
            models.UniqueConstraint(
                fields=["router", "name"], name="routers_interface_one_per_name"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def limit_bps(self) -> int | None:
        """What the interface cannot exceed; None where its speed is nominal or not told.

        Tunnels, loopbacks and other virtual interfaces report speeds that bind nothing (Linux
        calls its loopback 10 Mbit/s).
        """
        return self.speed_bps if is_wire(self.if_type) else None


class InterfaceChange(models.Model):
    """What a discovery found other than the one before it.

    A rename is a suspicion until a person confirms it: `interface` has gone, and `other`, which
    is new, looks like the same. Until then, and after a no, they are two series.
    """

    class Kind(models.TextChoices):
        NEW = "new", "New"
        GONE = "gone", "Gone"
        BACK = "back", "Back"
        RENAMED = "renamed", "Renamed"
        RENUMBERED = "renumbered", "Renumbered"

    class Outcome(models.TextChoices):
        NONE = "", "open"
        CONFIRMED = "confirmed", "confirmed"
        DISMISSED = "dismissed", "not the same interface"
        OVERTAKEN = "overtaken", "overtaken by later changes"

    router = models.ForeignKey(Router, models.CASCADE, related_name="interface_changes")
    at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    interface = models.ForeignKey(Interface, models.CASCADE, related_name="changes")
    other = models.ForeignKey(
        Interface, models.CASCADE, null=True, related_name="+", help_text="of a rename: the new one"
    )
    index_before = models.PositiveIntegerField(null=True)
    index_after = models.PositiveIntegerField(null=True)
    outcome = models.CharField(
        max_length=10, choices=Outcome.choices, blank=True, default=Outcome.NONE
    )
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(
        max_length=150, blank=True, default="", help_text="empty: the portal"
    )

    tenant_path: ClassVar[str] = "router__tenant"
    grant_paths: ClassVar[dict[str, str]] = {"routers.router": "router"}

    class Meta:
        db_table = "router_interface_changes"
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["router", "-at"], name="routers_change_router")]
        constraints = [
            models.UniqueConstraint(
                fields=["interface"],
                condition=Q(kind="renamed", resolved_at=None),
                name="routers_change_one_open_rename",
            ),
            models.CheckConstraint(
                condition=Q(kind="renamed", other__isnull=False)
                | (~Q(kind="renamed") & Q(other=None)),
                name="routers_change_renamed_has_other",
            ),
            models.CheckConstraint(
                condition=Q(outcome="", resolved_at=None)
                | (~Q(outcome="") & Q(resolved_at__isnull=False)),
                name="routers_change_outcome_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.interface_id}"
