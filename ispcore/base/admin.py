"""The audit log, read only."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ispcore.base.lists import BoundedList
from ispcore.base.models import AuditEntry
from ispcore.base.templatetags.isp import clock_time

MOST_COUNTED = 20_000


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than a person would ever page: a full count of a large table is slow."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return len(rows.order_by().values_list("pk")[:MOST_COUNTED])


@admin.register(AuditEntry)
class AuditEntryAdmin(BoundedList):
    """Who changed what, when, from where."""

    list_display = ("when", "actor", "action", "about", "changed", "surface", "address")
    list_filter = ("surface", "action", "object_kind")
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

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        return super().changelist_view(request, {"title": "Audit log"} | (extra_context or {}))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        if not self.has_view_permission(
            request
        ):  # asked first: whether it exists is told to nobody
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

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
