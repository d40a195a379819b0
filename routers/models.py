"""Routers, their interfaces, and what collection knows of them."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property

from ispcore.base.models import Stamped
from ispcore.base.secrets import SecretField
from ispcore.base.timeseries.models import Series, UsageSample
from routers.counter_states import CounterState, unpack
from routers.flapping import Flips

# ifTypes whose speed is that of a wire: Ethernet, Wi-Fi, VLANs on them, link aggregation
WIRE_TYPES = frozenset({6, 62, 69, 71, 117, 135, 136, 161})


def is_wire(if_type: int) -> bool:
    """Whether the speed that the interface reports is a limit, not a nominal figure."""
    return if_type in WIRE_TYPES


PORT = [MinValueValidator(1), MaxValueValidator(65535)]


class Router(Stamped):
    """A router of any make: how it is reached, and what it told about itself."""

    class PingMethod(models.TextChoices):
        ICMP = "icmp", "ICMP echo"
        TCP = "tcp", "TCP connect to the API port"
        OFF = "off", "Off"

    class CounterSource(models.TextChoices):
        SNMP_THEN_API = "both", "SNMP, RouterOS API where SNMP fails"
        SNMP = "snmp", "SNMP only"
        API = "api", "RouterOS API only"

    class SnmpVersion(models.TextChoices):
        V2C = "v2c", "v2c"
        V3 = "v3", "v3"

    class AuthProtocol(models.TextChoices):
        NONE = "", "none"
        MD5 = "MD5", "MD5"
        SHA1 = "SHA1", "SHA-1"
        SHA256 = "SHA256", "SHA-256"

    class PrivProtocol(models.TextChoices):
        NONE = "", "none"
        DES = "DES", "DES"
        AES128 = "AES128", "AES-128"

    name = models.CharField(max_length=80, unique=True)
    site = models.CharField(max_length=80, blank=True, default="")
    tenant = models.ForeignKey(
        "accounts.Tenant",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="routers",
        help_text="empty: shared by all",
    )
    address = models.GenericIPAddressField("management address", help_text="IPv4 or IPv6")
    is_polled = models.BooleanField("polling", default=True)
    ping_method = models.CharField(
        max_length=4, choices=PingMethod.choices, default=PingMethod.ICMP
    )
    counter_source = models.CharField(
        "counters from",
        max_length=4,
        choices=CounterSource.choices,
        default=CounterSource.SNMP_THEN_API,
    )

    api_port = models.PositiveIntegerField("API port", default=8728, validators=PORT)
    api_tls = models.BooleanField("API over TLS", default=False)
    api_tls_fingerprint = models.CharField(
        "API certificate", max_length=95, blank=True, default="", help_text="SHA-256, to pin it"
    )
    api_user = models.CharField("API user", max_length=64, blank=True, default="")
    api_password = SecretField("API password", blank=True, default="")

    snmp_port = models.PositiveIntegerField("SNMP port", default=161, validators=PORT)
    snmp_version = models.CharField(
        "SNMP version", max_length=3, choices=SnmpVersion.choices, default=SnmpVersion.V2C
    )
    snmp_community = SecretField("SNMP community", blank=True, default="")
    snmp_user = models.CharField("SNMP user", max_length=64, blank=True, default="")
    snmp_auth_protocol = models.CharField(
        "SNMP authentication", max_length=6, choices=AuthProtocol.choices, blank=True, default=""
    )
    snmp_auth_key = SecretField("SNMP authentication key", blank=True, default="")
    snmp_priv_protocol = models.CharField(
        "SNMP privacy", max_length=6, choices=PrivProtocol.choices, blank=True, default=""
    )
    snmp_priv_key = SecretField("SNMP privacy key", blank=True, default="")

    # what the router told
    system_name = models.CharField(max_length=120, blank=True, default="", editable=False)
    sys_object_id = models.CharField(
        "sysObjectID", max_length=120, blank=True, default="", editable=False
    )
    sys_descr = models.CharField("sysDescr", max_length=500, blank=True, default="", editable=False)
    vendor = models.CharField(max_length=80, blank=True, default="", editable=False)
    board = models.CharField("model", max_length=120, blank=True, default="", editable=False)
    os_name = models.CharField(
        "operating system", max_length=80, blank=True, default="", editable=False
    )
    os_version = models.CharField(max_length=80, blank=True, default="", editable=False)
    booted_at = models.DateTimeField(null=True, editable=False)
    interface_count = models.IntegerField(null=True, editable=False, help_text="ifNumber")
    discovered_at = models.DateTimeField(null=True, editable=False)
    polled_at = models.DateTimeField(null=True, editable=False, help_text="last attempt")
    read_at = models.DateTimeField(null=True, editable=False, help_text="last good reading")
    is_demo = models.BooleanField(default=False, editable=False)

    tenant_path: ClassVar[str] = "tenant"

    class Meta:
        db_table = "router_configs"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["address", "api_port"],
                name="routers_router_one_per_address",
                violation_error_message="Another router has this address and API port already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def uses_api(self) -> bool:
        """Credentials for the RouterOS API are there."""
        return bool(self.api_user)

    @property
    def uses_snmp(self) -> bool:
        """Credentials for SNMP are there."""
        if self.snmp_version == self.SnmpVersion.V3:
            return bool(self.snmp_user)
        # told by queries.without_secrets, which leaves the community itself in the database
        known: bool | None = getattr(self, "has_community", None)
        return bool(self.snmp_community) if known is None else known


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


class RouterCounters(models.Model):
    """The counters of all interfaces of a router as last read, packed (routers/counter_states.py).

    `generation` moves with every write: who remembers a state knows whether it is still the last.
    """

    router = models.OneToOneField(Router, models.CASCADE, primary_key=True, related_name="counters")
    generation = models.BigIntegerField(default=0)
    states = models.BinaryField(default=b"")

    tenant_path: ClassVar[str] = "router__tenant"

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

    class Meta:
        db_table = "collectors"
        ordering = ["node"]

    def __str__(self) -> str:
        return self.node
