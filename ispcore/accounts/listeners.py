"""What Django and allauth tell of logins and second factors in their own pages."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.http import HttpRequest

from ispcore.accounts.adapters import attempt_of
from ispcore.accounts.models import Account
from ispcore.accounts.operations import (
    api_logins,
    brakes,
    known_networks,
    second_factors,
    sessions,
)
from ispcore.base import addresses


def logged_in(sender: Any, request: HttpRequest, user: Account, **about: Any) -> None:
    """A login through whatever door: Django's signal is what all of them have in common."""
    address = addresses.plain(request.META.get("REMOTE_ADDR") or "")
    known_networks.logged_in(user, address=address)


def code_was_wrong(request: HttpRequest, user: Account, **about: Any) -> None:
    """Whoever guesses codes knows the password: both are counted as one."""
    brakes.count_failure(attempt_of(request, user.username))


def second_factor_added(
    request: HttpRequest, user: Account, authenticator: Authenticator, **about: Any
) -> None:
    """Other browsers and API clients proved less than is asked for from now on: they log in again."""
    second_factors.note(user, action="add", kind=authenticator.type, by=user.actor)
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        sessions.end_all(user, by=user.actor, but=request.session.session_key or "")
        if user.api_logins.filter(revoked_at=None).exists():
            api_logins.end_all(user, by=user.actor)


def second_factor_removed(user: Account, authenticator: Authenticator, **about: Any) -> None:
    second_factors.note(user, action="remove", kind=authenticator.type, by=user.actor)


def recovery_codes_renewed(user: Account, authenticator: Authenticator, **about: Any) -> None:
    second_factors.note(user, action="renew", kind=authenticator.type, by=user.actor)
