"""A router: how it is reached, and what it told about itself."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from ispcore.base.models import Stamped
from ispcore.base.secrets import SecretField

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
    grant_paths: ClassVar[dict[str, str]] = {"routers.router": "pk"}

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
