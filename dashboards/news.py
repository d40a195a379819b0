"""What changed in the last hours: people's changes, and the steps of alerts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from ispcore.base import clock
from ispcore.base.models import AuditEntry
from monitoring.models import AlertEvent
from monitoring.pages import subject_url

SPAN = timedelta(hours=12)
MOST = 12
MOST_READ = 400  # of the audit log: one import must not hide what came before it
TOGETHER = timedelta(minutes=10)
Kind = AlertEvent.Kind
# what the audit log calls an action, as a sentence after the name of who did it
_WORDS = {
    "create": "added {kind} {name}",
    "change": "changed {kind} {name}",
    "delete": "deleted {kind} {name}",
    "map": "mapped {name}",
    "end mapping": "ended the mapping {name}",
    "move mapping": "moved a mapping to {name}",
    "confirm rename": "confirmed that {old} of {name} is {new} now",
    "dismiss rename": "said that {new} of {name} is not {old}",
    "change plan": "put {name} on {plan}",
    "change password": "set a new password for {name}",
    "change permission": "changed what a role may ({name})",
    "change grants": "chose what {name} sees",
    "discover": "found {found} on {name}",
}
_FOUND = ("new", "gone", "back", "renumbered", "renamed")
# the same for several of a kind at once
_MANY = {
    "create": "added {count} {kind}s",
    "change": "changed {count} {kind}s",
    "delete": "deleted {count} {kind}s",
    "map": "mapped {count} interfaces",
    "end mapping": "ended {count} mappings",
    "change plan": "changed the plans of {count} resellers",
    "change permission": "changed {count} permissions of roles",
    "discover": "found other interfaces on {count} routers",
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
    entries = entries.filter(batch=None)  # the head of a batch tells it
    events = AlertEvent.objects.filter(at__gte=since).exclude(kind=Kind.NOTE)
    runs = _runs(entries.order_by("-at", "-pk")[:MOST_READ])
    found = [_of_run(run) for run in runs[:MOST]]
    found += [
        _of_event(event) for event in events.select_related("alert").order_by("-at", "-pk")[:MOST]
    ]
    return sorted(found, key=lambda change: change.at, reverse=True)[:MOST]


def _runs(entries: Iterable[AuditEntry]) -> list[list[AuditEntry]]:
    """The same done by the same, within minutes, to many: one run, in the place of its newest."""
    runs: list[list[AuditEntry]] = []
    last: dict[tuple[str, str, str], list[AuditEntry]] = {}
    for entry in entries:
        key = (entry.actor, entry.action, entry.object_kind)
        run = last.get(key)
        if run is not None and run[-1].at - entry.at <= TOGETHER:
            run.append(entry)
        else:
            last[key] = run = [entry]
            runs.append(run)
    return runs


def _of_run(run: list[AuditEntry]) -> Change:
    entry = run[0]
    kind = entry.object_kind.rpartition(".")[2]
    count = len({each.object_id or each.pk for each in run})
    if count == 1 or entry.action not in _MANY:
        return _of_entry(entry, kind)
    query = {"action": entry.action, "object_kind": entry.object_kind}
    log = f"{reverse('admin:base_auditentry_changelist')}?{urlencode(query)}"
    words = _MANY[entry.action].format(count=count, kind=kind)
    return Change(entry.at, "info", entry.actor, words, log)


def _of_entry(entry: AuditEntry, kind: str) -> Change:
    if entry.members:
        many = _MANY.get(entry.action, f"{entry.action}: {{count}} {{kind}}s")
        log = f"{reverse('admin:base_auditentry_changelist')}?batch={entry.pk}"
        words = many.format(count=entry.members, kind=kind or "object")
        return Change(entry.at, "info", entry.actor, words, log)
    words = _WORDS.get(entry.action, f"{entry.action}: {{name}}")
    what = words.format(
        kind=kind,
        name=entry.object_name,
        plan=entry.new.get("plan") or "no plan",
        found=_found_words(entry) if entry.action == "discover" else "",
        old=entry.new.get("old", ""),
        new=entry.new.get("new", ""),
    )
    return Change(entry.at, "info", entry.actor, what, _url(entry))


def _found_words(entry: AuditEntry) -> str:
    """ "3 new and 1 gone interfaces"."""
    counts = [(len(entry.new.get(w) or ()), w) for w in _FOUND]
    parts = [f"{count} {word}" for count, word in counts if count]
    total = sum(count for count, _ in counts)
    return f"{' and '.join(parts) or 'other'} interface{'' if total == 1 else 's'}"


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
