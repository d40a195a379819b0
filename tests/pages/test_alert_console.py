"""The alert console: lists, filters, and what its buttons do."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from ispcore.accounts.models import Account
from ispcore.base.models import AuditEntry
from monitoring.models import Alert
from monitoring.operations import alerts
from tests.conftest import NOON

if TYPE_CHECKING:
    from django.test import Client

    from tests.pages.conftest import Isp

pytestmark = pytest.mark.one_database

CONSOLE = "/admin/monitoring/alert/"


def _subjects(client: "Client", query: str = "") -> list[str]:
    return [row.subject for row in client.get(CONSOLE + query).context["rows"]]


def _said(response: object) -> str:
    return " ".join(str(m) for m in response.context["messages"])  # type: ignore[attr-defined]


def test_worst_comes_first_and_untaken_before_taken(
    isp: "Isp", as_noc: "Client", noc: Account
) -> None:
    Alert.objects.filter(pk=isp.away.pk).update(severity="medium")
    assert _subjects(as_noc) == ["Dhaka Fibre", "ctg-edge-01"]
    Alert.objects.filter(pk=isp.away.pk).update(severity="critical")
    alerts.acknowledge(isp.over_plan, by=noc)
    assert _subjects(as_noc) == ["ctg-edge-01", "Dhaka Fibre"]


def test_filters_narrow_the_list_and_are_seen_in_the_tabs(isp: "Isp", as_noc: "Client") -> None:
    assert _subjects(as_noc, "?kind=router") == ["ctg-edge-01"]
    assert _subjects(as_noc, "?severity=low") == []
    assert _subjects(as_noc, "?q=dhaka") == ["Dhaka Fibre"]
    page = as_noc.get(f"{CONSOLE}?kind=router")
    assert next((tab.label, tab.count) for tab in page.context["tabs"]) == ("Open", 1)
    assert page.context["filtered"] is True
    assert as_noc.get(CONSOLE).context["filtered"] is False


@pytest.mark.parametrize("query", ["?severity=loud", "?tab=%00", "?kind=<b>", "?alert=x", "?q=%00"])
def test_an_address_that_makes_no_sense_shows_the_list(
    isp: "Isp", as_noc: "Client", query: str
) -> None:
    assert as_noc.get(CONSOLE + query).status_code == 200


def test_acknowledging_takes_the_alert_with_its_note(
    isp: "Isp", as_noc: "Client", noc: Account
) -> None:
    url = reverse("admin:monitoring_alert_acknowledge", args=[isp.over_plan.pk])
    back = as_noc.post(url, {"note": "calling them", "next": CONSOLE}, follow=True)
    assert back.redirect_chain[-1][0] == CONSOLE
    alert = Alert.objects.get(pk=isp.over_plan.pk)
    assert (alert.state, alert.acknowledged_by) == ("acknowledged", noc)
    assert alert.events.filter(kind="acknowledged", by="noc", text="calling them").exists()
    entry = AuditEntry.objects.get(action="acknowledge alert")
    assert (entry.actor, entry.surface, entry.reason) == ("noc", "admin", "calling them")


def test_who_comes_second_is_told_that_the_alert_moved(
    isp: "Isp", as_noc: "Client", viewer: Account, super_user: Account
) -> None:
    alerts.acknowledge(isp.over_plan, by=super_user)
    url = reverse("admin:monitoring_alert_acknowledge", args=[isp.over_plan.pk])
    said = _said(as_noc.post(url, follow=True))
    assert "moved on" in said
    assert "nothing was changed" in said
    assert Alert.objects.get(pk=isp.over_plan.pk).acknowledged_by == super_user


def test_bulk_acknowledge_takes_what_is_selected(isp: "Isp", as_noc: "Client") -> None:
    url = reverse("admin:monitoring_alert_acknowledge_many")
    keys = [isp.over_plan.pk, isp.away.pk]
    said = _said(as_noc.post(url, {"pk": keys, "note": "both"}, follow=True))
    assert "2 acknowledged" in said
    assert set(Alert.objects.values_list("state", flat=True)) == {"acknowledged"}


@pytest.mark.parametrize("keys", [[], ["x"], ["999"], ["9" * 40]])
def test_bulk_acknowledge_of_nothing_says_so(isp: "Isp", as_noc: "Client", keys: list[str]) -> None:
    url = reverse("admin:monitoring_alert_acknowledge_many")
    said = _said(as_noc.post(url, {"pk": keys}, follow=True))
    assert "No alert was selected" in said
    assert "Nothing was changed" in said


def test_resolving_moves_the_alert_to_resolved_today(
    isp: "Isp", as_noc: "Client", noc: "Account", frozen_clock: Callable[[datetime], None]
) -> None:
    as_noc.post(reverse("admin:monitoring_alert_resolve", args=[isp.away.pk]), {"note": "rebooted"})
    assert _subjects(as_noc) == ["Dhaka Fibre"]
    assert _subjects(as_noc, "?tab=resolved") == ["ctg-edge-01"]
    frozen_clock(NOON + timedelta(days=1))
    as_noc.force_login(noc)
    assert _subjects(as_noc, "?tab=resolved") == []


def test_an_empty_note_is_refused(isp: "Isp", as_noc: "Client") -> None:
    url = reverse("admin:monitoring_alert_note", args=[isp.away.pk])
    assert "The note is empty" in _said(as_noc.post(url, {"note": "  "}, follow=True))
    assert not isp.away.events.filter(kind="note").exists()


def test_the_timeline_tells_the_alerts_life(isp: "Isp", as_noc: "Client", noc: Account) -> None:
    alerts.acknowledge(isp.over_plan, by=noc, note="on it")
    html = as_noc.get(
        reverse("admin:monitoring_alert_page", args=[isp.over_plan.pk])
    ).content.decode()
    assert "took it: on it" in html
    assert "Opened as critical" in html


def test_the_fragment_is_the_detail_alone(isp: "Isp", as_noc: "Client") -> None:
    url = reverse("admin:monitoring_alert_page", args=[isp.over_plan.pk])
    html = as_noc.get(f"{url}?fragment=detail").content.decode()
    assert "<html" not in html
    assert f'data-alert="{isp.over_plan.pk}"' in html
    assert "csrfmiddlewaretoken" in html


@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_once_one_takes_the_alert(noc: Account, super_user: Account) -> None:
    alert = Alert.objects.create(
        fingerprint="1:x:1",
        subject_kind="x",
        subject_id=1,
        subject="x",
        severity="high",
        summary="x",
    )
    start, taken = threading.Barrier(2), []

    def take(account: Account) -> None:
        from django.db import connection

        start.wait()
        try:
            alerts.acknowledge(alert, by=account)
            taken.append(account.username)
        except alerts.AlertMoved:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=[who]) for who in (noc, super_user)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1
    assert alert.events.filter(kind="acknowledged").count() == 1
