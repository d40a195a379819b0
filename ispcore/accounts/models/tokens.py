"""How API clients are known: their logins, tokens and tickets."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from ispcore.base import clock
from ispcore.base.models import Stamped


class ApiLogin(Stamped):
    """One login of an API client: the family of refresh tokens that follow from one password.

    Only the newest of them is good (`jti`), so a family is one row however often it is refreshed,
    and no token is stored.
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_logins", editable=False
    )
    jti = models.CharField(max_length=32, help_text="id of the refresh token that is good now")
    password_mark = models.CharField(max_length=128, help_text="changes with the password")
    address = models.GenericIPAddressField(null=True, unpack_ipv4=True, help_text="at last")
    expires_at = models.DateTimeField(db_index=True, help_text="its end, however often refreshed")
    revoked_at = models.DateTimeField(null=True)
    revoked_why = models.CharField(max_length=60, blank=True, default="")

    class Meta:
        db_table = "api_logins"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"API login {self.pk}"


class ApiToken(Stamped):
    """A machine account's key to the API: only its digest is kept."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=60, help_text="what uses it, as the audit log will name it")
    start = models.CharField(max_length=16, editable=False, help_text="its first characters")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    allowed_networks = models.JSONField(default=list, blank=True)
    rate_per_min = models.PositiveIntegerField("requests a minute", default=120)
    expires_at = models.DateTimeField("expires")
    last_used_at = models.DateTimeField("last use", null=True, editable=False)
    last_used_address = models.GenericIPAddressField(null=True, editable=False, unpack_ipv4=True)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = "api_tokens"
        verbose_name = "API token"
        ordering = ["account__username", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "name"],
                condition=Q(revoked_at__isnull=True),
                name="accounts_apitoken_one_name_per_account",
                violation_error_message="This account has a token of that name already.",
            ),
            models.CheckConstraint(
                condition=Q(rate_per_min__gte=1),
                name="accounts_apitoken_has_a_rate",
                violation_error_message="Allow at least one request a minute.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None and self.expires_at > clock.now()


class LiveTicket(models.Model):
    """A way into the live socket for whoever holds an API login or token: once, and soon."""

    digest = models.CharField(max_length=64, unique=True)
    login = models.ForeignKey(ApiLogin, models.CASCADE, null=True, related_name="+")
    token = models.ForeignKey(ApiToken, models.CASCADE, null=True, related_name="+")
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "live_tickets"
        constraints = [
            models.CheckConstraint(
                condition=Q(login__isnull=True, token__isnull=False)
                | Q(login__isnull=False, token__isnull=True),
                name="accounts_liveticket_is_of_one",
            )
        ]

    def __str__(self) -> str:
        return f"ticket {self.pk}"
