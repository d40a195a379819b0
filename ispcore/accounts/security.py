"""What looks like an attack is told to whoever raises alerts; who that is, `wiring` decides."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from django.db import Error, models

from ispcore.accounts import rates
from ispcore.accounts.models import Account
from ispcore.base import addresses
from ispcore.base.rls import identity

BRUTE_FORCE = "brute_force"
TOKEN_REUSE = "token_reuse"  # noqa: S105 - a kind, no token
NEW_ADDRESS = "new_address"
DENIED_TENANT = "denied_tenant"

WINDOW_S = 15 * 60
DENIED_AT = 3  # a link that somebody passed on is no attack
AGAIN_AFTER_S = 60  # the same thing is told no more often than this
MOST_PER_MIN = 30  # of each kind, whatever an attacker thinks of

counts = rates.Windows()
log = logging.getLogger(__name__)


class Listener(Protocol):
    def __call__(
        self, kind: str, *, account: Account | None, address: str | None, words: str
    ) -> object: ...


class Asked(Protocol):
    """A request, of a page or of the API."""

    @property
    def user(self) -> object: ...

    @property
    def META(self) -> Mapping[str, Any]: ...  # noqa: N802 - Django's name


noticed: list[Listener] = []
"""Filled by `ispcore.wiring`; each opens a transaction of its own."""


def notice(kind: str, *, account: Account | None, address: str | None, words: str) -> None:
    """Tell of something suspicious. `kind` is one of those above, `words` what happened.

    Never fails and never costs much, so that it may stand in the way of a login: the same kind of
    the same account and network is told once a minute, and no kind more than 30 times a minute in
    this web process. To be called outside a transaction that may be rolled back.
    """
    who = f"{account.pk if account else 0}:{addresses.network_of(address or '')}"
    if counts.count(f"{kind}:{who}", for_s=AGAIN_AFTER_S) > 1:
        return
    told = counts.count(kind, for_s=AGAIN_AFTER_S)
    if told > MOST_PER_MIN:
        if told == MOST_PER_MIN + 1:
            log.warning("security: too many of %s, some are not told", kind)
        return
    for listener in noticed:
        _tell(listener, kind, account=account, address=address, words=words)


def denied_row(request: Asked, model: type[models.Model], pk: object) -> None:
    """Somebody asked for a row that their account is not shown."""
    account = request.user
    if isinstance(account, Account) and not account.is_staff:
        what = f"{model._meta.verbose_name} {pk}"
        address = addresses.plain(request.META.get("REMOTE_ADDR") or "")
        denied(account, _tenant_of(model, pk), what=what, address=address)


def denied(account: Account, tenant_id: int | None, *, what: str, address: str | None) -> None:
    """An account was refused what belongs to this tenant; None: to none, or it is not there.

    Where it is another tenant's, that is counted, and told from the third time in 15 minutes on.
    """
    if account.is_staff or tenant_id in {None, account.tenant_id}:
        return
    times = counts.count(f"denied:{account.pk}", for_s=WINDOW_S)
    if times >= DENIED_AT:
        words = (
            f"{account} asked {times} times for what belongs to another tenant, "
            f"at last {what} from {address or 'an unknown address'}"
        )
        notice(DENIED_TENANT, account=account, address=address, words=words)


def _tenant_of(model: type[models.Model], pk: object) -> int | None:
    path = getattr(model, "tenant_path", None)
    if path is None or not str(pk).isdecimal() or len(str(pk)) > 18:
        return None
    with identity.acting_for_all():
        rows = model._base_manager.filter(pk=int(str(pk)))
        found: int | None = rows.values_list(path, flat=True).first()
    return found


def _tell(
    listener: Callable[..., object],
    kind: str,
    *,
    account: Account | None,
    address: str | None,
    words: str,
) -> None:
    try:
        with identity.acting_for_all():
            listener(kind, account=account, address=address, words=words)
    except Error as error:
        log.error("security: %s could not be stored: %s", kind, str(error).strip())
