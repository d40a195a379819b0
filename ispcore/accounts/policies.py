"""What a role asks of its logins, as this process knows it: the table `role_policies`, read now and
then."""

from dataclasses import dataclass

from ispcore.accounts import second_factor
from ispcore.accounts.models import Account, RolePolicy
from ispcore.base.remembered import Remembered

DEFAULT_IDLE_S = 43_200


@dataclass(frozen=True, slots=True)
class Policy:
    """For how long one may do nothing, and whether a second factor is asked for."""

    idle_timeout_s: int = DEFAULT_IDLE_S
    needs_second_factor: bool = False


NONE = Policy()


def _read() -> dict[str, Policy]:
    rows = RolePolicy.objects.order_by()
    columns = rows.values_list("role", "idle_timeout_s", "needs_second_factor")
    return {role: Policy(idle_timeout_s, needs) for role, idle_timeout_s, needs in columns}


_known = Remembered(_read)


def of(account: Account) -> Policy:
    """The policy of the account's role; what a role has no row for is as shipped."""
    return _known.get().get(account.role, NONE)


def lacks_second_factor(account: Account) -> bool:
    """Whether the role asks for a second factor and there is none: a query, where it asks."""
    return of(account).needs_second_factor and not second_factor.is_asked_of(account)


def forget() -> None:
    """The table has changed: the next look-up of this process reads it."""
    _known.forget()
