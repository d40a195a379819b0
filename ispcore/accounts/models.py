"""Who logs in (accounts) and whose data it is (tenants)."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.db.models import Q

from ispcore.accounts import roles
from ispcore.accounts.roles import May, Role
from ispcore.base.audit import Actor
from ispcore.base.models import Stamped


class Tenant(Stamped):
    """An organisation whose data it is: a reseller, or the operator's own retail (house)."""

    name = models.CharField(max_length=120, unique=True)
    is_demo = models.BooleanField(default=False, editable=False)

    tenant_path: ClassVar[str] = "id"

    class Meta:
        db_table = "tenants"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AccountManager(BaseUserManager["Account"]):
    def create_user(
        self, username: str, *, password: str | None = None, role: str, **fields: Any
    ) -> "Account":
        """An account; without a password nobody can log in with it until one is set."""
        account = self.model(username=username, role=role, **fields)
        account.set_password(password)
        account.save(using=self._db)
        return account


class Account(AbstractBaseUser, Stamped):
    """A person or machine that logs in. Staff have no tenant, everybody else exactly one."""

    username = models.CharField(
        max_length=150, unique=True, validators=[UnicodeUsernameValidator()]
    )
    name = models.CharField("full name", max_length=150, blank=True, default="")
    email = models.EmailField(blank=True, default="")
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.VIEWER)
    tenant = models.ForeignKey(
        Tenant, models.PROTECT, null=True, blank=True, related_name="accounts"
    )
    is_active = models.BooleanField("active", default=True)

    objects: ClassVar[AccountManager] = AccountManager()  # type: ignore[assignment]

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    tenant_path: ClassVar[str] = "tenant"

    class Meta:
        db_table = "accounts"
        ordering = ["username"]
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(role=Role.CLIENT, tenant__isnull=False)
                    | Q(role__in=[Role.SUPER_USER, Role.ADMIN], tenant__isnull=True)
                    | Q(role__in=[Role.OPERATOR, Role.VIEWER])
                ),
                name="accounts_account_role_fits_tenant",
                violation_error_message=(
                    "A client needs a tenant; a super user or administrator has none."
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def is_staff(self) -> bool:
        """Works for the operator, not for a tenant. Named as Django's admin expects."""
        return self.tenant_id is None

    @property
    def is_superuser(self) -> bool:
        return self.is_active and self.role == Role.SUPER_USER

    @property
    def actor(self) -> Actor:
        """How the audit log names this account."""
        return Actor(self.username, self.pk)

    def may(self, capability: May) -> bool:
        return self.is_active and roles.may(self.role, capability, tenant_id=self.tenant_id)

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        from django.contrib.auth.models import _user_has_perm  # type: ignore[attr-defined]

        return bool(self.is_active and _user_has_perm(self, perm, obj))

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active

    def get_short_name(self) -> str:
        return self.name.partition(" ")[0] or self.username

    def get_full_name(self) -> str:
        return self.name or self.username


from ispcore.accounts.identity import (  # noqa: E402 - they point at the models above
    KnownNetwork,
    LoginBrake,
    RolePolicy,
    SharedCache,
)

__all__ = [
    "Account",
    "AccountManager",
    "KnownNetwork",
    "LoginBrake",
    "RolePolicy",
    "SharedCache",
    "Tenant",
]
