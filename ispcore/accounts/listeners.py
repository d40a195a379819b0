"""What allauth tells of second factors that come and go in its own pages."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.http import HttpRequest

from ispcore.accounts.models import Account
from ispcore.accounts.operations import second_factors, sessions


def second_factor_added(
    request: HttpRequest, user: Account, authenticator: Authenticator, **about: Any
) -> None:
    """Other browsers proved less than is asked for from now on: they log in again."""
    second_factors.note(user, action="add", kind=authenticator.type, by=user.actor)
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        sessions.end_all(user, by=user.actor, but=request.session.session_key or "")


def second_factor_removed(user: Account, authenticator: Authenticator, **about: Any) -> None:
    second_factors.note(user, action="remove", kind=authenticator.type, by=user.actor)


def recovery_codes_renewed(user: Account, authenticator: Authenticator, **about: Any) -> None:
    second_factors.note(user, action="renew", kind=authenticator.type, by=user.actor)
