"""The audit log: search across all of it, one entry, and a download. Read only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ispcore.base import audit_search, clock, csv_files
from ispcore.base.audit_search import A_PAGE, SURFACES, Wanted
from ispcore.base.history import Line, Words, label_of, model_of
from ispcore.base.journal_admin import JournalEntryAdmin
from ispcore.base.lists import BoundedList
from ispcore.base.models import AuditEntry
from ispcore.base.templatetags.isp import clock_time

MOST_LINES = 6
HEAD = (
    *("at (UTC)", "kind of actor", "actor", "token", "surface", "address", "request id", "process"),
    *("action", "kind of object", "object id", "object", "field", "old", "new", "reason", "batch"),
)
_LABELS = {
    "actor": "by {}",
    "action": "action {}",
    "object_id": "object number {}",
    "request": "request {}",
    "address": "from {}",
    "batch": "members of batch {}",
}


@dataclass(frozen=True, slots=True)
class Row:
    """An entry in words, with where its object is to be seen."""

    entry: AuditEntry
    kind: str
    lines: Sequence[Line]
    more: int
    log_url: str
    batch_url: str


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing that is asked for by a link, and the address without it."""

    words: str
    without_url: str


@admin.register(AuditEntry)
class AuditEntryAdmin(BoundedList):
    """Who changed what, when, from where."""

    fields = (
        *("when", "who", "surface", "address", "request_id", "process"),
        *("action", "about", "changed", "reason", "batch_link"),
    )
    readonly_fields = fields
    actions = None
    empty_value_display = "none"

    # -- the list

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        if not self.has_view_permission(request):
            return super().changelist_view(request, extra_context)  # which refuses
        ask = audit_search.wanted(request.GET.dict())
        if request.GET.get("as") == "csv":
            return csv_files.streamed(request, _csv(ask), name=f"audit-{clock.now():%Y%m%d-%H%M}")
        search = audit_search.found(ask)
        found = list(search.rows[: A_PAGE + 1])
        context = self.admin_site.each_context(request) | {
            "title": "Audit log",
            "opts": self.opts,
            "zone": clock.isp_zone().key,
            "ask": ask,
            "rows": _rows(found[:A_PAGE]),
            "chips": [
                Chip(_LABELS[name].format(value), _url(request.GET, **{name: None}))
                for name, value in ask.exact.items()
            ],
            "kept": ask.exact,
            "kinds": AuditEntry.Kind.choices,
            "surfaces": SURFACES,
            "object_kinds": self._object_kinds(),
            "older_url": _url(request.GET, before=str(found[A_PAGE - 1].pk))
            if len(found) > A_PAGE
            else "",
            "newest_url": _url(request.GET, before=None) if ask.before else "",
            "csv_url": _url(request.GET, before=None, **{"as": "csv"}),
            "window": audit_search.WINDOW,
            "window_ends": search.window_ends if len(found) <= A_PAGE else None,
        }
        return TemplateResponse(request, "portal/audit/list.html", context)

    def _object_kinds(self) -> list[tuple[str, str]]:
        models = [model for model in self.admin_site._registry if model is not AuditEntry]
        named = [(m._meta.label_lower, str(m._meta.verbose_name)) for m in models]
        return sorted(named, key=lambda pair: pair[1])

    # -- one entry

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        title = {"title": "Audit entry"}
        return super().changeform_view(request, object_id, form_url, title | (extra_context or {}))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """An entry has no history: it never changes."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return redirect(reverse("admin:base_auditentry_change", args=[object_id]))

    @admin.display(description="at")
    def when(self, entry: AuditEntry) -> SafeString:
        return clock_time(entry.at)

    @admin.display(description="by")
    def who(self, entry: AuditEntry) -> str:
        token = f", token {entry.token}" if entry.token else ""
        return f"{entry.actor} ({entry.get_kind_display().lower()}{token})"

    @admin.display(description="object")
    def about(self, entry: AuditEntry) -> SafeString:
        return format_html(
            '<a href="{}">{} {}</a>', _log_url(entry), _kind(entry), entry.object_name
        )

    @admin.display(description="changed")
    def changed(self, entry: AuditEntry) -> SafeString | str:
        """ "name: old → new" for each column that changed; what was made shows its values."""
        lines = Words([entry]).lines(entry)
        pairs = [(e.label, " → ".join(filter(None, (e.old, e.new)))) for e in lines]
        return format_html_join(SafeString("<br>"), "{}: {}", pairs) if pairs else "no values"

    @admin.display(description="batch")
    def batch_link(self, entry: AuditEntry) -> SafeString | str:
        head = entry.pk if entry.members else entry.batch_id
        if head is None:
            return "none: a single change"
        words = f"{entry.members} members" if entry.members else f"part of batch {head}"
        return format_html('<a href="{}?batch={}">{}</a>', _base_url(), head, words)


def _rows(entries: Sequence[AuditEntry]) -> list[Row]:
    words = Words(entries)
    return [
        Row(
            entry,
            _kind(entry),
            lines[:MOST_LINES],
            max(len(lines) - MOST_LINES, 0),
            _log_url(entry),
            f"?batch={entry.pk}" if entry.members else "",
        )
        for entry in entries
        for lines in [words.lines(entry)]
    ]


def _kind(entry: AuditEntry) -> str:
    model = model_of(entry.object_kind)
    if model is None:
        return entry.object_kind.rpartition(".")[2]
    return str(model._meta.verbose_name_plural if entry.members else model._meta.verbose_name)


def _log_url(entry: AuditEntry) -> str:
    """The object's own history, where it has one; else the log of it, as of what is gone."""
    asked = QueryDict(mutable=True)
    asked.update({"object_kind": entry.object_kind, "object_id": entry.object_id})
    log = f"{_base_url()}?{asked.urlencode()}"
    if entry.action.startswith("delete") or not entry.object_id:
        return log
    try:
        name = f"admin:{entry.object_kind.replace('.', '_')}_history"
        return reverse(name, args=[entry.object_id])
    except NoReverseMatch:
        return log


def _base_url() -> str:
    return reverse("admin:base_auditentry_changelist")


def _url(asked: QueryDict, **changes: str | None) -> str:
    query = asked.copy()
    query.pop("as", None)
    query.pop("before", None)
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = value
    return f"{_base_url()}?{query.urlencode()}"


def _csv(ask: Wanted) -> Iterator[list[Sequence[Any]]]:
    """One line per changed value, as `found` finds them; the last one says where it was cut."""
    yield [HEAD]
    given = 0
    for piece in audit_search.pieces(ask):
        words = Words(piece)
        yield [line for entry in piece for line in _csv_lines(entry, words)]
        given += len(piece)
    if given >= audit_search.MOST_CSV:
        yield [(f"cut after {given} entries: choose dates to have the others",)]


def _csv_lines(entry: AuditEntry, words: Words) -> Iterator[Sequence[Any]]:
    model = model_of(entry.object_kind)
    first = (
        *(entry.at.strftime("%Y-%m-%dT%H:%M:%SZ"), entry.kind, entry.actor, entry.token),
        *(entry.surface, entry.address, entry.request_id, entry.process, entry.action),
        *(entry.object_kind, entry.object_id, entry.object_name),
    )
    last = (entry.reason, entry.batch_id or (entry.pk if entry.members else ""))
    for line in words.lines(entry) or [Line("", "", "", "")]:
        yield (*first, label_of(model, line.name) if line.name else "", line.old, line.new, *last)


__all__ = ["AuditEntryAdmin", "JournalEntryAdmin"]
