"""A line that logs in by PPPoE, hotspot or static, with its history and its number."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Trim

from ispcore.base import clock
from ispcore.base.models import Stamped
from ispcore.base.secrets import SecretField
from subscribers.models import words
from subscribers.models.packages import MOST_DEVICES, Package, Service

HANGS_ON_RESELLER = {"resellers.reseller": "tenant__reseller"}
PREFIX = RegexValidator(r"^[A-Z0-9]{1,10}\Z", "Up to ten capital letters and digits.")


class Subscriber(Stamped):
    """One line, and all that FreeRADIUS should know of it. RADIUS rows follow from this row alone."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"
        EXPIRED = "expired", "Expired"
        DISABLED = "disabled", "Disabled"

    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, related_name="subscribers")
    service = models.CharField("type", max_length=8, choices=Service.choices, default=Service.PPPOE)
    username = models.CharField(max_length=64, validators=[words.USERNAME])
    username_key = models.CharField(
        max_length=64, unique=True, editable=False, help_text="as databases compare it"
    )
    radius_password = SecretField(
        "RADIUS password", validators=[words.check_password], may_be_sealed=True
    )
    web_password = models.CharField(max_length=128, blank=True, default="", editable=False)
    account_number = models.CharField(max_length=24, unique=True, editable=False)

    package = models.ForeignKey(Package, models.PROTECT, related_name="subscribers")
    next_package = models.ForeignKey(
        Package,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="subscribers_to_come",
    )
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="empty: at the end of the first period, if it has one"
    )
    period_from_at = models.DateTimeField(default=clock.now, editable=False)
    period_until_at = models.DateTimeField(
        default=clock.now, editable=False, help_text="when a quota begins anew"
    )
    renewal_day = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        editable=False,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text="of calendar months, also after one that is too short for it",
    )
    device_limit = models.PositiveSmallIntegerField(
        "devices",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_DEVICES)],
        help_text="empty: as the package says",
    )
    ipv4 = models.GenericIPAddressField(
        "static IPv4 address", protocol="IPv4", null=True, blank=True, unique=True
    )
    ipv6_prefix = models.CharField(
        "static IPv6 prefix", max_length=43, null=True, blank=True, unique=True
    )
    delegated_prefix = models.CharField(
        "delegated IPv6 prefix", max_length=43, null=True, blank=True, unique=True
    )
    mac = models.CharField(
        "MAC address", max_length=17, blank=True, default="", help_text="empty: from any device"
    )

    full_name = models.CharField(max_length=120, blank=True, default="")
    phone = models.CharField(
        max_length=16,
        blank=True,
        default="",
        validators=[
            RegexValidator(r"^\+[1-9]\d{6,14}\Z", "Write the phone number as +8801712345678.")
        ],
    )
    email = models.EmailField(blank=True, default="")
    address = models.TextField(blank=True, default="")
    notes = models.TextField(blank=True, default="")
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.ACTIVE, editable=False
    )

    tenant_path: ClassVar[str] = "tenant"
    grant_paths: ClassVar[dict[str, str]] = HANGS_ON_RESELLER
    internal: ClassVar[frozenset[str]] = frozenset({"notes"})
    is_numerous: ClassVar[bool] = True

    class Meta:
        db_table = "network_users"
        ordering = ["username_key"]
        indexes = [
            models.Index(
                fields=["expires_at"],
                name="subscribers_active_expiry",
                condition=Q(status="active"),
            ),
            models.Index(fields=["period_until_at"], name="subscribers_period_ends"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(username_key=Lower(Trim("username"))),
                name="subscribers_key_is_of_the_username",
            ),
            models.CheckConstraint(
                condition=~Q(status="expired") | Q(expires_at__isnull=False),
                name="subscribers_expired_has_an_end",
                violation_error_message="Who is expired has an end.",
            ),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def devices(self) -> int | None:
        """How many may be logged in at the same time; None: no limit."""
        return self.device_limit or self.package.device_limit


class StatusChange(models.Model):
    """From when a subscriber had which status, and why."""

    subscriber = models.ForeignKey(Subscriber, models.CASCADE, related_name="status_changes")
    old = models.CharField(max_length=9, choices=Subscriber.Status.choices)
    new = models.CharField(max_length=9, choices=Subscriber.Status.choices)
    at = models.DateTimeField(default=clock.now)
    by = models.CharField(max_length=150)
    reason = models.CharField(max_length=200, blank=True, default="")

    tenant_path: ClassVar[str] = "subscriber__tenant"
    grant_through: ClassVar[str] = "subscriber"

    class Meta:
        db_table = "subscriber_status_changes"
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["subscriber", "-at"], name="subscribers_status_newest")]

    def __str__(self) -> str:
        return f"{self.old} → {self.new}"


class AccountNumbers(Stamped):
    """A prefix of a tenant's account numbers, and the last one given of it. It is kept for ever, so
    that no number comes twice, whoever asks for the prefix later."""

    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, related_name="account_numbers")
    prefix = models.CharField(
        max_length=10,
        unique=True,
        validators=[PREFIX],
        error_messages={"unique": "Another tenant has or had this prefix."},
    )
    last = models.PositiveBigIntegerField(default=0, editable=False)
    is_current = models.BooleanField(default=True, editable=False)

    tenant_path: ClassVar[str] = "tenant"
    grant_paths: ClassVar[dict[str, str]] = HANGS_ON_RESELLER

    class Meta:
        db_table = "account_numbers"
        verbose_name_plural = "account numbers"
        ordering = ["prefix"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=Q(is_current=True),
                name="subscribers_numbers_one_current_prefix",
            )
        ]

    def __str__(self) -> str:
        return self.prefix
