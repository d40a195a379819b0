"""What an address may ask of a list in the admin: the filters beside it, and a search of some words."""

from typing import Any

from django.contrib import admin, messages
from django.db import DataError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect

LONGEST_SEARCH = 100


class BoundedList(admin.ModelAdmin):  # type: ignore[type-arg]
    """The stock list takes any lookup on any column of its own (`?password__startswith=`, by which
    a hash is spelt out letter by letter, `?name__regex=`) and any number of words to search for,
    each a condition more. This one takes what it shows.
    """

    more_lookups: tuple[str, ...] = ()
    """Columns that our own links filter by, beside those in `list_filter`."""

    empty_hint: str = ""
    """What to do next, shown by a list that has no row and no filter."""

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        filters: Any = self.list_filter or ()
        shown = {getattr(each, "parameter_name", each) for each in filters}
        shown |= {self.date_hierarchy, *self.more_lookups}
        if lookup.partition("__")[0] not in shown or lookup.endswith("regex"):
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return super().get_search_results(request, queryset, search_term[:LONGEST_SEARCH])

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        try:
            return super().changelist_view(request, extra_context)
        except (OverflowError, DataError):  # a number that no column holds
            messages.error(request, "No row can fit this filter: all are shown.")
            return redirect(request.path)
