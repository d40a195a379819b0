"""What an account's role asks of its logins, read together with the account."""

from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from ispcore.accounts.identity import RolePolicy
from ispcore.accounts.models import Account

LONGEST_DEFAULT_IDLE_S = 43_200


@dataclass(frozen=True, slots=True)
class Policy:
    """For how long one may do nothing, and whether a second factor is asked for and there."""

    idle_timeout_s: int
    needs_second_factor: bool
    has_second_factor: bool

    @property
    def lacks_second_factor(self) -> bool:
        return self.needs_second_factor and not self.has_second_factor


def with_policy(accounts: QuerySet[Account]) -> QuerySet[Any]:
    """`accounts`, each with its policy: no further query for `of`."""
    own = RolePolicy.objects.filter(role=OuterRef("role"))
    return accounts.annotate(
        policy_idle_timeout_s=Subquery(own.values("idle_timeout_s")),
        policy_needs_second_factor=Subquery(own.values("needs_second_factor")),
        policy_has_second_factor=Exists(_second_factors().filter(user_id=OuterRef("pk"))),
    )


def of(account: Account) -> Policy:
    """The policy as of when the account was read; read now where it came without one."""
    if not hasattr(account, "policy_has_second_factor"):
        account = with_policy(Account.objects.all()).get(pk=account.pk)
    known: Any = account
    return Policy(
        idle_timeout_s=known.policy_idle_timeout_s or LONGEST_DEFAULT_IDLE_S,
        needs_second_factor=bool(known.policy_needs_second_factor),
        has_second_factor=bool(known.policy_has_second_factor),
    )


def _second_factors() -> QuerySet[Authenticator]:
    """Recovery codes alone are none: they stand in for one that is lost."""
    rows: QuerySet[Authenticator] = Authenticator.objects.all()
    return rows.exclude(type=Authenticator.Type.RECOVERY_CODES)
