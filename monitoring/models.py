"""Rules on readings, and the alerts they raise."""

from typing import ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from ispcore.base import clock
from ispcore.base.models import Stamped


class Severity(models.TextChoices):
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"
    CRITICAL = "critical", "Critical"


SEVERITY_RANK = {Severity.CRITICAL: 0, Severity.HIGH: 1, Severity.MEDIUM: 2, Severity.LOW: 3}


class Metric(models.TextChoices):
    """What a rule can look at; the app that observes it says so with `rules.evaluate`."""

    RESELLER_UTILISATION_PERCENT = "reseller.utilisation_percent", "Reseller: use of its plan, %"
    ROUTER_UNREACHABLE_S = "router.unreachable_s", "Router: no answer to anything, seconds"
    ROUTER_COLLECTION_AGE_PERIODS = (
        "router.collection_age_periods",
        "Router: age of the last reading, in polling periods",
    )
    COLLECTOR_WAITING_S = (
        "collector.waiting_s",
        "Collector: age of the oldest reading that waits for the database, seconds",
    )
    COLLECTOR_LOST_BATCHES = (
        "collector.lost_batches",
        "Collector: batches of readings that were lost since it started",
    )
    ROUTER_FLAPPING_CHANGES = (
        "router.flapping_changes",
        "Router: changes between answering and not since it flaps, 0 while it does not",
    )
    UPLINK_GONE_S = "uplink.gone_s", "Our own uplink: gone for, seconds"
    MAPPING_INTERFACE_GONE = "mapping.interface_gone", "Mapping: its interface is gone, 1 or 0"


SECURITY = "security"  # the kind of an alert's subject where no rule raised it, but suspicion


class Rule(Stamped):
    """A threshold on a metric. It raises an alert at the level that lasted `for_s` seconds."""

    class Comparison(models.TextChoices):
        AT_LEAST = "ge", "at least"
        AT_MOST = "le", "at most"

    name = models.CharField(max_length=80, unique=True)
    metric = models.CharField(max_length=60, choices=Metric.choices)
    comparison = models.CharField(
        max_length=2, choices=Comparison.choices, default=Comparison.AT_LEAST
    )
    warning = models.FloatField(null=True, blank=True)
    critical = models.FloatField(null=True, blank=True)
    for_s = models.PositiveIntegerField(
        "for, seconds", default=0, help_text="how long the value must be beyond before it alerts"
    )
    clear_for_s = models.PositiveIntegerField(
        "clear for, seconds", default=0, help_text="how long it must be back before it resolves"
    )
    hysteresis = models.FloatField(
        default=0,
        validators=[MinValueValidator(0)],
        help_text="how far behind the threshold the value must fall before it counts as back",
    )
    warning_severity = models.CharField(
        max_length=10, choices=Severity.choices, default=Severity.MEDIUM
    )
    critical_severity = models.CharField(
        max_length=10, choices=Severity.choices, default=Severity.CRITICAL
    )
    is_enabled = models.BooleanField("enabled", default=True)

    is_reference: ClassVar[bool] = True

    class Meta:
        db_table = "alert_rules"
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(warning__isnull=False) | Q(critical__isnull=False),
                name="monitoring_rule_has_a_threshold",
                violation_error_message="Give a warning or a critical threshold.",
            ),
            models.CheckConstraint(
                condition=Q(warning__isnull=True)
                | Q(critical__isnull=True)
                | Q(comparison="ge", critical__gte=F("warning"))
                | Q(comparison="le", critical__lte=F("warning")),
                name="monitoring_rule_critical_beyond_warning",
                violation_error_message="Critical must lie beyond warning.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RuleState(models.Model):
    """Since when a subject is beyond a rule's thresholds; one row per rule and subject."""

    rule = models.ForeignKey(Rule, models.CASCADE, related_name="states")
    subject_kind = models.CharField(max_length=60)
    subject_id = models.BigIntegerField()
    warning_since = models.DateTimeField(null=True)
    critical_since = models.DateTimeField(null=True)
    clear_since = models.DateTimeField(null=True)

    class Meta:
        db_table = "alert_rule_states"
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "subject_kind", "subject_id"],
                name="monitoring_one_state_per_subject",
            )
        ]

    def __str__(self) -> str:
        return f"{self.rule_id}:{self.subject_kind}:{self.subject_id}"


class Alert(Stamped):
    """Something wrong with a subject: open, then acknowledged, then resolved."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        RESOLVED = "resolved", "Resolved"

    fingerprint = models.CharField(max_length=160, editable=False)
    rule = models.ForeignKey(Rule, models.SET_NULL, null=True, related_name="alerts")
    subject_kind = models.CharField(max_length=60)
    subject_id = models.BigIntegerField()
    subject = models.CharField(max_length=200)
    tenant = models.ForeignKey("accounts.Tenant", models.SET_NULL, null=True, related_name="alerts")
    severity = models.CharField(max_length=10, choices=Severity.choices)
    state = models.CharField(max_length=20, choices=State.choices, default=State.OPEN)
    summary = models.CharField(max_length=250)
    impact = models.CharField(max_length=120, blank=True, default="")
    value = models.FloatField(null=True)
    opened_at = models.DateTimeField(default=clock.now)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True)

    LIVE: ClassVar[tuple[str, ...]] = (State.OPEN, State.ACKNOWLEDGED)
    tenant_path: ClassVar[str] = "tenant"
    is_numerous: ClassVar[bool] = True  # a tenant has more of them than an array should hold
    # what evaluation writes, which the alert's own events tell; acknowledging is people's
    measured: ClassVar[frozenset[str]] = frozenset(
        [
            *("fingerprint", "rule", "subject_kind", "subject_id", "subject", "tenant"),
            *("severity", "state", "summary", "impact", "value", "opened_at", "resolved_at"),
        ]
    )
    grant_subject: ClassVar[tuple[str, str]] = ("subject_kind", "subject_id")

    class Meta:
        db_table = "alerts"
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=~Q(state="resolved"),
                name="monitoring_alert_one_live_per_key",
            ),
            models.CheckConstraint(
                condition=Q(state="resolved", resolved_at__isnull=False)
                | (~Q(state="resolved") & Q(resolved_at__isnull=True)),
                name="monitoring_alert_resolved_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-opened_at"], name="monitoring_alert_state"),
            models.Index(fields=["subject_kind", "subject_id"], name="monitoring_alert_subject"),
            models.Index(fields=["-resolved_at"], name="monitoring_alert_resolved"),
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {self.summary}"


class AlertEvent(models.Model):
    """What happened to an alert, in order. Rows are only ever added (a trigger refuses updates)."""

    class Kind(models.TextChoices):
        OPENED = "opened", "Opened"
        SEVERITY = "severity", "Severity changed"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        NOTE = "note", "Note"
        RESOLVED = "resolved", "Resolved"

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    at = models.DateTimeField(default=clock.now)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    by = models.CharField(max_length=150, blank=True, default="", help_text="empty: the portal")
    text = models.TextField(blank=True, default="")

    tenant_path: ClassVar[str] = "alert__tenant"
    grant_through: ClassVar[str] = "alert"

    class Meta:
        db_table = "alert_events"
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["alert", "-at"], name="monitoring_event_alert")]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M:%S}"
