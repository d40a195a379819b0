"""Resellers, what they buy, over which interfaces, and what they used."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from ispcore.base import clock
from ispcore.base.models import Stamped
from ispcore.base.timeseries.models import Series, UsageRollup, UsageSample
from ispcore.base.units import format_bps

E164 = RegexValidator(r"^\+[1-9]\d{6,14}$", "Write the phone number as +8801712345678.")
MOST_BPS = 100_000_000_000_000  # 100 Tbps: beyond it a plan is a typing error
RATE = [
    MinValueValidator(1_000, "A plan below 1 kbps is a typing error."),
    MaxValueValidator(MOST_BPS, "A plan above 100 Tbps is a typing error."),
]
HANGS_ON_MAPPING = {
    "resellers.reseller": "mapping__reseller",
    "routers.router": "mapping__router",
}
PERCENT = [MinValueValidator(1), MaxValueValidator(1000)]


class Plan(Stamped):
    """A bandwidth contract: what a reseller may use in each direction, in bit/s."""

    name = models.CharField(max_length=80, unique=True)
    down_bps = models.BigIntegerField("down", validators=RATE, help_text="towards the reseller")
    up_bps = models.BigIntegerField("up", validators=RATE, help_text="from the reseller")
    is_demo = models.BooleanField(default=False, editable=False)

    is_reference: ClassVar[bool] = True

    class Meta:
        db_table = "reseller_plans"
        ordering = ["down_bps", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(down_bps__gte=1_000, down_bps__lte=MOST_BPS)
                & Q(up_bps__gte=1_000, up_bps__lte=MOST_BPS),
                name="resellers_plan_possible",
                violation_error_message="A plan lies between 1 kbps and 100 Tbps.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Reseller(Stamped):
    """A tenant that buys bandwidth."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"
        ENDED = "ended", "Ended"

    tenant = models.OneToOneField("accounts.Tenant", models.PROTECT, related_name="reseller")
    contact = models.CharField(max_length=120, blank=True, default="")
    phone = models.CharField(
        max_length=16, blank=True, default="", validators=[E164], help_text="as +8801712345678"
    )
    email = models.EmailField(blank=True, default="")
    address = models.TextField(blank=True, default="")
    notes = models.TextField(blank=True, default="")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    plan = models.ForeignKey(Plan, models.PROTECT, null=True, blank=True, related_name="resellers")
    warning_percent = models.PositiveSmallIntegerField("warning, %", default=80, validators=PERCENT)
    critical_percent = models.PositiveSmallIntegerField(
        "critical, %", default=100, validators=PERCENT
    )

    tenant_path: ClassVar[str] = "tenant"
    internal: ClassVar[frozenset[str]] = frozenset({"notes"})  # ours; not for the reseller's people
    grant_paths: ClassVar[dict[str, str]] = {"resellers.reseller": "pk"}

    class Meta:
        db_table = "resellers"
        ordering = ["tenant__name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(critical_percent__gte=F("warning_percent")),
                name="resellers_reseller_critical_beyond_warning",
                violation_error_message="Critical must not lie below warning.",
            )
        ]

    def __str__(self) -> str:
        return self.tenant.name

    @property
    def name(self) -> str:
        return self.tenant.name


class PlanChange(models.Model):
    """From when a reseller had which bandwidth; a copy, so that history stays what it was."""

    reseller = models.ForeignKey(Reseller, models.CASCADE, related_name="plan_changes")
    plan_name = models.CharField(max_length=80, blank=True, help_text="empty: no plan")
    down_bps = models.BigIntegerField(null=True)
    up_bps = models.BigIntegerField(null=True)
    from_at = models.DateTimeField(default=clock.now)
    by = models.CharField(max_length=150)

    tenant_path: ClassVar[str] = "reseller__tenant"
    grant_paths: ClassVar[dict[str, str]] = {"resellers.reseller": "reseller"}

    class Meta:
        db_table = "reseller_plan_changes"
        ordering = ["-from_at", "-pk"]
        indexes = [models.Index(fields=["reseller", "-from_at"], name="resellers_planchange_from")]

    def __str__(self) -> str:
        return f"{self.plan_name or 'no plan'} ({format_bps(self.down_bps)})"


