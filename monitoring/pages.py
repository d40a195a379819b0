"""Alerts as pages and live spots show them."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ispcore.accounts.models import Account
from ispcore.base import clock
from ispcore.base.templatetags.isp import number
from ispcore.base.urls import urls_of
from monitoring import queries
from monitoring.models import Alert, AlertEvent, Metric, Rule, Severity

MOST_ROWS = 200
Kind = AlertEvent.Kind
_UNITS = {
    Metric.RESELLER_UTILISATION_PERCENT: " %",
    Metric.ROUTER_UNREACHABLE_S: " s",
    Metric.ROUTER_COLLECTION_AGE_PERIODS: " periods",
    Metric.ROUTER_FLAPPING_CHANGES: " changes",
    Metric.UPLINK_GONE_S: " s",
    Metric.COLLECTOR_WAITING_S: " s",
    Metric.COLLECTOR_LOST_BATCHES: " batches",
}
_KIND_OF_EVENT = {
    Kind.ACKNOWLEDGED: "ok",
    Kind.NOTE: "info",
    Kind.RESOLVED: "ok",
}


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert in a list. `kind` is its severity, `word` the same in words."""

    pk: int
    kind: str
    word: str
    subject: str
    subject_url: str
    what: str
    impact: str
    opened_at: datetime
    acknowledged_by: str | None
    resolved_at: datetime | None
    url: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """One step in an alert's life; `who` is empty where the portal did it by itself."""

    at: datetime
    kind: str
    who: str
    what: str


@dataclass(frozen=True, slots=True)
class AlertDetail(AlertRow):
    """An alert with what is known of it, and its timeline, newest first."""

    facts: Sequence[tuple[str, SafeString | str]]
    events: Sequence[EventRow]

    @property
    def lasted(self) -> timedelta | None:
        """From its first sign to its end; None while it lives."""
        return self.resolved_at - self.opened_at if self.resolved_at else None


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    count: int
    url: str
    current: bool


def rows(alerts: Iterable[Alert]) -> list[AlertRow]:
    """One row per alert, in the order given."""
    return [row(alert) for alert in alerts]


def row(alert: Alert) -> AlertRow:
    taker = alert.acknowledged_by
    return AlertRow(
        pk=alert.pk,
        kind=alert.severity,
        word=Severity(alert.severity).label,
        subject=alert.subject,
        subject_url=subject_url(alert.subject_kind, alert.subject_id),
        what=alert.summary,
        impact=alert.impact,
        opened_at=alert.opened_at,
        acknowledged_by=taker.username
        if taker
        else ("somebody" if alert.acknowledged_at else None),
        resolved_at=alert.resolved_at,
        url=urls_of("admin:monitoring_alert_page")(alert.pk),
    )


def detail(alert: Alert) -> AlertDetail:
    """The alert with its facts and its timeline."""
    return AlertDetail(
        **asdict(row(alert)), facts=_facts(alert), events=[_event(e) for e in queries.events(alert)]
    )


def subject_url(kind: str, pk: int) -> str:
    """The page of what an alert is about, else its row's; empty where it has neither."""
    urls = _subject_urls(kind)
    return urls(pk) if urls else ""


@cache
def _subject_urls(kind: str) -> Callable[[int], str] | None:
    for view in ("page", "change"):
        with suppress(NoReverseMatch):
            return urls_of(f"admin:{kind.replace('.', '_')}_{view}")
    return None


def always() -> dict[str, Any]:
    """What every spot may use, on a page and in a live frame."""
    return {
        "now": clock.now(),
        "collect_period_s": settings.COLLECT_PERIOD_S,
        "zone": settings.TIME_ZONE,
    }


def watched_key(account: Account) -> str:
    """Under which key of the topic `alerts` an account's pages watch what it may see."""
    if account.is_narrowed:
        return queries.OF_ACCOUNT + str(account.pk)
    return str(account.tenant_id or "")


def head(alerts: QuerySet[Alert]) -> dict[str, Any]:
    """What the head of every page shows of the alerts that somebody may see."""
    return {
        "open_alerts": queries.live(alerts).count(),
        "critical": rows(queries.untaken_critical(alerts)),
    }


def console(
    alerts: QuerySet[Alert],
    *,
    state: str = "open",
    tab_urls: dict[str, str] | None = None,
    chosen: QuerySet[Alert] | None = None,
) -> dict[str, Any]:
    """The console's spots for these alerts; `chosen` are the same after the filters.

    The tab Open holds every alert that is not resolved, also what somebody has taken: its
    number is the one of the bell and of the overview.
    """
    base = reverse("admin:monitoring_alert_changelist")
    urls = tab_urls or {"open": base, "acknowledged": f"{base}?tab=acknowledged"} | {
        "resolved": f"{base}?tab=resolved"
    }
    shown = alerts if chosen is None else chosen
    by_tab = {
        "open": queries.live(shown),
        "acknowledged": shown.filter(state=Alert.State.ACKNOWLEDGED),
        "resolved": queries.resolved_today(shown),
    }
    labels = {"open": "Open", "acknowledged": "Acknowledged", "resolved": "Resolved today"}
    tabs = [
        Tab(labels[key], of_tab.count(), urls[key], key == state) for key, of_tab in by_tab.items()
    ]
    listed = queries.worst_first(by_tab[state])
    if state == "resolved":
        listed = listed.order_by("-resolved_at", "-pk")
    total = next(tab.count for tab in tabs if tab.current)
    found = rows(listed[:MOST_ROWS])
    return {"tabs": tabs, "rows": found, "more": max(total - len(found), 0), "empty_words": ""}


def _facts(alert: Alert) -> list[tuple[str, SafeString | str]]:
    facts: list[tuple[str, SafeString | str]] = []
    if alert.rule is not None:
        facts.append(("Rule", rule_words(alert.rule)))
    if alert.value is not None:
        unit = _unit(alert.rule) if alert.rule is not None else ""
        facts.append(("Value", format_html("{}{}", number(round(alert.value, 1)), unit)))
    return facts


def rule_words(rule: Rule) -> str:
    """What a rule says, as a sentence: "Use of plan: warning at least 80, for 10 min"."""
    unit = _unit(rule)
    than = rule.get_comparison_display()
    parts = [
        f"{name} {than} {value:g}{unit}"
        for name, value in (("warning", rule.warning), ("critical", rule.critical))
        if value is not None
    ]
    lasting = (
        f", for {rule.for_s // 60} min"
        if rule.for_s >= 60
        else (f", for {rule.for_s} s" if rule.for_s else "")
    )
    return f"{rule.name}: {', '.join(parts)}{lasting}"


def _unit(rule: Rule) -> str:
    return _UNITS.get(Metric(rule.metric), "")


def _event(event: AlertEvent) -> EventRow:
    kind = _KIND_OF_EVENT.get(Kind(event.kind), event.severity)
    return EventRow(at=event.at, kind=kind, who=event.by, what=_event_words(event))


def _event_words(event: AlertEvent) -> str:
    said = {
        Kind.OPENED: f"opened as {event.severity}",
        Kind.SEVERITY: "severity",
        Kind.ACKNOWLEDGED: "took it",
        Kind.NOTE: "noted",
        Kind.RESOLVED: "resolved it" if event.by else "resolved by itself",
    }[Kind(event.kind)]
    if not event.by:
        said = said[0].upper() + said[1:]
    return f"{said}: {event.text}" if event.text else said
