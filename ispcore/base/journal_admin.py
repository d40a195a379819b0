"""The provisioning journal: what was in doubt between the two databases, and how it ended. Read only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ispcore.base import clock, unit_of_work
from ispcore.base.lists import BoundedList
from ispcore.base.models import JournalEntry
from ispcore.base.templatetags.isp import clock_time
from ispcore.base.units import format_names

KEYS_IN_LIST = 3
MOST_DOUBTS = 20
LATE = timedelta(seconds=90)  # longer than any lock is waited for
SOON = "Its writer completes it; should that have ended, it is undone in both within seconds of its end"
STUCK = (
    "It will be undone in both. That is tried every 5 s and did not succeed: the log of the provision "
    "cluster says why, under this number:"
)
RADIUS_AWAY = (
    "FreeRADIUS' database does not answer, so what is in doubt now is unknown. It is decided as soon "
    "as it is back"
)


class Shown(admin.SimpleListFilter):
    """What was in doubt, unless everything is asked for."""

    title = "what is shown"
    parameter_name = "shown"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("undone", "Undone"), ("all", "Every change")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        doubted = queryset.exclude(doubt="")
        return doubted.filter(outcome="undone") if self.value() == "undone" else doubted

    def choices(self, changelist: Any) -> Any:
        offered = list(super().choices(changelist))
        return [offered[0] | {"display": "What was in doubt"}, *offered[1:]]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A unit between its two commits, or left there, as the page tells it."""

    gid: str
    what: str
    changed: str
    since: datetime
    kind: str
    then: str


def _now_in_doubt() -> dict[str, Any]:
    try:
        found = [_doubt(each) for each in unit_of_work.doubted()]
    except unit_of_work.RadiusAway:
        return {"doubts": [], "doubt_fault": RADIUS_AWAY}
    return {"doubts": found[:MOST_DOUBTS], "more_doubts": max(len(found) - MOST_DOUBTS, 0)}


def _doubt(each: unit_of_work.Doubted) -> Doubt:
    is_late = clock.now() - each.since > LATE
    return Doubt(
        gid=str(each.gid),
        what=each.what,
        changed=f"{each.scope.kind} {format_names(each.scope.keys, most=KEYS_IN_LIST)}",
        since=each.since,
        kind="critical" if is_late else "info",
        then=STUCK if is_late else SOON,
    )


@admin.register(JournalEntry)
class JournalEntryAdmin(BoundedList):
    """Every change of what is provisioned, and by whom it was decided where that was in doubt."""

    list_display = ("when", "what", "changed", "outcome", "doubt", "decided")
    list_display_links = ("what",)
    list_filter = (Shown,)
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    fields = (
        "when",
        "what",
        "changed",
        "outcome",
        "doubt",
        "decided",
        "decided_by",
        "audit",
        "gid",
    )
    readonly_fields = fields
    actions = None
    empty_value_display = "–"
    empty_hint = "No change has been in doubt and was decided. Choose every change at the side to see them all."

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """What is in doubt now stands above what was."""
        now = {"title": "Provisioning journal"} | _now_in_doubt()
        return super().changelist_view(request, now | (extra_context or {}))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """An entry has no history: it is one."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return redirect(reverse("admin:base_journalentry_change", args=[object_id]))

    @admin.display(description="at")
    def when(self, entry: JournalEntry) -> SafeString:
        return clock_time(entry.at)

    @admin.display(description="changed")
    def changed(self, entry: JournalEntry) -> str:
        """ "subscriber ali, bea and 18 more" """
        return f"{entry.kind} {format_names(entry.keys, most=KEYS_IN_LIST, count=entry.key_count)}"

    @admin.display(description="decided at")
    def decided(self, entry: JournalEntry) -> SafeString | str:
        return clock_time(entry.decided_at) if entry.decided_at else self.get_empty_value_display()

    @admin.display(description="audit log")
    def audit(self, entry: JournalEntry) -> SafeString | str:
        """All that the same request did."""
        if not entry.request_id:
            return self.get_empty_value_display()
        log = reverse("admin:base_auditentry_changelist")
        return format_html('<a href="{}?request={}">of its request</a>', log, entry.request_id)
