"""What an address may ask of a list in the admin: the filters beside it, and a search of some words."""

from typing import Any

from django.contrib import admin, messages
from django.core.cache import caches
from django.db import DataError
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.shortcuts import redirect

LONGEST_SEARCH = 100
MOST_CHOICES = 100
VALUES_KEPT_S = 60


def how_many(rows: QuerySet[Any], key: str) -> Coalesce:
    """For `annotate`: how many of `rows` point with `key` at each row of the outer query.

    A list of 100 rows counts for these only, where a join with GROUP BY counts for all.
    """
    theirs = rows.filter(**{key: OuterRef("pk")}).order_by().values(key)
    return Coalesce(Subquery(theirs.annotate(rows=Count("pk")).values("rows")), 0)


class FewRows(admin.RelatedFieldListFilter):
    """A filter by what a row belongs to, left out where there is too much to choose from: then the
    search finds it, and the address can still name one."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        rows = field.remote_field.model._default_manager.order_by().values_list("pk")
        if len(rows[: MOST_CHOICES + 1]) <= MOST_CHOICES:
            return super().field_choices(field, request, model_admin)
        return field.get_choices(
            include_blank=False, limit_choices_to={"pk__in": self.lookup_val or []}
        )

    def has_output(self) -> bool:
        return bool(self.lookup_val) or super().has_output()


class FewValues(admin.AllValuesFieldListFilter):
    """A filter by the values that a column has, left out where they are many.

    Which they are is asked once a minute: a large table has to be read for it.
    """

    def __init__(
        self, field: Any, request: Any, params: Any, model: Any, *a: Any, **kw: Any
    ) -> None:
        super().__init__(field, request, params, model, *a, **kw)
        whose = getattr(request.user, "tenant_id", None)
        kept = f"values:{model._meta.db_table}:{field.column}:{whose}"
        memory = caches["process"]
        values = memory.get(kept)
        if values is None:
            values = list(self.lookup_choices[: MOST_CHOICES + 1])
            memory.set(kept, values, VALUES_KEPT_S)
        self.lookup_choices = values if len(values) <= MOST_CHOICES else self.lookup_val or []


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
        names = (each[0] if isinstance(each, tuple) else each for each in filters)
        shown = {getattr(each, "parameter_name", each) for each in names}
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
