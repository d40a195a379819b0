"""The API's two kinds of bearer: an access token (JWT) of an API login, and an API token."""

from typing import Any

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.tokens import Token

from ispcore.accounts import api_identity, rates, token_text
from ispcore.accounts.api_identity import Bearer, OutsideNetworks
from ispcore.accounts.models import Account
from ispcore.accounts.operations import api_tokens
from ispcore.base import addresses

NOT_GOOD = "this token is not valid (any more)"
CHALLENGE = 'Bearer realm="api"'


def address_of(request: Any) -> str | None:
    """The client's address, None where the server does not know it."""
    return addresses.plain(request.META.get("REMOTE_ADDR") or "")


class ApiTokenAuthentication(BaseAuthentication):
    """Authorization: Bearer ispcore_… (or Token ispcore_…). `request.auth` is a Bearer."""

    def authenticate(self, request: Request) -> tuple[Account, Bearer] | None:
        words = get_authorization_header(request).decode("latin-1").split()
        if len(words) != 2 or words[0].lower() not in {"bearer", "token"}:
            return None
        if not words[1].startswith(token_text.MARK):
            return None
        token = api_identity.token_of(words[1])
        if token is None:
            raise AuthenticationFailed(NOT_GOOD)
        address = address_of(request)
        try:
            account = api_identity.acting(token, address=address)
        except OutsideNetworks:
            raise AuthenticationFailed(f"this token is not for use from {address}") from None
        if wait_s := rates.of_tokens.wait_s(token.digest, per_min=token.rate_per_min):
            raise Throttled(wait=wait_s)
        api_tokens.note_use(token, address=address)
        return account, Bearer(token_id=token.pk)

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class LoginAuthentication(JWTAuthentication):
    """Authorization: Bearer, with the access token of an API login that has not ended.

    The library checks signature, kind and time; that the login goes on is part of the one query
    that finds the account. `request.auth` is a Bearer.
    """

    def authenticate(self, request: Request) -> tuple[Account, Bearer] | None:  # type: ignore[override]
        header = self.get_header(request)
        raw = self.get_raw_token(header) if header else None
        if raw is None:
            return None
        try:
            token = self.get_validated_token(raw)
        except (InvalidToken, RecursionError):  # its JSON may be nested without end
            raise AuthenticationFailed(NOT_GOOD) from None
        bearer = _bearer(token)
        account = api_identity.account_of(bearer, address=address_of(request))
        if account is None:
            raise AuthenticationFailed(NOT_GOOD)
        return account, bearer


def _bearer(token: Token) -> Bearer:
    login_id = token.get("login")
    if not isinstance(login_id, int):
        raise AuthenticationFailed(NOT_GOOD)
    return Bearer(login_id=login_id)
