"""/api/auth/: how an API client logs in, stays so, and logs out (docs/api.md)."""

from typing import Any

from django.contrib.auth import authenticate
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import RefreshToken

from ispcore.accounts import policies, second_factor
from ispcore.accounts.api_auth import CHALLENGE, address_of
from ispcore.accounts.models import Account
from ispcore.accounts.operations import api_logins, brakes, known_networks
from ispcore.accounts.operations.api_logins import LoginEnded
from ispcore.accounts.operations.brakes import Attempt

WRONG = "user name and password (or the code) do not fit"
CODE_NEEDED = "this account has a second factor: send its code as well"
NO_FACTOR = "this account's role asks for a second factor: set one up in the portal first"


class LoginBody(serializers.Serializer):  # type: ignore[type-arg]
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False)
    code = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")


class RefreshBody(serializers.Serializer):  # type: ignore[type-arg]
    refresh = serializers.CharField(max_length=4096)


class OpenView(APIView):
    """Asked by who is not logged in yet; a stale header does not stand in the way."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get_authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class LoginView(OpenView):
    """POST username, password and, where the account has a second factor, code."""

    def post(self, request: Request) -> Response:
        given = _read(LoginBody, request)
        address = address_of(request)
        attempt = Attempt(given["username"], address or "")
        _refuse_while(*brakes.wait_s(attempt))
        account = request.user = self._account(request, given, attempt)
        brakes.forgive(attempt)
        token = api_logins.start(account, address=address, by=account.actor)
        known_networks.logged_in(account, address=address)
        return Response(_pair(token))

    @staticmethod
    def _account(request: Request, given: dict[str, Any], attempt: Attempt) -> Account:
        """Who says this name, password and code. Raises AuthenticationFailed, Throttled."""
        said = {"username": given["username"], "password": given["password"]}
        account, code = authenticate(request._request, **said), given["code"]
        known = account if isinstance(account, Account) and not account.is_machine else None
        asks = known is not None and second_factor.is_asked_of(known)
        fits = known is not None and not (asks and code and not second_factor.is_right(known, code))
        _refuse_while(*brakes.judge(attempt, is_right=fits))
        if known is None or not fits:
            raise AuthenticationFailed(WRONG)
        if asks and not code:
            raise AuthenticationFailed({"detail": CODE_NEEDED, "code": "second_factor_needed"})
        return known if asks else _without_code(known)


class RefreshView(OpenView):
    """POST refresh: a new pair. The old refresh token is used up, its login ends if it comes
    again."""

    def post(self, request: Request) -> Response:
        given = _read(RefreshBody, request)
        try:
            token = api_logins.refresh(given["refresh"], address=address_of(request))
        except LoginEnded:
            raise AuthenticationFailed("this login has ended: log in again") from None
        return Response(_pair(token))


class LogoutView(OpenView):
    """POST refresh: ends its login, with all tokens that came of it."""

    def post(self, request: Request) -> Response:
        ended = api_logins.of(_read(RefreshBody, request)["refresh"])
        if ended is not None:
            api_logins.end(ended, by=ended.account.actor)
        return Response(status=204)


class IsPerson(BasePermission):
    """Somebody who logged in; an API token has no logins to end."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        account = request.user
        return isinstance(account, Account) and account.token_scopes is None


class LogoutEverywhereView(APIView):
    """POST: ends every API login of the account. Sessions in browsers have a list of their own."""

    permission_classes = (IsPerson,)

    def post(self, request: Request) -> Response:
        assert isinstance(request.user, Account)  # noqa: S101 - IsPerson said so
        ended = api_logins.end_all(request.user, by=request.user.actor)
        return Response({"ended": ended})


def _read(body: type[Any], request: Request) -> dict[str, Any]:
    """What was sent; raises ValidationError (400), which names the field."""
    form = body(data=request.data)
    form.is_valid(raise_exception=True)
    given: dict[str, Any] = form.validated_data
    return given


def _refuse_while(wait_s: int, what: str) -> None:
    if wait_s:
        raise Throttled(wait=wait_s, detail=f"too many failed logins {what}")


def _without_code(account: Account) -> Account:
    if policies.lacks_second_factor(account):
        raise AuthenticationFailed({"detail": NO_FACTOR, "code": "second_factor_missing"})
    return account


def _pair(refresh: RefreshToken) -> dict[str, Any]:
    access = refresh.access_token
    return {
        "access": str(access),
        "access_expires_in_s": access["exp"] - access["iat"],
        "refresh": str(refresh),
        "refresh_expires_in_s": refresh["exp"] - refresh["iat"],
    }
