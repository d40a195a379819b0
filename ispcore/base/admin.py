"""The audit log, read only."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Max, Min, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ispcore.base.lists import BoundedList, FewValues
from ispcore.base.models import AuditEntry
from ispcore.base.templatetags.isp import clock_time

MOST_COUNTED = 5_000


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than a person would ever page: a full count of a large table is slow."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_COUNTED].count())


class EveryPeriod(QuerySet[AuditEntry]):
    """Offers all years, months or days from the first row to the last one: to leave out those
    without a row, all rows would have to be read."""

    def datetimes(self, field_name: str, kind: str, order: str = "ASC", tzinfo: Any = None) -> Any:
        ends = self.aggregate(first=Min(field_name), last=Max(field_name))
        if ends["first"] is None:
            return []
        zone = tzinfo or timezone.get_current_timezone()
        first, last = (ends[name].astimezone(zone) for name in ("first", "last"))
        found = [_cut(first, kind)]
        while (following := _cut(_STEP[kind](found[-1]), kind)) <= last:
            found.append(following)
        return found if order == "ASC" else found[::-1]


_STEP: dict[str, Callable[[datetime], datetime]] = {
    "year": lambda at: at.replace(day=1) + timedelta(days=366),
    "month": lambda at: at.replace(day=1) + timedelta(days=32),
    "day": lambda at: at + timedelta(days=1),
}


def _cut(at: datetime, kind: str) -> datetime:
    """The start of the year, month or day (Django's "day" is a day of the chosen month)."""
    start = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if kind == "day":
        return start
    return start.replace(day=1) if kind == "month" else start.replace(day=1, month=1)


@admin.register(AuditEntry)
class AuditEntryAdmin(BoundedList):
    """Who changed what, when, from where."""

    list_display = ("when", "actor", "action", "about", "changed", "surface", "address")
    list_filter = (("surface", FewValues), ("action", FewValues), ("object_kind", FewValues))
    more_lookups = ("object_id",)
    search_fields = ("actor", "object_name", "reason")
    search_help_text = "name of a person or an object, or words of a reason"
    date_hierarchy = "at"
    actions = None
    empty_value_display = "none"
    show_full_result_count = False
    paginator = CappedPaginator
    list_per_page = 100
    fields = ("when", "actor", "action", "about", "changed", "reason", "surface", "address")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        rows: QuerySet[AuditEntry] = super().get_queryset(request)
        return EveryPeriod(rows.model, rows.query.chain(), rows.db)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        return super().changelist_view(request, {"title": "Audit log"} | (extra_context or {}))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="at", ordering="at")
    def when(self, entry: AuditEntry) -> SafeString:
        return clock_time(entry.at)

    @admin.display(description="object", ordering="object_name")
    def about(self, entry: AuditEntry) -> str:
        kind = entry.object_kind.rpartition(".")[2]
        return f"{kind} {entry.object_name}"

    @admin.display(description="change")
    def changed(self, entry: AuditEntry) -> SafeString | str:
        """ "name: old → new" for each column that changed; what was made shows its values."""
        names = [name for name in {**entry.old, **entry.new} if name != "id"]
        if not names:
            return entry.reason
        if not entry.old:
            shown = [
                (name, _shown(entry.new[name])) for name in names if entry.new[name] not in _NONE
            ]
            return format_html_join(", ", "{}: {}", shown)
        pairs = [(n, _shown(entry.old.get(n)), _shown(entry.new.get(n))) for n in names]
        return format_html("{}", format_html_join(", ", "{}: {} → {}", pairs))


_NONE: tuple[Any, ...] = (None, "", [], {})


def _shown(value: Any) -> str:
    if value in _NONE:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
