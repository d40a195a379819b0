"""From a bearer's proof to the account behind it, as it is now: one query each."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.crypto import constant_time_compare

from ispcore.accounts import token_text
from ispcore.accounts.models import Account, ApiLogin, ApiToken
from ispcore.base import clock
from ispcore.base.addresses import may_come


@dataclass(frozen=True, slots=True)
class Bearer:
    """By what somebody came: an API login (its JWT) or an API token. One of them is given."""

    login_id: int | None = None
    token_id: int | None = None


class OutsideNetworks(Exception):
    """The token is good, but not from this address."""


def account_of(bearer: Bearer, *, address: str | None) -> Account | None:
    """The account behind an API login or token that is still good.

    Raises OutsideNetworks.
    """
    if bearer.login_id is not None:
        login = live_logins().filter(pk=bearer.login_id).first()
        return login.account if login and has_same_password(login) else None
    token = _live_tokens().filter(pk=bearer.token_id or 0).first()
    return acting(token, address=address) if token else None


def token_of(text: str) -> ApiToken | None:
    """The live token of this text, with its account."""
    if not token_text.is_well_formed(text):
        return None
    return _live_tokens().filter(digest=token_text.digest(text)).first()


def acting(token: ApiToken, *, address: str | None) -> Account:
    """The token's account, limited to what the token is for. Raises OutsideNetworks."""
    if not may_come(address, token.allowed_networks):
        raise OutsideNetworks(address)
    account: Account = token.account
    account.token_scopes, account.token_name = frozenset(token.scopes), token.name
    return account


def live_logins() -> QuerySet[ApiLogin]:
    """API logins that have not ended, of active accounts, with these; see `has_same_password`."""
    live = ApiLogin.objects.filter(revoked_at=None, expires_at__gt=clock.now())
    return live.filter(account__is_active=True).select_related("account__tenant")


def has_same_password(login: ApiLogin) -> bool:
    """Whether the account still has the password that it logged in with, however it is changed."""
    return constant_time_compare(login.password_mark, login.account.get_session_auth_hash())


def _live_tokens() -> QuerySet[ApiToken]:
    live = ApiToken.objects.filter(revoked_at=None, expires_at__gt=clock.now())
    live = live.filter(account__is_active=True, account__is_machine=True)
    return live.select_related("account__tenant")
