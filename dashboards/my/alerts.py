"""My alerts: what is wrong for this tenant, in its own words, and who has taken it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse

from dashboards.my.sections import Section
from ispcore.accounts import security
from ispcore.accounts.models import Account
from ispcore.accounts.pages import account_of, back, require, typed
from ispcore.accounts.roles import May
from ispcore.accounts.scope import visible
from ispcore.base.faults import UNCHANGED
from monitoring import queries
from monitoring.models import Alert, AlertEvent, Severity
from monitoring.operations import alerts as operations
from monitoring.operations.alerts import AlertMoved
from resellers.models import Mapping

MOST_OPEN = 100
MOST_ON_HOME = 5
MOST_NOTE = 500
A_PAGE = 30
PROVIDER = "your provider"
LINK = "resellers.mapping"
OVER, CLOSE = "Over your plan", "Close to your plan"
Kind = AlertEvent.Kind
_EVENTS = {
    Kind.ACKNOWLEDGED: ("ok", "took it"),
    Kind.NOTE: ("info", "noted"),
    Kind.RESOLVED: ("ok", "resolved it"),
}


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert as its tenant sees it. `kind` is its severity, `word` the same in words."""

    pk: int
    kind: str
    word: str
    about: str
    what: str
    opened_at: datetime
    taken_by: str
    resolved_at: datetime | None
    url: str

    @property
    def lasted(self) -> timedelta | None:
        return self.resolved_at - self.opened_at if self.resolved_at else None


@dataclass(frozen=True, slots=True)
class EventRow:
    at: datetime
    kind: str
    who: str
    what: str


def of(account: Account) -> QuerySet[Alert]:
    """What an account sees: all alerts of its tenant, or where it is narrowed some of them."""
    return visible(Alert.objects.all(), account)


def rows(alerts: Iterable[Alert]) -> list[AlertRow]:
    """One row per alert, in the order given."""
    found = list(alerts)
    links = _links_of(found)
    return [_row(alert, *_words(alert, links)) for alert in found]


def _row(alert: Alert, about: str, what: str) -> AlertRow:
    return AlertRow(
        pk=alert.pk,
        kind=alert.severity,
        word=str(Severity(alert.severity).label),
        about=about,
        what=what,
        opened_at=alert.opened_at,
        taken_by=_taker(alert),
        resolved_at=alert.resolved_at,
        url=reverse("my:alert", args=[alert.pk]),
    )


def head(alerts: QuerySet[Alert]) -> dict[str, Any]:
    """What every page shows of the alerts: how many are open, and the critical ones aloud."""
    return {
        "open_alerts": queries.live(alerts).count(),
        "critical": rows(queries.untaken_critical(alerts.select_related("acknowledged_by"))),
    }


def open_rows(alerts: QuerySet[Alert]) -> list[AlertRow]:
    """All that is not resolved, worst first."""
    unresolved = queries.live(alerts.select_related("acknowledged_by"))
    return rows(queries.worst_first(unresolved)[:MOST_OPEN])


def context(alerts: QuerySet[Alert]) -> dict[str, Any]:
    """What the lists of open alerts need, on a page and in a live frame."""
    found = open_rows(alerts)
    critical = [r for r in found if r.kind == Severity.CRITICAL and not r.taken_by]
    return {"open": found, "first": found[:MOST_ON_HOME]} | {
        "open_alerts": len(found) if len(found) < MOST_OPEN else head(alerts)["open_alerts"],
        "critical": critical[:10],
    }


def events(alert: Alert) -> list[EventRow]:
    """The timeline, newest first. The provider's people are not named, and what they noted was
    written for their colleagues: of theirs one learns that they took or resolved it."""
    own = set(Account.objects.filter(tenant=alert.tenant_id).values_list("username", flat=True))
    found = []
    for event in queries.events(alert):
        if not event.by or event.by in own:
            found.append(_event(event, event.by, event.text))
        elif event.kind != Kind.NOTE:
            found.append(_event(event, PROVIDER.capitalize(), ""))
    return found


def _event(event: AlertEvent, who: str, text: str) -> EventRow:
    kind, said = _EVENTS.get(Kind(event.kind), (event.severity, ""))
    if not who:
        said = {
            Kind.OPENED: f"Opened as {event.severity}",
            Kind.SEVERITY: "Changed",
            Kind.RESOLVED: "Resolved by itself",
        }.get(Kind(event.kind), said.capitalize())
    return EventRow(event.at, kind, who, f"{said}: {text}" if text else said)


