"""Logins of API clients: a short access token, and a refresh token that is good once.

Each refresh replaces the refresh token by compare-and-set on the login's row. Whoever comes with
one that was replaced holds a copy, and so may the other: the whole login ends. There is no time
of grace, for in it a thief who is first would not be noticed. So a client whose answer was lost,
or that refreshes twice at the same time, logs in anew.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import RefreshToken

from ispcore.accounts import api_identity, policies, security
from ispcore.accounts.acting import acting_as
from ispcore.accounts.models import Account, ApiLogin
from ispcore.base import audit, clock
from ispcore.base.audit import Actor

LONGEST = timedelta(days=30)  # then the password is asked for again
KEPT = timedelta(days=30)  # after its end, for whoever looks into an alert
PORTAL = Actor("portal")


class LoginEnded(Exception):
    """The refresh token is not good (any more)."""


def start(account: Account, *, address: str | None, by: Actor) -> RefreshToken:
    """A new API login; the access token is `.access_token` of what is returned."""
    token, now = RefreshToken.for_user(account), clock.now()
    with transaction.atomic():
        login = ApiLogin.objects.create(
            account=account,
            jti=token["jti"],
            password_mark=account.get_session_auth_hash(),
            address=address,
            expires_at=now + LONGEST,
        )
        Account.objects.filter(pk=account.pk).update(last_login=now)
        audit.record("log in", login, by=by, tenant_id=account.tenant_id)
    token["login"] = login.pk
    return token


def refresh(text: str, *, address: str | None) -> RefreshToken:
    """The next tokens of a login, for its newest refresh token. Raises LoginEnded.

    Of two that come with the same token at the same time one is too late. So is who lacks the
    second factor that the role has come to ask for.
    """
    token = _read(text)
    login = api_identity.live_logins().filter(pk=token["login"]).first()
    if login is None or not api_identity.has_same_password(login):
        raise LoginEnded
    if policies.lacks_second_factor(login.account):
        raise LoginEnded
    following = _following(login)
    moved = ApiLogin.objects.filter(pk=login.pk, jti=token["jti"], revoked_at=None)
    with acting_as(login.account):
        if not moved.update(jti=following["jti"], address=address):
            _end_reused(login, address=address)
            raise LoginEnded
    return following


def of(text: str) -> ApiLogin | None:
    """The login that a refresh token belongs to, also one that was used before; None for a token
    that has expired or is none."""
    try:
        login_id = _read(text)["login"]
    except LoginEnded:
        return None
    return ApiLogin.objects.select_related("account").filter(pk=login_id).first()


def end(login: ApiLogin, *, by: Actor) -> None:
    """Log out, with all tokens that came of this login; one that has ended stays so."""
    with acting_as(login.account), transaction.atomic():
        if revoke(ApiLogin.objects.filter(pk=login.pk), why="logged out"):
            _record("log out", login, by=by)


def end_all(account: Account, *, by: Actor) -> int:
    """Log out every API client of the account; returns how many there were."""
    with transaction.atomic():
        ended = revoke(account.api_logins.all(), why="logged out everywhere")
        reason = f"{ended} API logins ended"
        audit.record("log out", account, by=by, tenant_id=account.tenant_id, reason=reason)
    return ended


def revoke(logins: QuerySet[ApiLogin], *, why: str) -> int:
    """End these logins inside the caller's transaction, which records why; returns how many."""
    return logins.filter(revoked_at=None).update(revoked_at=clock.now(), revoked_why=why)


def forget_ended() -> int:
    """Delete logins that ended a month ago; returns how many."""
    deleted, _ = ApiLogin.objects.filter(expires_at__lt=clock.now() - KEPT).delete()
    return deleted


def _read(text: str) -> RefreshToken:
    try:
        token = RefreshToken(text)  # type: ignore[arg-type] # takes the encoded text too
    except (TokenError, RecursionError) as error:  # its JSON may be nested without end
        raise LoginEnded from error
    if not isinstance(token.get("login"), int):
        raise LoginEnded
    return token


def _following(login: ApiLogin) -> RefreshToken:
    token = RefreshToken.for_user(login.account)
    token["login"] = login.pk
    left = login.expires_at - clock.now()
    token.set_exp(lifetime=min(left, token.lifetime or left))
    return token


def _end_reused(login: ApiLogin, *, address: str | None) -> None:
    with transaction.atomic():
        if not revoke(ApiLogin.objects.filter(pk=login.pk), why="a refresh token came twice"):
            return
        _record("revoke", login, by=PORTAL)
    words = f"A refresh token of {login.account} came a second time: the login was ended"
    words += f" ({address})" if address else ""
    security.notice(security.TOKEN_REUSE, account=login.account, address=address, words=words)


def _record(action: str, login: ApiLogin, *, by: Actor) -> None:
    audit.record(action, login, by=by, tenant_id=login.account.tenant_id)
