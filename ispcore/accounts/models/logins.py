"""What is remembered about logins: failures, networks people come from, the rules of each role."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from ispcore.accounts.roles import Role
from ispcore.base import clock
from ispcore.base.models import Stamped

SHORTEST_IDLE_S = 300
LONGEST_IDLE_S = 7 * 86_400


class RolePolicy(Stamped):
    """How people of one role log in and for how long they may do nothing."""

    role = models.CharField(max_length=20, choices=Role.choices, unique=True, editable=False)
    needs_second_factor = models.BooleanField(
        "second factor required",
        default=False,
        help_text="who has none sets one up at the next page, before anything else",
    )
    idle_timeout_s = models.PositiveIntegerField(
        "idle time-out",
        default=43_200,
        help_text="seconds without opening a page, after which one has to log in again",
    )

    class Meta:
        db_table = "role_policies"
        verbose_name = "login rule"
        ordering = ["role"]
        constraints = [
            models.CheckConstraint(
                condition=Q(idle_timeout_s__range=(SHORTEST_IDLE_S, LONGEST_IDLE_S)),
                name="accounts_rolepolicy_idle_timeout_is_sane",
                violation_error_message=(
                    f"The idle time-out is {SHORTEST_IDLE_S} to {LONGEST_IDLE_S} seconds."
                ),
            )
        ]

    def __str__(self) -> str:
        return str(self.get_role_display())


class LoginBrake(models.Model):
    """Failed logins under one key (a hash of what is counted), and until when it waits."""

    key = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    failed_at = models.DateTimeField(default=clock.now, db_index=True)
    blocked_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "login_brakes"

    def __str__(self) -> str:
        return f"{self.failures} failures"


class KnownNetwork(models.Model):
    """An account logged in from this address (of IPv6: from this /64) before, by page or API."""

    account = models.ForeignKey("accounts.Account", models.CASCADE, related_name="known_networks")
    network = models.CharField(max_length=45)
    first_login_at = models.DateTimeField(default=clock.now)
    last_login_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "known_networks"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "network"], name="accounts_knownnetwork_once_per_account"
            )
        ]

    def __str__(self) -> str:
        return self.network


class SharedCache(models.Model):
    """The table of Django's database cache: what all web processes must count together."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    TABLE: ClassVar[str] = "shared_cache"

    class Meta:
        db_table = "shared_cache"

    def __str__(self) -> str:
        return self.cache_key
