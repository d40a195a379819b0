"""Headers for every answer, and a clear page when the database is away."""

from collections.abc import Callable

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string

from ispcore.base import request_ids
from ispcore.base.unit_of_work import BeingDecided, NotProvisioned

RETRY_S = 10  # after which a page that found no database asks again
Answer = Callable[[HttpRequest], HttpResponseBase]

# nothing inline, nothing from elsewhere; data: is for the small icons in Django's own style sheets
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class RequestId:
    """One id for all that this request does; the first of all, so that every answer has it."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get(request_ids.HEADER, "") if settings.TRUST_REQUEST_ID else ""
        request_id = request_ids.accepted(given)
        with request_ids.during(request_id):
            response = self.get_response(request)
        response.headers[request_ids.HEADER] = request_id
        return response


class ContentSecurityPolicy:
    """The policy on every answer; and no cache on the way keeps what the API told somebody."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        if request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class DatabaseAway:
    """A request that finds no database gets 503 and says so; it never hangs or shows a trace."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, NotProvisioned | BeingDecided):  # which says itself what was changed
            return database_away(request, said=str(error))
        if isinstance(error, OperationalError | InterfaceError):
            return database_away(request)
        return None


def database_away(request: HttpRequest, *, said: str = "") -> HttpResponse:
    """503, as JSON or as a page that asks again by itself. `said`: what is to be told of a change."""
    headers = {"Retry-After": str(RETRY_S)}
    if request.path.startswith("/api/"):
        fault = {"detail": said or "the database does not answer; nothing was changed"}
        return JsonResponse(fault, status=503, headers=headers)
    # only what was asked for is asked again: a form that is open behind it keeps its entries
    asked = request.method in {"GET", "HEAD"}
    page = render_to_string("503.html", {"retry_s": RETRY_S if asked else None, "said": said})
    return HttpResponse(page, status=503, headers=headers)
