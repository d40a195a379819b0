"""What the API reads from an address: every refusal names the parameter and the fault."""

from collections.abc import Collection
from datetime import UTC, datetime

from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request

YEARS = range(
    1970, 3000
)  # room on both sides to reckon with: no month before the first, none after


class Pages(PageNumberPagination):
    """100 rows a page unless `page_size` says otherwise, at most 1,000."""

    page_size_query_param = "page_size"
    max_page_size = 1000


def refuse_unknown(request: Request, known: Collection[str]) -> None:
    """A misspelt parameter is not ignored: it would look as if it had been applied."""
    allowed = {*known, "page", "page_size", "format"}
    for name in request.query_params:
        if name not in allowed:
            raise ValidationError({name: f"unknown parameter; known: {', '.join(sorted(known))}"})


def choice(request: Request, name: str, choices: Collection[str]) -> str | None:
    """One of `choices`, or None where the parameter is not given."""
    value = request.query_params.get(name)
    if value is None or value in choices:
        return value
    raise ValidationError({name: f"{value[:40]!r} is none of {', '.join(choices)}"})


def instant(request: Request, name: str) -> datetime | None:
    """An ISO 8601 instant with its offset, in UTC; None where the parameter is not given."""
    value = request.query_params.get(name)
    if value is None:
        return None
    text = value.strip().replace(" ", "+")  # an unescaped "+" of an offset arrives as a space
    try:
        at = parse_datetime(text)
        if at is None or at.tzinfo is None or at.year not in YEARS:
            raise ValueError
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValidationError(
            {name: f"{value[:40]!r} is no instant with an offset, like 2026-11-20T21:30:00+06:00"}
        ) from None
