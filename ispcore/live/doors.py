"""Who may open a socket: the page's origin, and the session behind the cookie."""

from collections.abc import Iterable
from http.cookies import CookieError
from importlib import import_module
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

from ispcore.accounts import marks
from ispcore.accounts.models import Account

Headers = Iterable[tuple[bytes, bytes]]


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
