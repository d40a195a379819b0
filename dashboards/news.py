"""What changed in the last hours: people's changes, and the steps of alerts."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import NoReverseMatch, reverse

from ispcore.base import clock
from ispcore.base.models import AuditEntry
from monitoring.models import AlertEvent
from monitoring.pages import subject_url

SPAN = timedelta(hours=12)
MOST = 12
Kind = AlertEvent.Kind
# what the audit log calls an action, as a sentence after the name of who did it
_WORDS = {
    "create": "added {kind} {name}",
    "change": "changed {kind} {name}",
    "delete": "deleted {kind} {name}",
    "map": "mapped {name}",
    "end mapping": "ended the mapping {name}",
    "change plan": "put {name} on {plan}",
    "change password": "set a new password for {name}",
    "discover": "found other interfaces on {name}",
}


@dataclass(frozen=True, slots=True)
class Change:
    at: datetime
    kind: str
    who: str
    what: str
    url: str | None


def changes() -> list[Change]:
    """Newest first. Only the overview of staff shows it: nothing here is cut to a tenant."""
    since = clock.now() - SPAN
    entries = AuditEntry.objects.filter(at__gte=since).exclude(object_kind="monitoring.alert")
    events = AlertEvent.objects.filter(at__gte=since).exclude(kind=Kind.NOTE)
    found = [_of_entry(entry) for entry in entries.order_by("-at", "-pk")[:MOST]]
    found += [
        _of_event(event) for event in events.select_related("alert").order_by("-at", "-pk")[:MOST]
    ]
    return sorted(found, key=lambda change: change.at, reverse=True)[:MOST]


def _of_entry(entry: AuditEntry) -> Change:
    kind = entry.object_kind.rpartition(".")[2]
    words = _WORDS.get(entry.action, f"{entry.action}: {{name}}")
    plan = entry.new.get("plan") or "no plan"
    what = words.format(kind=kind, name=entry.object_name, plan=plan)
    return Change(entry.at, "info", entry.actor, what, _url(entry))


def _url(entry: AuditEntry) -> str | None:
    """Where the changed thing is to be seen, if it has a place and is still there."""
    if entry.action == "delete" or not entry.object_id.isdecimal():
        return None
    page = subject_url(entry.object_kind, int(entry.object_id))
    if page:
        return page
    try:
        name = f"admin:{entry.object_kind.replace('.', '_')}_change"
        return reverse(name, args=[entry.object_id])
    except NoReverseMatch:
        return None


def _of_event(event: AlertEvent) -> Change:
    alert = event.alert
    url = reverse("admin:monitoring_alert_page", args=[alert.pk])
    note = f": {event.text}" if event.text and event.by else ""
    if event.kind == Kind.ACKNOWLEDGED:
        return Change(event.at, "ok", event.by, f"took {alert.subject}{note}", url)
    if event.kind == Kind.RESOLVED and event.by:
        return Change(event.at, "ok", event.by, f"resolved {alert.subject}{note}", url)
    if event.kind == Kind.RESOLVED:
        return Change(event.at, "ok", alert.subject, "is back to normal", url)
    return Change(event.at, event.severity, alert.subject, event.text or alert.summary, url)