class Mapping(Stamped):
    """Which interface (VLAN) on which router carries which reseller, while it is not ended."""

    class Side(models.TextChoices):
        RESELLER = "reseller", "faces the reseller (out is down)"
        UPLINK = "uplink", "faces the uplink (in is down)"

    reseller = models.ForeignKey(Reseller, models.PROTECT, related_name="mappings")
    router = models.ForeignKey("routers.Router", models.PROTECT, related_name="mappings")
    interface = models.ForeignKey("routers.Interface", models.PROTECT, related_name="mappings")
    vlan_id = models.PositiveSmallIntegerField(
        "VLAN",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(4094)],
        help_text="1 to 4094; empty for a port without a tag",
    )
    carries = models.CharField(
        max_length=40, blank=True, default="Internet", help_text="Internet, BDIX, cache"
    )
    side = models.CharField(max_length=8, choices=Side.choices, default=Side.RESELLER)
    started_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    tenant_path: ClassVar[str] = "reseller__tenant"
    # a reseller sees the router and the interface that carry it, by name and state
    lends_tenant: ClassVar[tuple[str, ...]] = ("router", "interface")
    measured: ClassVar[frozenset[str]] = frozenset()  # all of it is what people decide
    grant_paths: ClassVar[dict[str, str]] = {
        "resellers.reseller": "reseller",
        "routers.router": "router",
    }
    is_alert_subject: ClassVar[bool] = True

    class Meta:
        db_table = "reseller_router_mapping"
        ordering = ["reseller", "router", "vlan_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["interface"],
                condition=Q(ended_at=None),
                name="resellers_mapping_interface_once",
                violation_error_message="This interface is mapped already.",
            ),
            models.UniqueConstraint(
                fields=["router", "vlan_id"],
                condition=Q(ended_at=None),
                name="resellers_mapping_vlan_once_per_router",
                violation_error_message="This VLAN is mapped on this router already.",
            ),
            models.CheckConstraint(
                condition=Q(vlan_id=None) | Q(vlan_id__gte=1, vlan_id__lte=4094),
                name="resellers_mapping_vlan_possible",
                violation_error_message="A VLAN id lies between 1 and 4094.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.router} {self.interface}"

    @property
    def is_live(self) -> bool:
        return self.ended_at is None


class Usage(UsageSample):
    """A 5-minute mean of one mapping (table usage_5m)."""

    pk = models.CompositePrimaryKey("mapping_id", "bucket")
    mapping = models.ForeignKey(
        Mapping, models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )

    tenant_path: ClassVar[str] = "mapping__reseller__tenant"
    grant_paths: ClassVar[dict[str, str]] = HANGS_ON_MAPPING
    series: ClassVar[Series] = Series("usage_5m", "bucket", 1, keep="USAGE_KEEP_DAYS")

    class Meta(UsageSample.Meta):
        db_table = "usage_5m"
        verbose_name = "usage"
        verbose_name_plural = "usage"


class UsageHourly(UsageRollup):
    pk = models.CompositePrimaryKey("mapping_id", "hour")
    mapping = models.ForeignKey(
        Mapping, models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    hour = models.DateTimeField(help_text="start of the hour, UTC")

    tenant_path: ClassVar[str] = "mapping__reseller__tenant"
    grant_paths: ClassVar[dict[str, str]] = HANGS_ON_MAPPING
    series: ClassVar[Series] = Series("usage_hourly", "hour", 7, keep="HOURLY_KEEP_DAYS")

    class Meta:
        db_table = "usage_hourly"
        indexes = [models.Index(fields=["hour"], name="resellers_usagehourly_hour")]


class UsageDaily(UsageRollup):
    pk = models.CompositePrimaryKey("mapping_id", "day")
    mapping = models.ForeignKey(
        Mapping, models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    day = models.DateField(help_text="in the ISP's zone")

    tenant_path: ClassVar[str] = "mapping__reseller__tenant"
    grant_paths: ClassVar[dict[str, str]] = HANGS_ON_MAPPING
    series: ClassVar[Series] = Series("usage_daily", "day")

    class Meta:
        db_table = "usage_daily"
        indexes = [models.Index(fields=["day"], name="resellers_usagedaily_day")]
