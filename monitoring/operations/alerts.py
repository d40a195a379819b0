"""The life of an alert: opened, moved, acknowledged, resolved; every step is an event."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from ispcore.accounts import scope
from ispcore.accounts.models import Account
from ispcore.base import audit, clock
from ispcore.live.publish import publish, publish_each
from monitoring import queries
from monitoring.models import Alert, AlertEvent, Rule, Severity

Kind = AlertEvent.Kind
State = Alert.State
Words = tuple[str, str]  # summary, impact
Change = tuple[dict[str, Any], dict[str, Any]]  # old and new values


@dataclass(frozen=True, slots=True)
class Subject:
    """What an alert is about. `kind` is the model's label in lower case, as "resellers.reseller"."""

    kind: str
    pk: int
    name: str
    tenant_id: int | None = None


class AlertMoved(Exception):
    """Somebody or something else moved the alert first; nothing was changed."""

    def __init__(self, alert: Alert) -> None:
        super().__init__(f"{alert.subject}: this alert has moved on meanwhile; nothing was changed")


def open_alert(
    rule: Rule | None,
    subject: Subject,
    *,
    severity: Severity,
    words: Words,
    value: float | None,
    at: datetime,
    fingerprint: str = "",
) -> Alert | None:
    """A new alert; None where one is live already (the constraint decides). What no rule raises
    needs a `fingerprint`."""
    by_rule = f"{rule.pk if rule else 0}:{subject.kind}:{subject.pk}"
    try:
        with transaction.atomic():
            alert = Alert.objects.create(
                fingerprint=fingerprint or by_rule,
                rule=rule,
                subject_kind=subject.kind,
                subject_id=subject.pk,
                subject=subject.name,
                tenant_id=subject.tenant_id,
                severity=severity,
                summary=words[0][:250],
                impact=words[1][:120],
                value=value,
                opened_at=at,
            )
    except IntegrityError:
        return None
    _event(alert, Kind.OPENED, at=at, text=alert.summary)
    return alert


def update_live(
    alert: Alert, *, severity: Severity, words: Words, value: float | None, at: datetime
) -> bool:
    """Bring the words and severity of a live alert up to date; True if the severity moved."""
    summary, impact = words[0][:250], words[1][:120]
    if (alert.severity, alert.summary, alert.impact) == (severity, summary, impact):
        return False
    live = Alert.objects.filter(pk=alert.pk, state__in=Alert.LIVE)
    if not live.update(severity=severity, summary=summary, impact=impact, value=value):
        return False  # somebody resolved it meanwhile
    moved = alert.severity != severity
    old, alert.severity, alert.summary, alert.impact = alert.severity, severity, summary, impact
    if moved:
        _event(alert, Kind.SEVERITY, at=at, text=f"{old} → {severity}: {summary}")
    else:
        announce(alert)
    return moved


def resolve_automatically(alert: Alert, *, at: datetime, text: str = "Back to normal") -> bool:
    """The subject is well again, or not judged any more; False if it was resolved meanwhile."""
    return _resolve(alert, at=at, by="", text=text)


def acknowledge(alert: Alert, *, by: Account, note: str = "") -> None:
    """Take an open alert. Raises AlertMoved if it is not open any more."""
    now = clock.now()
    with transaction.atomic():
        if not _take(alert, by=by, at=now, note=note):
            raise AlertMoved(alert)
        _record("acknowledge", alert, by=by, note=note, change=_taking(by, now))


def acknowledge_many(alerts: Iterable[Alert], *, by: Account, note: str = "") -> int:
    """Take all that are still open, in one transaction; returns how many were."""
    now = clock.now()
    with transaction.atomic():
        taken = [a for a in sorted(alerts, key=_in_turn) if _take(a, by=by, at=now, note=note)]
        audit.record_batch(
            "acknowledge alert",
            taken,
            by=by.actor,
            changes=dict.fromkeys((alert.pk for alert in taken), _taking(by, now)),
            scope="chosen together",
            reason=note,
        )
    return len(taken)


def add_note(alert: Alert, *, by: Account, note: str) -> None:
    with transaction.atomic():
        _event(alert, Kind.NOTE, at=clock.now(), by=by.username, text=note)
        _record("note", alert, by=by, note=note, change=({}, {}))


def resolve(alert: Alert, *, by: Account, note: str = "") -> None:
    """Close an alert by hand. Raises AlertMoved if it is resolved already.

    It is opened anew at the next evaluation if the trouble persists.
    """
    now = clock.now()
    with transaction.atomic():
        if not _resolve(alert, at=now, by=by.username, text=note):
            raise AlertMoved(alert)
        _record("resolve", alert, by=by, note=note, change=_resolving(now))


def _take(alert: Alert, *, by: Account, at: datetime, note: str) -> bool:
    moved = Alert.objects.filter(pk=alert.pk, state=State.OPEN).update(
        state=State.ACKNOWLEDGED, acknowledged_by=by, acknowledged_at=at
    )
    if moved:
        _event(alert, Kind.ACKNOWLEDGED, at=at, by=by.username, text=note)
    return bool(moved)


def _taking(by: Account, at: datetime) -> Change:
    return (
        {"state": State.OPEN, "acknowledged_by_id": None, "acknowledged_at": None},
        {"state": State.ACKNOWLEDGED, "acknowledged_by_id": by.pk, "acknowledged_at": at},
    )


def _resolving(at: datetime) -> Change:
    return {"resolved_at": None}, {"state": State.RESOLVED, "resolved_at": at}


def _in_turn(alert: Alert) -> tuple[str, str, int]:
    """The order in which an evaluation takes them, so that neither waits for the other for ever."""
    return str(alert.rule or ""), alert.subject_kind, alert.subject_id


def _resolve(alert: Alert, *, at: datetime, by: str, text: str) -> bool:
    moved = Alert.objects.filter(pk=alert.pk, state__in=Alert.LIVE).update(
        state=State.RESOLVED, resolved_at=at
    )
    if moved:
        _event(alert, Kind.RESOLVED, at=at, by=by, text=text)
    return bool(moved)


def _event(alert: Alert, kind: str, *, at: datetime, by: str = "", text: str = "") -> None:
    AlertEvent.objects.create(
        alert=alert, kind=kind, at=at, by=by, text=text, severity=alert.severity
    )
    announce(alert)


def _record(action: str, alert: Alert, *, by: Account, note: str, change: Change) -> None:
    audit.record(
        f"{action} alert",
        alert,
        by=by.actor,
        old=change[0],
        new=change[1],
        tenant_id=alert.tenant_id,
        reason=note,
    )


def announce(alert: Alert) -> None:
    """Tell the pages that show it: the console, the overview, and the subject's own page."""
    publish("alerts")
    if alert.tenant_id is not None:
        publish("alerts", str(alert.tenant_id))
    publish_each("alerts", [f"{queries.OF_ACCOUNT}{pk}" for pk in scope.narrowed_ids()])
    publish("overview")
    publish(alert.subject_kind.rpartition(".")[2], str(alert.subject_id))
