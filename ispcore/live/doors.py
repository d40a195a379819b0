"""Who may open a socket: a page of ours with its session, or an API client with a ticket."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

from ispcore.accounts import api_identity, marks
from ispcore.accounts.api_identity import Bearer, OutsideNetworks
from ispcore.accounts.models import Account
from ispcore.accounts.operations import tickets
from ispcore.base import addresses
from ispcore.base.rls import identity

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Entry:
    """By what a socket was opened; asked again from time to time whether that still holds."""

    session_key: str | None = None
    bearer: Bearer | None = None
    address: str | None = None

    def account(self) -> Account | None:
        """Who that is now, read from the database; None once it has ended."""
        with identity.acting_as(identity.AT_LOGIN):
            if self.bearer is None:
                return account_of(self.session_key)
            try:
                return api_identity.account_of(self.bearer, address=self.address)
            except OutsideNetworks:
                return None


def ticket_of(scope: Mapping[str, Any]) -> str | None:
    """The ticket in the address (/live/?ticket=…)."""
    asked = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    return asked["ticket"][0] if "ticket" in asked else None


def admit(scope: Mapping[str, Any]) -> Entry:
    """What the socket comes by; a ticket is used up with this.

    A browser sends no ticket by itself, so with one it does not matter which page asks.
    """
    address = addresses.plain(str((scope.get("client") or [""])[0]))
    ticket = ticket_of(scope)
    if ticket is not None:
        return Entry(bearer=tickets.redeem(ticket), address=address)
    return Entry(session_key=scope["cookies"].get(settings.SESSION_COOKIE_NAME), address=address)


def origin_allowed(headers: Headers) -> bool:
    """Whether the page that opens the socket is ours.

    A browser sends Origin with every WebSocket, and cookies too, whatever page asks for it; so a
    missing, foreign or doubled Origin is refused (RFC 6455 §10.2).
    """
    origin, host = _only(headers, b"origin"), _only(headers, b"host")
    if origin is None or host is None:
        return False
    try:
        page = urlsplit(origin)
        name = (page.hostname or "").lower()
    except ValueError:
        return False
    if page.scheme not in {"http", "https"} or not name or page.path or page.query:
        return False
    if any(_matches(origin.lower(), trusted.lower()) for trusted in settings.CSRF_TRUSTED_ORIGINS):
        return True
    if settings.SESSION_COOKIE_SECURE and page.scheme != "https":
        return False
    domain, _ = split_domain_port(host)
    return page.netloc.lower() == host.lower() and validate_host(domain, settings.ALLOWED_HOSTS)


def account_of(session_key: str | None) -> Account | None:
    """The active account that is logged in under this session now, read from the database.

    None too where the session was idle for too long, which an open line does not hinder.
    """
    if not session_key:
        return None
    request = HttpRequest()
    try:
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
        user = get_user(request)
    except CookieError:
        return None
    if not isinstance(user, Account) or not user.is_active:
        return None
    return user if marks.is_welcome(request.session, user) else None


def _only(headers: Headers, name: bytes) -> str | None:
    """The value of a header that came exactly once."""
    values = [value for header, value in headers if header.lower() == name]
    return values[0].decode("latin-1") if len(values) == 1 else None


def _matches(origin: str, trusted: str) -> bool:
    """As Django's CSRF check: exact, or any name under https://*.example.com."""
    if "*" not in trusted:
        return origin == trusted
    scheme, _, pattern = trusted.partition("://*")
    return origin.startswith(f"{scheme}://") and origin.endswith(pattern)
