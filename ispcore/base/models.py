"""What every app's rows share, and the platform's own tables: audit, heartbeats, leases."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q

from ispcore.base import clock
from ispcore.base.secrets import SecretField

Row = TypeVar("Row", bound=models.Model)


class StampedQuerySet(models.QuerySet[Row]):
    """Set-based writes move `updated_at` as well."""

    def update(self, **values: Any) -> int:
        return super().update(**{"updated_at": clock.now()} | values)

    def bulk_update(
        self, objs: Iterable[Row], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        rows, now = list(objs), clock.now()
        for row in rows:
            row.updated_at = now  # type: ignore[attr-defined]
        return super().bulk_update(rows, [*fields, "updated_at"], batch_size=batch_size)


class UpdatedAtField(models.DateTimeField):  # type: ignore[type-arg]
    """Set to the clock's now at every save."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        now = clock.now()
        setattr(model_instance, self.attname, now)
        return now


class Stamped(models.Model):
    """A row that says when it was made and last changed (UTC)."""

    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = UpdatedAtField(default=clock.now, editable=False)

    objects = StampedQuerySet.as_manager()

    class Meta:
        abstract = True


class AuditEntry(models.Model):
    """Who did what to which object, written in the transaction of the change itself.

    Rows are only ever added: triggers refuse the rest (see ispcore.base.append_only). A change of
    many objects at once is one entry, the head, with `members` and one entry for each of them.
    """

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        TOKEN = "token", "API token"
        JOB = "job", "Job"
        COMMAND = "command", "Command"
        SYSTEM = "system", "The portal"

    at = models.DateTimeField(default=clock.now)
    kind = models.CharField(
        "kind of actor", max_length=10, choices=Kind.choices, default=Kind.SYSTEM
    )
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=150, help_text="name at the time; or the job or command")
    token = models.CharField(
        max_length=100, blank=True, default="", help_text="the API token that the actor came with"
    )
    surface = models.CharField(max_length=20)
    address = models.GenericIPAddressField(null=True, unpack_ipv4=True)
    request_id = models.CharField(max_length=64, blank=True, default="")
    process = models.CharField(
        max_length=100, blank=True, default="", help_text="which of our processes, node and number"
    )
    action = models.CharField(max_length=60)
    object_kind = models.CharField(max_length=60)
    object_id = models.CharField(max_length=40)
    object_name = models.CharField(max_length=200)
    tenant_id = models.BigIntegerField(null=True)
    old = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    new = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    reason = models.TextField(blank=True, default="")
    # names and values once more, as a search compares them
    words = models.TextField(blank=True, default="", editable=False)
    # no constraint: head and members are forgotten together, and nothing else deletes them
    batch = models.ForeignKey(
        "self",
        models.DO_NOTHING,
        null=True,
        related_name="of_batch",
        db_constraint=False,
        db_index=False,
    )
    members = models.PositiveIntegerField(default=0, help_text="of a batch, on its head")

    class Meta:
        db_table = "audit_log"
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_newest"),
            models.Index(fields=["-at", "-id"], name="audit_heads", condition=Q(batch=None)),
            models.Index(
                fields=["tenant_id", "-at", "-id"],
                name="audit_tenant",
                condition=Q(tenant_id__isnull=False),
            ),
            models.Index(fields=["object_kind", "object_id", "-at"], name="audit_object"),
            models.Index(fields=["actor", "-at"], name="audit_actor"),
            models.Index(fields=["action", "-at"], name="audit_action"),
            models.Index(fields=["request_id"], name="audit_request"),
            models.Index(
                fields=["address", "-at"], name="audit_address", condition=Q(address__isnull=False)
            ),
            models.Index(
                fields=["batch", "id"], name="audit_batch", condition=Q(batch__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.object_name}"


class Heartbeat(models.Model):
    """The last sign of life of one of our processes on one node (see ISPCORE_NODE)."""

    name = models.CharField(max_length=60)
    node = models.CharField(max_length=120)
    pid = models.IntegerField()
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    stale_after_s = models.PositiveIntegerField(help_text="silence for longer is no good sign")
    note = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        db_table = "heartbeats"
        constraints = [
            models.UniqueConstraint(fields=["name", "node"], name="base_heartbeat_one_per_node")
        ]

    def __str__(self) -> str:
        return f"{self.name} on {self.node}"

    def is_stale(self, now: datetime) -> bool:
        return now - self.beat_at > timedelta(seconds=self.stale_after_s)


class JobLease(models.Model):
    """At most one run of a job per slot of time; kept a while as the record of runs."""

    job = models.CharField(max_length=60)
    slot = models.DateTimeField(help_text="start of the period the run is for")
    owner = models.CharField(max_length=120)
    taken_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        db_table = "job_leases"
        constraints = [
            models.UniqueConstraint(fields=["job", "slot"], name="base_lease_one_per_slot")
        ]

    def __str__(self) -> str:
        return f"{self.job} {self.slot:%Y-%m-%d %H:%M:%S}"


class StaleHour(models.Model):
    """An hour (UTC) of a series has rows that its roll-ups do not hold yet."""

    series = models.CharField(max_length=60, help_text="the table of the rows")
    hour = models.DateTimeField()

    class Meta:
        db_table = "stale_hours"
        indexes = [models.Index(fields=["series", "hour"], name="base_stalehour_series")]

    def __str__(self) -> str:
        return f"{self.series} {self.hour:%Y-%m-%d %H:%M}"


class JournalEntry(models.Model):
    """A unit of provisioning, by whose `gid` it is decided whether it stands in both databases.

    A row that stands is committed with the unit's change; one that says "undone" was committed by
    who found the unit's writer dead (see ispcore.base.unit_of_work).
    """

    class Outcome(models.TextChoices):
        STANDS = "stands", "Stands in both"
        UNDONE = "undone", "Undone in both"

    gid = models.UUIDField("id", primary_key=True)
    at = models.DateTimeField(default=clock.now)
    what = models.CharField("change", max_length=100)
    kind = models.CharField(max_length=30, help_text="of what was changed")
    keys = models.JSONField("changed", default=list, help_text="the first of them")
    key_count = models.PositiveIntegerField("how many")
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    request_id = models.CharField(max_length=64, blank=True, default="")
    doubt = models.CharField("was in doubt, because", max_length=200, blank=True, default="")
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=120, blank=True, default="")

    class Meta:
        db_table = "provisioning_journal"
        verbose_name = "provisioning entry"
        verbose_name_plural = "provisioning journal"
        ordering = ["-at"]
        indexes = [
            models.Index(fields=["-at"], name="journal_newest"),
            models.Index(fields=["-at"], name="journal_doubted", condition=~Q(doubt="")),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.at:%Y-%m-%d %H:%M:%S}"


class SentPage(models.Model):
    """A page that was sent and done, by the token that it carried: it is not done once more.

    What it said may be a password, of which nothing is told in clear text.
    """

    token = models.UUIDField(primary_key=True)
    at = models.DateTimeField(default=clock.now)
    account_id = models.BigIntegerField()
    said = SecretField(default="", may_be_sealed=True)

    class Meta:
        db_table = "sent_pages"
        indexes = [models.Index(fields=["at"], name="sent_pages_oldest")]

    def __str__(self) -> str:
        return str(self.token)
