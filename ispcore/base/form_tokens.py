"""By what a form that is sent twice is known: `{% once %}` writes it, `unit_of_work.once` takes it."""

from uuid import UUID

from django.http import HttpRequest

FIELD = "once"


def token_of(request: HttpRequest) -> UUID | None:
    """The token that a form was sent with."""
    try:
        return UUID(request.POST.get(FIELD, ""))
    except ValueError:
        return None
