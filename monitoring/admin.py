"""The alert console and the rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse

from ispcore.accounts.models import Account
from ispcore.accounts.pages import (
    OperationForm,
    PageAdmin,
    ScopedAdmin,
    actor_of,
    back,
    page_url,
    pk_of,
    require,
    typed,
)
from ispcore.accounts.roles import May
from ispcore.base.faults import UNCHANGED
from ispcore.base.templatetags.isp import state
from monitoring import pages, queries
from monitoring.models import SECURITY, Alert, Rule, Severity
from monitoring.operations import alerts as operations
from monitoring.operations import rule_edits
from monitoring.operations.alerts import AlertMoved
from monitoring.pages import MOST_ROWS

TABS = ("open", "acknowledged", "resolved")
KINDS = {
    "reseller": ("Resellers", "resellers.reseller"),
    "router": ("Routers", "routers.router"),
    "collector": ("Collection", "routers.collector"),
    "security": ("Security", SECURITY),
}
MOST_NOTE = 500


@dataclass(frozen=True, slots=True)
class Option:
    label: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Filter:
    label: str
    options: Sequence[Option]


@admin.register(Alert)
class AlertAdmin(PageAdmin):
    """Alerts: the console, each alert's own page, and the buttons of both."""

    page_template = "portal/alerts/alert.html"
    list_select_related = ("acknowledged_by", "rule")

    def page_urls(self) -> Sequence[URLPattern]:
        many = self.acknowledge_many
        return [
            self.route("<int:pk>/acknowledge/", self.acknowledge, "acknowledge", post=True),
            self.route("<int:pk>/resolve/", self.resolve, "resolve", post=True),
            self.route("<int:pk>/note/", self.note, "note", post=True),
            self.route("acknowledge/", many, "acknowledge_many", post=True),
        ]

    # -- the console

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        alerts = self.get_queryset(request)
        chosen, wanted = _chosen(alerts, request.GET)
        tab_urls = {tab: _url(request.GET, tab=None if tab == "open" else tab) for tab in TABS}
        tab = wanted.get("tab", "open")
        context = pages.console(alerts, state=tab, tab_urls=tab_urls, chosen=chosen)
        context |= {
            "filters": _filters(request.GET, wanted),
            "filtered": bool(wanted),
            "query": wanted.get("q", ""),
            "detail": self._chosen_detail(request),
        }
        if wanted and not context["rows"]:
            context["empty_words"] = "No alert fits these filters."
        return self.answer(request, "portal/alerts/page.html", context, title="Alerts")

    def _chosen_detail(self, request: HttpRequest) -> pages.AlertDetail | None:
        """The alert named by ?alert=, if this account may see it."""
        found = self.get_queryset(request).filter(pk=pk_of(request.GET.get("alert", ""))).first()
        return pages.detail(found) if found else None

    # -- one alert

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        return super().get_queryset(request).select_related("acknowledged_by", "rule")

    def page_context(self, request: HttpRequest, row: Alert) -> dict[str, Any]:
        return {"detail": pages.detail(row)}

    def page(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        if request.GET.get("fragment") != "detail":
            return super().page(request, pk)
        alert = self.visible_or_404(request, pk)
        context = self.admin_site.each_context(request) | {"detail": pages.detail(alert)}
        return TemplateResponse(request, "portal/alerts/detail.html", context)

    # -- the buttons

    def acknowledge(self, request: HttpRequest, pk: int) -> HttpResponse:
        account, alert, note = self._asked(request, pk)
        return self._done(
            request,
            alert,
            lambda: operations.acknowledge(alert, by=account, note=note),
            f"{alert.subject}: acknowledged.",
        )

    def resolve(self, request: HttpRequest, pk: int) -> HttpResponse:
        account, alert, note = self._asked(request, pk, May.RESOLVE_ALERTS)
        return self._done(
            request,
            alert,
            lambda: operations.resolve(alert, by=account, note=note),
            f"{alert.subject}: resolved. It opens anew if the trouble persists.",
        )

    def note(self, request: HttpRequest, pk: int) -> HttpResponse:
        account, alert, note = self._asked(request, pk)
        if not note:
            messages.error(request, f"The note is empty. {UNCHANGED}")
            return back(request, page_url(alert))
        operations.add_note(alert, by=account, note=note)
        messages.success(request, f"{alert.subject}: noted.")
        return back(request, page_url(alert))

    def acknowledge_many(self, request: HttpRequest) -> HttpResponse:
        account = require(request, May.HANDLE_ALERTS)
        pks = [pk_of(text) for text in request.POST.getlist("pk")]
        alerts = list(self.get_queryset(request).filter(pk__in=pks[:MOST_ROWS]))
        taken = operations.acknowledge_many(alerts, by=account, note=_note(request))
        if not alerts:
            messages.error(request, f"No alert was selected. {UNCHANGED}")
        elif taken < len(alerts):
            left = len(alerts) - taken
            messages.warning(request, f"{taken} acknowledged; {left} had moved on meanwhile.")
        else:
            messages.success(request, f"{taken} acknowledged.")
        return back(request, reverse("admin:monitoring_alert_changelist"))

    def _asked(
        self, request: HttpRequest, pk: int, capability: May = May.HANDLE_ALERTS
    ) -> tuple[Account, Alert, str]:
        account = require(request, capability)
        return account, self.visible_or_404(request, pk), _note(request)

    def _done(self, request: HttpRequest, alert: Alert, act: Any, words: str) -> HttpResponse:
        try:
            act()
        except AlertMoved as moved:
            messages.error(request, f"{moved}.")
        else:
            messages.success(request, words)
        return back(request, page_url(alert))


def _note(request: HttpRequest) -> str:
    """The note of the form; the longest of several, for a bulk form has one of its own."""
    notes = [typed(note, most=MOST_NOTE) for note in request.POST.getlist("note")]
    return max(notes, key=len, default="")


def _chosen(alerts: QuerySet[Alert], asked: QueryDict) -> tuple[QuerySet[Alert], dict[str, str]]:
    """The alerts that fit the address, and the parts of it that were understood."""
    wanted: dict[str, str] = {}
    if (tab := asked.get("tab", "open")) in TABS[1:]:
        wanted["tab"] = str(tab)
    severity = asked.get("severity", "")
    if severity in Severity.values:
        wanted["severity"] = str(severity)
        alerts = alerts.filter(severity=severity)
    kind = asked.get("kind", "")
    if kind in KINDS:
        wanted["kind"] = str(kind)
        alerts = alerts.filter(subject_kind=KINDS[str(kind)][1])
    if words := typed(asked.get("q", "")):
        wanted["q"] = words
        alerts = alerts.filter(
            Q(subject__icontains=words) | Q(summary__icontains=words) | Q(impact__icontains=words)
        )
    return alerts, wanted


def _filters(asked: QueryDict, wanted: dict[str, str]) -> list[Filter]:
    severities = [(value, label) for value, label in reversed(Severity.choices)]
    kinds = [(key, label) for key, (label, _) in KINDS.items()]
    return [
        _filter("Severity", "severity", severities, asked, wanted),
        _filter("About", "kind", kinds, asked, wanted),
    ]


def _filter(
    label: str,
    name: str,
    choices: Sequence[tuple[str, str]],
    asked: QueryDict,
    wanted: dict[str, str],
) -> Filter:
    current = wanted.get(name)
    options = [Option("all", _url(asked, **{name: None}), current is None)]
    options += [
        Option(text, _url(asked, **{name: value}), current == value) for value, text in choices
    ]
    return Filter(label, options)


def _url(asked: QueryDict, **changes: str | None) -> str:
    """The console's address with these parts changed (None takes one away)."""
    query = asked.copy()
    query.pop("alert", None)
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = value
    base = reverse("admin:monitoring_alert_changelist")
    return f"{base}?{query.urlencode()}" if query else base


class RuleForm(OperationForm):
    """A rule in plain words."""

    class Meta:
        model = Rule
        fields = [
            *("name", "metric", "comparison", "warning", "critical", "for_s", "clear_for_s"),
            *("hysteresis", "warning_severity", "critical_severity", "is_enabled"),
        ]
        labels = {
            "metric": "What it looks at",
            "comparison": "Alert when the value is",
            "warning": "Warning",
            "critical": "Critical",
            "for_s": "For at least",
            "clear_for_s": "Resolve after",
            "hysteresis": "Slack",
            "warning_severity": "A warning alerts as",
            "critical_severity": "Critical alerts as",
        }
        help_texts = {
            "warning": "empty: no warning level; a reseller's own thresholds go before these",
            "critical": "empty: no critical level",
            "for_s": "seconds that the value must be beyond before it alerts",
            "clear_for_s": "seconds that it must be back before the alert resolves by itself",
            "hysteresis": "how far behind the threshold the value must fall to count as back",
        }
        widgets = {"metric": forms.Select}


@admin.register(Rule)
class RuleAdmin(ScopedAdmin):
    """Rules: what raises alerts."""

    form = RuleForm
    list_display = ("name", "metric", "says", "switched")
    list_filter = ("is_enabled", "metric")
    search_fields = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "metric", "is_enabled")}),
        ("When", {"fields": ("comparison", "warning", "critical", "for_s")}),
        ("When it is over", {"fields": ("hysteresis", "clear_for_s")}),
        ("How loud", {"fields": ("warning_severity", "critical_severity")}),
    )

    def store(self, request: HttpRequest, row: Rule, form: Any, *, change: bool) -> None:
        rule_edits.save(row, by=actor_of(request))
        left = queries.live(Alert.objects.filter(rule=row)).count()
        if not row.is_enabled and left:
            messages.warning(
                request, f"{row} is off now: its open alerts ({left}) stay until they are resolved."
            )

    @admin.display(description="says")
    def says(self, rule: Rule) -> str:
        return pages.rule_words(rule).partition(": ")[2]

    @admin.display(description="state", ordering="is_enabled")
    def switched(self, rule: Rule) -> str:
        return state("ok", "On") if rule.is_enabled else state("low", "Off")
