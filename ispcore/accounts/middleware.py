"""What each request says of its person: to the database (which rows it sees), to the audit log, and
whether their session goes on."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.db import InterfaceError, OperationalError
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.template.loader import render_to_string
from django.urls import reverse

from ispcore.accounts import acting, marks, policies
from ispcore.accounts.hashing import TooManyHashes
from ispcore.accounts.models import Account
from ispcore.accounts.operations import sessions
from ispcore.base import audit
from ispcore.base.middleware import Answer, database_away
from ispcore.base.rls import identity
from ispcore.base.rls.identity import Source

ENTRANCE = "/account/"
OUT = "/logout/"
HEALTH = "/health/"  # tells nobody's, and tells it while the database that has sessions is away
RETRY_S = 5  # after which a login that found no place may be tried again


class ActingAccount:
    """The database shows a request what its account may see, from the moment that one is known.

    Which is asked before each statement: whoever authenticates (the session, a token) only sets
    `request.user`. A streamed answer is made in the same sight.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        def source() -> identity.Sight:
            return acting.sight_of(acting.known(request))

        with identity.acting_as(source):
            response = self.get_response(request)
        if isinstance(response, StreamingHttpResponse):
            parts: Any = response.streaming_content
            wrap = _parts_later if response.is_async else _parts
            response.streaming_content = wrap(parts, source)
        return response


SURFACES = ("api", "my")  # by the first word of the address; all else is the admin


class AuditActor:
    """Tells the audit log from which surface and address a request's changes come."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        place = request.path.partition("/")[2].partition("/")[0]
        surface = place if place in SURFACES else "admin"
        with audit.coming_from(surface, address=request.META.get("REMOTE_ADDR") or None):
            return self.get_response(request)


def _parts(parts: Iterator[bytes], source: Source) -> Iterator[bytes]:
    done = object()
    while True:
        with identity.acting_as(source):
            part: Any = next(parts, done)
        if part is done:
            return
        yield part


async def _parts_later(parts: AsyncIterator[bytes], source: Source) -> AsyncIterator[bytes]:
    done = object()
    while True:
        with identity.acting_as(source):
            part: Any = await anext(parts, done)
        if part is done:
            return
        yield part


class SessionGuard:
    """Ends a session that was idle for too long, and lets nobody past without the second factor
    that their role asks for. Pages that a person opens keep a session alive, nothing else does.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path == HEALTH:
            return self.get_response(request)
        try:
            held = self._held(request)
        except (OperationalError, InterfaceError):
            return database_away(request)
        return held or self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """A flood of logins is told to wait; it does not take the machine."""
        if not isinstance(error, TooManyHashes):
            return None
        headers = {"Retry-After": str(RETRY_S)}
        answer: HttpResponse
        if request.path.startswith("/api/"):
            fault = {"detail": "too many logins at this moment; try again in some seconds"}
            answer = JsonResponse(fault, status=503, headers=headers)
        else:
            page = render_to_string("busy.html", request=request)
            answer = HttpResponse(page, status=503, headers=headers)
        answer._has_been_logged = True  # type: ignore[attr-defined] # anybody can ask for thousands
        return answer

    def _held(self, request: HttpRequest) -> HttpResponseBase | None:
        account = request.user
        if not isinstance(account, Account):
            return None
        timeout_s = policies.of(account).idle_timeout_s
        if marks.idle_s(request.session) > timeout_s:
            return self._end(request, timeout_s)
        if marks.is_navigation(request) and marks.is_due(request.session):
            self._touch(request, account)
        if policies.lacks_second_factor(account):
            return self._ask_for_second_factor(request)
        return None

    @staticmethod
    def _end(request: HttpRequest, timeout_s: int) -> None:
        """From here on nobody is logged in: the page asked for leads to the login."""
        logout(request)
        if marks.is_navigation(request):
            messages.info(request, f"You were logged out after {_span(timeout_s)} without a page.")

    @staticmethod
    def _touch(request: HttpRequest, account: Account) -> None:
        marks.touch(request.session)
        sessions.seen(
            account,
            session_key=request.session.session_key or "",
            address=request.META.get("REMOTE_ADDR", ""),
            user_agent=request.headers.get("User-Agent", ""),
        )

    @staticmethod
    def _ask_for_second_factor(request: HttpRequest) -> HttpResponseBase | None:
        request.lacks_second_factor = True  # type: ignore[attr-defined] # for the page that sets it up
        if request.path.startswith(ENTRANCE) or request.path.endswith(OUT):
            return None
        if request.path.startswith("/api/"):
            fault = "your role asks for a second factor: set one up in the portal first"
            return JsonResponse({"detail": fault}, status=403)
        return HttpResponseRedirect(reverse("mfa_index"))


def _span(seconds: int) -> str:
    minutes = seconds // 60
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
