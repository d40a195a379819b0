"""What people do with an alert, and the record of it."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, connection, transaction

from ispcore.base.models import AuditEntry
from monitoring.models import Alert, AlertEvent, Severity
from monitoring.operations import alerts
from monitoring.operations.alerts import AlertMoved

if TYPE_CHECKING:
    from ispcore.accounts.models import Account, Tenant

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def an_alert(pk: int = 1, tenant: "Tenant | None" = None) -> Alert:
    return Alert.objects.create(
        fingerprint=f"1:routers.router:{pk}",
        subject_kind="routers.router",
        subject_id=pk,
        subject=f"edge-{pk}",
        tenant=tenant,
        severity=Severity.CRITICAL,
        summary="No answer to Ping",
        opened_at=NOON,
    )


@pytest.fixture
def alert(db: None, frozen_clock: Callable[[datetime], None]) -> Alert:
    return an_alert()


def test_acknowledging_names_who_and_when(alert: Alert, noc: "Account") -> None:
    alerts.acknowledge(alert, by=noc, note="on my way")
    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by, alert.acknowledged_at) == (
        "acknowledged",
        noc,
        NOON,
    )
    event = AlertEvent.objects.get()
    assert (event.kind, event.by, event.text) == ("acknowledged", "noc", "on my way")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.reason) == ("acknowledge alert", "on my way")


def test_second_acknowledgement_loses(alert: Alert, noc: "Account", super_user: "Account") -> None:
    seen_by_both = Alert.objects.get()
    alerts.acknowledge(alert, by=noc)
    with pytest.raises(AlertMoved, match="edge-1: this alert has moved on meanwhile"):
        alerts.acknowledge(seen_by_both, by=super_user)
    assert Alert.objects.get().acknowledged_by == noc
    assert AlertEvent.objects.count() == AuditEntry.objects.count() == 1


def test_of_many_who_acknowledge_at_once_one_wins(
    transactional_db: None, django_db_blocker: Any
) -> None:
    from ispcore.accounts.models import Account

    people = [Account.objects.create_user(f"noc{n}", role="operator") for n in range(6)]
    shared, start = an_alert(), threading.Barrier(6)
    lost: list[str] = []

    def acknowledge(who: Account) -> None:
        start.wait()
        try:
            alerts.acknowledge(shared, by=who)
        except AlertMoved:
            lost.append(who.username)
        finally:
            connection.close()

    threads = [threading.Thread(target=acknowledge, args=(who,)) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lost) == 5
    assert AlertEvent.objects.count() == 1


def test_acknowledging_many_takes_those_that_are_still_open(db: None, noc: "Account") -> None:
    open_one, moved = an_alert(1), an_alert(2)
    alerts.resolve(moved, by=noc)
    assert alerts.acknowledge_many([open_one, moved], by=noc, note="fibre cut") == 1
    assert AlertEvent.objects.get(kind="acknowledged").text == "fibre cut"


def test_resolving_by_hand_happens_once(alert: Alert, noc: "Account") -> None:
    alerts.resolve(alert, by=noc, note="mended")
    with pytest.raises(AlertMoved):
        alerts.resolve(alert, by=noc)
    alert.refresh_from_db()
    assert (alert.state, alert.resolved_at) == ("resolved", NOON)
    assert AlertEvent.objects.get().text == "mended"
    assert AuditEntry.objects.get().action == "resolve alert"


def test_a_note_is_an_event_and_moves_nothing(alert: Alert, noc: "Account") -> None:
    alerts.add_note(alert, by=noc, note="called the provider")
    alert.refresh_from_db()
    assert alert.state == "open"
    assert AlertEvent.objects.get().kind == "note"
    assert AuditEntry.objects.get().action == "note alert"


def test_an_alert_resolved_meanwhile_is_not_moved_by_the_rules(
    alert: Alert, noc: "Account"
) -> None:
    seen_before = Alert.objects.get()
    alerts.resolve(alert, by=noc)
    assert not alerts.update_live(
        seen_before, severity=Severity.LOW, words=("calmer", ""), value=1, at=NOON
    )
    assert not alerts.resolve_automatically(seen_before, at=NOON)
    assert Alert.objects.get().severity == Severity.CRITICAL
    assert list(AlertEvent.objects.values_list("kind", flat=True)) == ["resolved"]


def test_events_are_never_rewritten(alert: Alert, noc: "Account") -> None:
    alerts.add_note(alert, by=noc, note="the truth")
    with pytest.raises(DatabaseError, match="never rewritten"), transaction.atomic():
        AlertEvent.objects.update(text="something nicer")
    event = AlertEvent.objects.get()
    event.text = "something nicer"
    with pytest.raises(DatabaseError, match="never rewritten"), transaction.atomic():
        event.save()
    assert AlertEvent.objects.get().text == "the truth"


def test_an_alert_outlives_its_tenant(db: None, tenant_dhaka: "Tenant", noc: "Account") -> None:
    alert = an_alert(tenant=tenant_dhaka)
    alerts.acknowledge(alert, by=noc)
    tenant_dhaka.delete()
    alert.refresh_from_db()
    assert alert.tenant_id is None
    assert alert.events.count() == 1


def test_alerts_and_events_say_what_they_are(alert: Alert, noc: "Account") -> None:
    alerts.add_note(alert, by=noc, note="x")
    assert str(alert) == "edge-1: No answer to Ping"
    assert str(AlertEvent.objects.get()) == "note 2026-03-02 12:00:00"
