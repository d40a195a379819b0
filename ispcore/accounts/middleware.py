"""Says for whom a request acts: to the database (which rows it sees), and to the audit log."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from ispcore.accounts import acting
from ispcore.base import audit
from ispcore.base.rls import identity
from ispcore.base.rls.identity import Source


class ActingAccount:
    """The database shows a request what its account may see, from the moment that one is known.

    Which is asked before each statement: whoever authenticates (the session, a token) only sets
    `request.user`. A streamed answer is made in the same sight.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
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
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
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
