"""Who logs in (accounts), whose data it is (tenants), and what each may."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.db.models import Q

from ispcore.accounts import matrix
from ispcore.accounts.roles import (
    ADMIN_KEEPS,
    TENANT_GROUPS,
    TENANT_MOST,
    Group,
    May,
    Role,
    group_of,
)
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
    is_machine = models.BooleanField("machine", default=False)

    token_scopes: frozenset[str] | None = None
    """Set while an API token acts for the account: all that it may reach; None is no limit."""
    token_name: str = ""

    is_narrowed = models.BooleanField(
        "sees chosen objects only", default=False, editable=False, help_text="see Grant"
    )

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
            models.CheckConstraint(
                condition=Q(is_machine=False) | Q(password__startswith="!"),  # noqa: S106
                name="accounts_account_machine_has_no_password",
                violation_error_message="A machine has no password: it uses API tokens.",
            ),
            models.CheckConstraint(
                condition=Q(is_narrowed=False) | ~Q(role__in=[Role.SUPER_USER, Role.ADMIN]),
                name="accounts_account_narrowed_is_no_admin",
                violation_error_message=(
                    "A super user or administrator cannot be narrowed to chosen objects."
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
    def sees_all(self) -> bool:
        """One of the staff whose role may see, and not narrowed to chosen objects."""
        return self.is_staff and not self.is_narrowed and self.may(May.VIEW)

    @property
    def group(self) -> Group | None:
        """Its column of the permission matrix; None for a super user."""
        return group_of(self.role, self.tenant_id)

    @property
    def is_superuser(self) -> bool:
        return self.is_active and self.role == Role.SUPER_USER

    @property
    def actor(self) -> Actor:
        """How the audit log names this account, or the API token that acts for it."""
        if self.token_name:
            return Actor(f"token {self.token_name} of {self.username}", self.pk)
        return Actor(self.username, self.pk)

    def reaches(self, resource: str, action: str) -> bool:
        """Whether the API token in use, if any, is for `action` ("read", "write") there.

        It limits what `may` and `scope.visible` allow; it allows nothing by itself.
        """
        return self.token_scopes is None or f"{resource}:{action}" in self.token_scopes

    def may(self, capability: May) -> bool:
        return self.is_active and matrix.allows(self.group, capability)

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        from django.contrib.auth.models import _user_has_perm  # type: ignore[attr-defined]

        return bool(self.is_active and _user_has_perm(self, perm, obj))

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active

    def get_short_name(self) -> str:
        return self.name.partition(" ")[0] or self.username

    def get_full_name(self) -> str:
        return self.name or self.username


class RolePermission(Stamped):
    """One cell of the permission matrix: whether a role has a capability."""

    group = models.CharField("role", max_length=20, choices=Group.choices, db_column="role_group")
    capability = models.CharField(max_length=40)
    is_allowed = models.BooleanField(default=False)

    class Meta:
        db_table = "role_permissions"
        ordering = ["group", "capability"]
        constraints = [
            models.UniqueConstraint(
                fields=["group", "capability"], name="accounts_permission_one_per_cell"
            ),
            models.CheckConstraint(
                condition=~Q(group__in=[each.value for each in TENANT_GROUPS])
                | Q(capability__in=sorted(each.value for each in TENANT_MOST))
                | Q(is_allowed=False),
                name="accounts_permission_tenants_stay_within",
                violation_error_message="A tenant's people never have this.",
            ),
            models.CheckConstraint(
                condition=~Q(
                    group=Group.ADMIN, capability__in=sorted(each.value for each in ADMIN_KEEPS)
                )
                | Q(is_allowed=True),
                name="accounts_permission_admins_stay",
                violation_error_message="An administrator keeps this.",
            ),
        ]

    def __str__(self) -> str:
        side = "tenant's " if self.group in TENANT_GROUPS else ""
        return f"{side}{self.get_group_display().lower()}: {self.capability}"


class Grant(Stamped):
    """A chosen object of an account that is narrowed: it sees this one, and what hangs on it.

    The object is named, not referred to: it belongs to a higher app, and an account whose last
    object is deleted must go on seeing nothing, not everything.
    """

    account = models.ForeignKey(Account, models.CASCADE, related_name="grants")
    kind = models.CharField(max_length=60, help_text='a model, as "routers.router"')
    object_id = models.BigIntegerField()
    name = models.CharField(max_length=200, help_text="of the object when it was granted")

    tenant_path: ClassVar[str] = "account__tenant"

    class Meta:
        db_table = "account_grants"
        ordering = ["kind", "name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "object_id"], name="accounts_grant_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind.rpartition('.')[2]} {self.name}"