def _taker(alert: Alert) -> str:
    taker = alert.acknowledged_by
    if taker is not None and taker.tenant_id == alert.tenant_id:
        return taker.username
    return PROVIDER if taker is not None or alert.acknowledged_at else ""


def _links_of(alerts: Sequence[Alert]) -> dict[int, tuple[str, str]]:
    """What a person calls the links that some of these alerts are about, and their interface."""
    keys = [alert.subject_id for alert in alerts if alert.subject_kind == LINK]
    if not keys:
        return {}
    columns = ("pk", "vlan_id", "interface__name", "router__name")
    found = Mapping.objects.filter(pk__in=keys).values_list(*columns)
    return {
        pk: (f"{interface if vlan is None else f'VLAN {vlan}'} on {router}", interface)
        for pk, vlan, interface, router in found
    }


def _words(alert: Alert, links: dict[int, tuple[str, str]]) -> tuple[str, str]:
    """(about, what): the words for staff name the reseller, and say what staff should do."""
    if alert.subject_kind == "resellers.reseller":
        over = alert.severity in {Severity.CRITICAL, Severity.HIGH}
        return OVER if over else CLOSE, alert.summary
    if alert.subject_kind == LINK and alert.subject_id in links:
        name, interface = links[alert.subject_id]
        return name, f"Interface {interface} is gone from the router: it is not counted now"
    return alert.subject, alert.summary


class Alerts(Section):
    """Open and past alerts, each with its own page."""

    start, label, icon, key = "alerts", "Alerts", "bell", "a"

    def urls(self) -> Sequence[URLPattern]:
        return [
            self.route("alerts/", self.alerts, "alerts"),
            self.route("alerts/<int:pk>/", self.alert, "alert"),
            self.button("alerts/<int:pk>/acknowledge/", self.acknowledge, "acknowledge"),
            self.button("alerts/<int:pk>/note/", self.note, "note"),
        ]

    def alerts(self, request: HttpRequest) -> HttpResponse:
        past = self._alerts(request).filter(state=Alert.State.RESOLVED)
        page = Paginator(past.order_by("-resolved_at", "-pk"), A_PAGE).get_page(
            request.GET.get("page")
        )
        shown = context(of(account_of(request))) | {"past": rows(page.object_list), "page": page}
        return self.page(request, "my/alerts/page.html", shown, title="Alerts")

    def alert(self, request: HttpRequest, pk: int) -> HttpResponse:
        alert = self._alert_or_404(request, pk)
        (found,) = rows([alert])
        shown = {"alert": found, "events": events(alert)}
        if request.GET.get("fragment") == "detail":
            frame = self.site.each_context(request)
            return TemplateResponse(request, "my/alerts/detail.html", frame | shown)
        return self.page(request, "my/alerts/alert.html", shown, title=found.about)

    def acknowledge(self, request: HttpRequest, pk: int) -> HttpResponse:
        account, alert, note = self._asked(request, pk)
        return self._do(
            request,
            alert,
            lambda: operations.acknowledge(alert, by=account, note=note),
            "Acknowledged: your provider sees that you know.",
        )

    def note(self, request: HttpRequest, pk: int) -> HttpResponse:
        account, alert, note = self._asked(request, pk)
        if not note:
            messages.error(request, f"The note is empty. {UNCHANGED}")
            return back(request, reverse("my:alert", args=[pk]))
        return self._do(
            request, alert, lambda: operations.add_note(alert, by=account, note=note), "Noted."
        )

    def _do(
        self, request: HttpRequest, alert: Alert, act: Callable[[], None], words: str
    ) -> HttpResponse:
        try:
            act()
        except AlertMoved:
            messages.error(request, f"This alert has moved on meanwhile. {UNCHANGED}")
        else:
            messages.success(request, words)
        return back(request, reverse("my:alert", args=[alert.pk]))

    def _asked(self, request: HttpRequest, pk: int) -> tuple[Account, Alert, str]:
        account = require(request, May.HANDLE_ALERTS)
        note = typed(request.POST.get("note", ""), most=MOST_NOTE)
        return account, self._alert_or_404(request, pk), note

    def _alerts(self, request: HttpRequest) -> QuerySet[Alert]:
        return visible(Alert.objects.select_related("acknowledged_by"), request.user)

    def _alert_or_404(self, request: HttpRequest, pk: int) -> Alert:
        alert = self._alerts(request).filter(pk=pk).first()
        if alert is None:
            security.denied_row(request, Alert, pk)
            raise Http404
        return alert
