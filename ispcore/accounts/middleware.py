"""Tells the audit log from which surface and address a request's changes come."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from ispcore.base import audit


class AuditActor:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        surface = request.path[1:].partition("/")[0]
        surface = surface if surface in {"api", "my"} else "admin"
        with audit.coming_from(surface, address=request.META.get("REMOTE_ADDR") or None):
            return self.get_response(request)
