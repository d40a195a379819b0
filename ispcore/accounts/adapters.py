"""How django-allauth logs our accounts in: no sign-up, our brake, our audit log, our encryption."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme

from ispcore.accounts import marks, policies, second_factor
from ispcore.accounts.models import Account
from ispcore.accounts.operations import accounts, brakes, sessions
from ispcore.accounts.operations.brakes import Attempt
from ispcore.accounts.roles import Role
from ispcore.base import secrets

DEVICE_COOKIE = "device"
DEVICE_SALT = "ispcore.accounts.device"
DEVICE_AGE_S = 180 * 86_400


class PortalAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """Logins by user name and password; what an attacker could learn or lock is kept from them."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": "This user name and this password do not belong together.",
        "incorrect_password": "This is not your password.",
        "too_many_login_attempts": "Too many failed tries: wait five minutes, then try again.",
        "rate_limited": "Too many tries: wait a minute, then try again.",
        "invalid_password_reset": "This link was used already, or is too old.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Account | None:
        """The account, or None. Raises ValidationError where the brake says to wait."""
        attempt = attempt_of(request, str(credentials.get("username", "")))
        _refuse_while(*brakes.wait_s(attempt))
        account = authenticate(request, **credentials)
        _refuse_while(*brakes.judge(attempt, is_right=isinstance(account, Account)))
        if not isinstance(account, Account):
            return None
        if not second_factor.is_asked_of(account):
            brakes.forgive(attempt)
        return account

    def login(self, request: HttpRequest, user: Account) -> None:
        super().login(request, user)
        brakes.forgive(attempt_of(request, user.username))
        records = get_authentication_records(request, user)
        sessions.logged_in(
            user,
            second_factor=any(record.get("method") == "mfa" for record in records),
            by=user.actor,
        )
        marks.touch(request.session)

    def post_login(self, request: HttpRequest, user: Account, **about: Any) -> HttpResponse:
        """The answer to a login, with the cookie that lets this browser in while others guess."""
        response: HttpResponse = super().post_login(request, user, **about)
        if user.role in {Role.SUPER_USER, Role.ADMIN} and not second_factor.is_asked_of(user):
            words = (
                'Your password alone opens this account: <a href="{}">set up a second factor</a>.'
            )
            messages.warning(request, format_html(words, reverse("mfa_index")))
        response.set_cookie(
            DEVICE_COOKIE,
            signing.dumps(user.username, salt=DEVICE_SALT),
            max_age=DEVICE_AGE_S,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        return response

    def set_password(self, user: Account, password: str) -> None:
        accounts.set_password(user, password=password, by=user.actor)

    def is_safe_url(self, url: str) -> bool:
        """This site only; the stock one allows every host that may be asked for."""
        request = context.request
        return url_has_allowed_host_and_scheme(
            url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )

    def is_reauthentication_required(self, app: str = "") -> bool:
        return not marks.is_fresh(context.request)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc] # allauth has no types
    """Secrets of second factors are encrypted like those of routers."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "This code is not right, or was used already.",
        "cannot_delete_authenticator": "Your role asks for a second factor: set up another first.",
    }

    def encrypt(self, text: str) -> str:
        return secrets.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return secrets.decrypt(encrypted_text)

    def get_totp_issuer(self) -> str:
        return f"ISPCore {context.request.get_host()}"

    def get_totp_label(self, user: Account) -> str:
        return user.username

    def generate_authenticator_name(self, user: Account, kind: Authenticator.Type) -> str:
        """What a new key is called before its owner gives it a better name."""
        return f"Key {Authenticator.objects.filter(user=user, type=kind).count() + 1}"

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        if not policies.of(authenticator.user).needs_second_factor:
            return True
        others = Authenticator.objects.filter(user=authenticator.user).exclude(pk=authenticator.pk)
        return bool(others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists())


def _refuse_while(wait_s: int, what: str) -> None:
    if wait_s:
        raise ValidationError(
            f"Too many failed logins {what}: wait {wait_s} s, then try again.",
            code="throttled",
        )


def attempt_of(request: HttpRequest, name: str) -> Attempt:
    """What is counted for whoever says this name: with the device, where its cookie is ours and
    names the same account."""
    cookie = request.COOKIES.get(DEVICE_COOKIE, "")
    try:
        owner = signing.loads(cookie, salt=DEVICE_SALT, max_age=DEVICE_AGE_S)
    except signing.BadSignature:
        owner = None
    device = cookie if owner is not None and owner == name else ""
    return Attempt(name, request.META.get("REMOTE_ADDR", ""), device)
