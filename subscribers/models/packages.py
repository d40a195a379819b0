"""What a subscriber buys: rates, limits, validity, quota, addresses and price."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from ispcore.base.models import Stamped
from subscribers import rate_limit
from subscribers.models import words
from subscribers.rate_limit import Pair, RateLimit

DAY_S = 86_400
MOST_DEVICES = 1_000
BPS = [MaxValueValidator(rate_limit.MOST_BPS, "A rate above 1 Tbps is a typing error.")]
SECONDS = [MaxValueValidator(rate_limit.MOST_BURST_S)]
# of a part of a rate limit, with the unit that its columns are named by
_UNITS = {"rate": "bps", "burst": "bps", "threshold": "bps", "burst_s": "s", "least": "bps"}


class Service(models.TextChoices):
    """How a line logs in; the word that RouterOS has for it."""

    HOTSPOT = "hotspot", "Hotspot"
    PPPOE = "pppoe", "PPPoE"
    STATIC = "static", "Static"


def _bps(label: str, help_text: str = "") -> "models.BigIntegerField[int, int]":
    return models.PositiveBigIntegerField(
        label, default=0, blank=True, validators=BPS, help_text=help_text
    )


class Package(Stamped):
    """What subscribers of one tenant buy. Rates are bit/s; 0 stands for none."""

    class Validity(models.TextChoices):
        DAYS = "days", "Days"
        MONTH = "month", "A calendar month"
        NONE = "none", "No end"

    class PastQuota(models.TextChoices):
        STOP = "stop", "Stop"
        THROTTLE = "throttle", "Go on at the second rate"

    class WhenBlocked(models.TextChoices):
        REJECT = "reject", "No login"
        WALLED = "walled", "Login, into the walled garden"

    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, related_name="packages")
    name = models.CharField(max_length=80)
    service = models.CharField("type", max_length=8, choices=Service.choices, default=Service.PPPOE)

    down_bps = models.PositiveBigIntegerField("down", validators=BPS)
    up_bps = models.PositiveBigIntegerField("up", validators=BPS)
    burst_down_bps = _bps("burst, down", "0: no burst")
    burst_up_bps = _bps("burst, up", "0: no burst")
    threshold_down_bps = _bps("burst threshold, down", "0: the rate")
    threshold_up_bps = _bps("burst threshold, up", "0: the rate")
    burst_down_s = models.PositiveIntegerField(
        "burst time, down", default=0, validators=SECONDS, help_text="seconds; 0: one second"
    )
    burst_up_s = models.PositiveIntegerField(
        "burst time, up", default=0, validators=SECONDS, help_text="seconds; 0: one second"
    )
    priority = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(rate_limit.HIGHEST), MaxValueValidator(rate_limit.LOWEST)],
        help_text="1 (first) to 8 (last); empty: the router's own",
    )
    least_down_bps = _bps("least, down", "what the line has in any case; 0: nothing promised")
    least_up_bps = _bps("least, up", "what the line has in any case; 0: nothing promised")

    device_limit = models.PositiveSmallIntegerField(
        "devices",
        null=True,
        blank=True,
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_DEVICES)],
        help_text="logged in at the same time; empty: no limit",
    )
    session_timeout_s = models.PositiveIntegerField(
        "session time-out",
        null=True,
        blank=True,
        validators=[MinValueValidator(60)],
        help_text="seconds after which a session ends; empty: never",
    )
    idle_timeout_s = models.PositiveIntegerField(
        "idle time-out",
        null=True,
        blank=True,
        validators=[MinValueValidator(10)],
        help_text="seconds without traffic after which a session ends; empty: never",
    )
    interim_s = models.PositiveIntegerField(
        "accounting every",
        default=300,
        validators=[MinValueValidator(60), MaxValueValidator(DAY_S)],
        help_text="seconds between two reports of a session's traffic",
    )

    validity = models.CharField(max_length=5, choices=Validity.choices, default=Validity.MONTH)
    validity_days = models.PositiveSmallIntegerField(
        "days",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(3_660)],
        help_text="of a package that is valid for days",
    )
    quota_octets = models.PositiveBigIntegerField(
        "quota",
        null=True,
        blank=True,
        validators=[MinValueValidator(1_000_000, "A quota below 1 MB is a typing error.")],
        help_text="octets up and down together, in each period; empty: no quota",
    )
    past_quota = models.CharField(max_length=8, choices=PastQuota.choices, default=PastQuota.STOP)
    throttled_down_bps = _bps("second rate, down", "past the quota")
    throttled_up_bps = _bps("second rate, up", "past the quota")

    ipv4_pool = models.CharField(
        "IPv4 pool",
        max_length=64,
        blank=True,
        default="",
        validators=[words.PLAIN],
        help_text="name of the pool on the routers",
    )
    ipv4_networks = models.TextField(
        "static IPv4 addresses from",
        blank=True,
        default="",
        validators=[words.check_ipv4_networks],
        help_text="networks, comma separated; empty: from anywhere",
    )
    ipv6_pool = models.CharField(
        "IPv6 pool",
        max_length=64,
        blank=True,
        default="",
        validators=[words.PLAIN],
        help_text="name of the pool of prefixes on the routers",
    )
    delegated_pool = models.CharField(
        "pool of delegated prefixes",
        max_length=64,
        blank=True,
        default="",
        validators=[words.PLAIN],
        help_text="name of the pool on the routers",
    )
    ipv6_networks = models.TextField(
        "static IPv6 prefixes from",
        blank=True,
        default="",
        validators=[words.check_ipv6_networks],
        help_text="networks, comma separated; empty: from anywhere",
    )
    address_list = models.CharField(
        max_length=64,
        blank=True,
        default="",
        validators=[words.PLAIN],
        help_text="of the routers' firewalls, which a session is entered in",
    )
    when_blocked = models.CharField(
        "suspended or expired",
        max_length=6,
        choices=WhenBlocked.choices,
        default=WhenBlocked.REJECT,
    )
    walled_list = models.CharField(
        "walled garden's address list",
        max_length=64,
        blank=True,
        default="",
        validators=[words.PLAIN],
    )
    walled_down_bps = _bps("walled garden, down")
    walled_up_bps = _bps("walled garden, up")

    price = models.DecimalField(
        max_digits=12, decimal_places=2, default=0, validators=[MinValueValidator(0)]
    )
    currency = models.CharField(
        max_length=3,
        blank=True,
        default="",
        validators=[RegexValidator(r"^[A-Z]{3}\Z", "Three capital letters, as BDT.")],
        help_text="as BDT (ISO 4217)",
    )

    tenant_path: ClassVar[str] = "tenant"
    grant_paths: ClassVar[dict[str, str]] = {"resellers.reseller": "tenant__reseller"}

    class Meta:
        db_table = "packages"
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"],
                name="subscribers_package_name_once",
                violation_error_message="This tenant has a package of this name already.",
            ),
            models.CheckConstraint(
                condition=Q(
                    down_bps__gte=1_000,
                    up_bps__gte=1_000,
                    down_bps__lte=rate_limit.MOST_BPS,
                    up_bps__lte=rate_limit.MOST_BPS,
                ),
                name="subscribers_package_rate_possible",
                violation_error_message="A rate lies between 1 kbps and 1 Tbps.",
            ),
            models.CheckConstraint(
                condition=Q(priority=None) | Q(priority__gte=1, priority__lte=8),
                name="subscribers_package_priority_possible",
                violation_error_message="A priority is 1 (first) to 8 (last).",
            ),
            models.CheckConstraint(
                condition=~Q(validity="days") | Q(validity_days__gte=1),
                name="subscribers_package_days_said",
                violation_error_message="Say for how many days the package is valid.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def limit(self) -> RateLimit:
        """The rate limit that its subscribers have."""
        return rate_limit.made(
            Pair(self.up_bps, self.down_bps),
            Pair(self.burst_up_bps, self.burst_down_bps),
            Pair(self.threshold_up_bps, self.threshold_down_bps),
            Pair(self.burst_up_s, self.burst_down_s),
            self.priority,
            Pair(self.least_up_bps, self.least_down_bps),
        )

    @limit.setter
    def limit(self, limit: RateLimit) -> None:
        self.priority = limit.priority
        for part in _UNITS:
            for way in ("up", "down"):
                setattr(self, _column(part, way), getattr(getattr(limit, part), way))

    @property
    def is_walled(self) -> bool:
        """Whoever is suspended or expired logs in all the same, into the walled garden."""
        return self.when_blocked == self.WhenBlocked.WALLED

    def clean(self) -> None:
        """Raises ValidationError naming the fields that do not go together."""
        if None in (self.down_bps, self.up_bps):  # of which a form has said so
            return
        found = {_column(each.part, each.way): each.words for each in rate_limit.faults(self.limit)}
        found |= self._orphaned_bursts()
        if self.validity == self.Validity.DAYS and not self.validity_days:
            found["validity_days"] = "Say for how many days the package is valid."
        if self.quota_octets and self.past_quota == self.PastQuota.THROTTLE:
            found |= self._slow_faults("throttled")
        if self.is_walled:
            found |= self._slow_faults("walled")
            if not self.walled_list:
                found["walled_list"] = "Say which address list of the routers is the walled garden."
        if found:
            raise ValidationError(found)

    def _orphaned_bursts(self) -> dict[str, str]:
        """A threshold or time without a burst would be passed over silently."""
        return {
            name: "There is no burst in this direction."
            for way in ("down", "up")
            for name in (f"threshold_{way}_bps", f"burst_{way}_s")
            if getattr(self, name) and not getattr(self, f"burst_{way}_bps")
        }

    def _slow_faults(self, kind: str) -> dict[str, str]:
        return {
            name: "Both directions need a rate, between 1 kbps and 1 Tbps."
            for name in (f"{kind}_down_bps", f"{kind}_up_bps")
            if not 1_000 <= getattr(self, name) <= rate_limit.MOST_BPS
        }


def rate_columns() -> list[str]:
    """What a Mikrotik-Rate-Limit says of a package, as its form has it: the columns of `limit`."""
    return [*(_column(part, way) for part in _UNITS for way in ("down", "up")), "priority"]


def _column(part: str, way: str) -> str:
    """ "burst_down_bps" of the part "burst" and the way "down"."""
    if not way:
        return part
    name = "" if part == "rate" else f"{part.removesuffix('_s')}_"
    return f"{name}{way}_{_UNITS[part]}"
