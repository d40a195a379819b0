"""CSV that a spreadsheet opens as what it is: cells never begin a formula; long files in pieces."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextvars import copy_context
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.text import slugify

# what spreadsheets take for the beginning of a formula (OWASP: CSV injection), in wide forms too
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def cell(value: Any) -> str:
    """One cell as text. What could be a formula gets an apostrophe before it; numbers do not."""
    text = "" if value is None else str(value)
    if isinstance(value, int | float) or not text.lstrip(" ").startswith(_FORMULA):
        return text
    return f"'{text}"


def lines(rows: Iterable[Sequence[Any]]) -> str:
    """Rows as the text of a CSV file (RFC 4180)."""
    made = io.StringIO()
    csv.writer(made).writerows([cell(value) for value in row] for row in rows)
    return made.getvalue()


def streamed(
    request: HttpRequest, pieces: Iterator[Iterable[Sequence[Any]]], *, name: str
) -> StreamingHttpResponse:
    """A download that is made while it is sent, one of `pieces` in memory at a time.

    Under ASGI Django would collect an ordinary iterator before it sends anything. What is read
    after the middleware has gone is read as if it were still there: in the context of now.
    """
    texts, context = (lines(piece) for piece in pieces), copy_context()

    def following() -> str | None:
        return context.run(next, texts, None)

    content = _awaited(following) if isinstance(request, ASGIRequest) else iter(following, None)
    response = StreamingHttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{file_name(name)}"'
    return response


def file_name(words: str) -> str:
    return f"{slugify(words) or 'rows'}.csv"


async def _awaited(following: Callable[[], str | None]) -> AsyncIterator[str]:
    while (text := await sync_to_async(following)()) is not None:
        yield text
