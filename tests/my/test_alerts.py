"""My alerts: in the tenant's words, taken by its own people, without what staff tell each other."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from ispcore.accounts.models import Account
from ispcore.accounts.operations import grants, matrix
from ispcore.accounts.operations.matrix import Change
from ispcore.accounts.roles import Group, May
from ispcore.base.audit import Actor
from ispcore.base.models import AuditEntry
from monitoring.models import Alert, AlertEvent
from monitoring.operations import alerts as operations
from resellers.operations import interfaces
from tests.conftest import NOON

if TYPE_CHECKING:
    from django.test import Client

    from tests.pages.conftest import Isp


def _url(name: str, alert: Alert) -> str:
    return reverse(f"my:{name}", args=[alert.pk])


def _state(alert: Alert) -> str:
    return Alert.objects.get(pk=alert.pk).state


def _timeline(client: "Client", alert: Alert) -> list[tuple[str, str]]:
    events = client.get(_url("alert", alert)).context["events"]
    return [(event.who, event.what) for event in events]


def test_an_alert_speaks_of_your_plan(isp: "Isp", as_dhaka: "Client") -> None:
    (row,) = as_dhaka.get(reverse("my:alerts")).context["open"]
    assert (row.about, row.kind, row.taken_by) == ("Over your plan", "critical", "")


def test_an_alert_of_a_link_names_it_and_not_what_staff_should_do(
    isp: "Isp", as_dhaka: "Client"
) -> None:
    interface = isp.interfaces["vlan-312"]
    type(interface).objects.filter(pk=interface.pk).update(gone_at=NOON)
    interfaces.judge_all()
    Alert.objects.filter(subject_kind="resellers.reseller").delete()
    (row,) = as_dhaka.get(reverse("my:alerts")).context["open"]
    assert row.about == "VLAN 312 on dhk-edge-01"
    assert row.what == "Interface vlan-312 is gone from the router: it is not counted now"
    verdict = as_dhaka.get(reverse("my:index")).context["verdict"]
    assert verdict.words == "Yes: VLAN 312 on dhk-edge-01"


def test_who_handles_alerts_takes_one_with_a_note(
    isp: "Isp", as_operator: "Client", operator: Account
) -> None:
    answer = as_operator.post(_url("acknowledge", isp.over_plan), {"note": "more traffic tonight"})
    assert answer["Location"] == _url("alert", isp.over_plan)
    taken = Alert.objects.get(pk=isp.over_plan.pk)
    assert (taken.state, taken.acknowledged_by) == ("acknowledged", operator)
    assert _timeline(as_operator, isp.over_plan)[0] == (
        "op_dhaka",
        "took it: more traffic tonight",
    )
    entry = AuditEntry.objects.latest("pk")
    assert (entry.actor, entry.action, entry.surface) == ("op_dhaka", "acknowledge alert", "my")


def test_a_note_is_added_and_an_empty_one_is_not(isp: "Isp", as_dhaka: "Client") -> None:
    as_dhaka.post(_url("note", isp.over_plan), {"note": "we know"})
    answer = as_dhaka.post(_url("note", isp.over_plan), {"note": "  "}, follow=True)
    assert "The note is empty" in answer.content.decode()
    assert AlertEvent.objects.filter(alert=isp.over_plan, kind="note").count() == 1


def test_a_viewer_sees_and_takes_nothing(isp: "Isp", as_viewer_dhaka: "Client") -> None:
    for name in ("acknowledge", "note"):
        assert as_viewer_dhaka.post(_url(name, isp.over_plan), {"note": "x"}).status_code == 403
    assert _state(isp.over_plan) == "open"
    body = as_viewer_dhaka.get(_url("alert", isp.over_plan)).content.decode().split("<body")[1]
    assert "may-handle-alerts" not in body.split(">")[0]


def test_what_may_be_done_has_its_buttons_shown(isp: "Isp", as_operator: "Client") -> None:
    body = as_operator.get(_url("alert", isp.over_plan)).content.decode().split("<body")[1]
    assert "may-handle-alerts" in body.split(">")[0]


def test_nobody_takes_another_tenants_alert_or_one_of_the_operator(
    isp: "Isp", as_ctg: "Client"
) -> None:
    for alert in (isp.over_plan, isp.away):
        for name in ("acknowledge", "note"):
            assert as_ctg.post(_url(name, alert), {"note": "mine"}).status_code == 404
        assert _state(alert) == "open"
    assert not AlertEvent.objects.filter(kind="note").exists()


def test_the_second_who_takes_it_loses(isp: "Isp", as_dhaka: "Client", noc: Account) -> None:
    operations.acknowledge(isp.over_plan, by=noc)
    answer = as_dhaka.post(_url("acknowledge", isp.over_plan), follow=True)
    assert "moved on meanwhile. Nothing was changed." in answer.content.decode()
    assert Alert.objects.get(pk=isp.over_plan.pk).acknowledged_by == noc


def test_what_staff_tell_each_other_stays_with_them(
    isp: "Isp", as_dhaka: "Client", noc: Account, reseller_dhaka: Account
) -> None:
    operations.add_note(isp.over_plan, by=noc, note="he is late with his bill")
    operations.acknowledge(isp.over_plan, by=noc, note="call Rahim")
    operations.add_note(isp.over_plan, by=reseller_dhaka, note="we look into it")
    operations.resolve(isp.over_plan, by=noc, note="told him twice")
    assert _timeline(as_dhaka, isp.over_plan) == [
        ("Your provider", "resolved it"),
        ("reseller_dhaka", "noted: we look into it"),
        ("Your provider", "took it"),
        ("", f"Opened as critical: {isp.over_plan.summary}"),
    ]
    for page in (_url("alert", isp.over_plan), reverse("my:alerts"), reverse("my:index")):
        html = as_dhaka.get(page).content.decode()
        for words in ("noc", "bill", "Rahim", "twice"):
            assert words not in html


def test_a_resolved_alert_is_past_and_pages_go_on(
    isp: "Isp", as_dhaka: "Client", noc: Account, frozen_clock: Any
) -> None:
    for n in range(31):
        _resolved(isp, n)
    first = as_dhaka.get(reverse("my:alerts"))
    assert len(first.context["past"]) == 30
    assert first.context["past"][0].lasted == timedelta(minutes=5)
    assert "page 1 of 2" in first.content.decode()
    second = as_dhaka.get(reverse("my:alerts") + "?page=2")
    assert len(second.context["past"]) == 1
    for odd in ("0", "99", "x", "9" * 40):
        assert as_dhaka.get(reverse("my:alerts") + f"?page={odd}").status_code == 200


def test_the_head_counts_the_own_alerts_only(
    isp: "Isp", as_dhaka: "Client", as_ctg: "Client"
) -> None:
    counts = [c.get(reverse("my:usage")).context["open_alerts"] for c in (as_dhaka, as_ctg)]
    assert counts == [1, 0]


@pytest.mark.parametrize("name", ["acknowledge", "note"])
def test_a_link_cannot_press_a_button(isp: "Isp", as_dhaka: "Client", name: str) -> None:
    assert as_dhaka.get(_url(name, isp.over_plan)).status_code == 405


def test_a_button_without_the_pages_token_is_refused(isp: "Isp", reseller_dhaka: Account) -> None:
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(reseller_dhaka)
    assert strict.post(_url("acknowledge", isp.over_plan)).status_code == 403
    assert _state(isp.over_plan) == "open"


def test_next_never_leads_to_another_site(isp: "Isp", as_dhaka: "Client") -> None:
    form = {"note": "seen", "next": "https://elsewhere.example/"}
    answer = as_dhaka.post(_url("note", isp.over_plan), form)
    assert answer["Location"] == _url("alert", isp.over_plan)


def _resolved(isp: "Isp", number: int) -> None:
    at = NOON - timedelta(hours=number + 1)
    Alert.objects.create(
        fingerprint=f"past-{number}",
        subject_kind="resellers.reseller",
        subject_id=isp.dhaka.pk,
        subject="Dhaka Fibre",
        tenant=isp.dhaka.tenant,
        severity="medium",
        state="resolved",
        summary="x",
        opened_at=at,
        resolved_at=at + timedelta(minutes=5),
    )


# ---- who sees less than the tenant


def test_who_is_narrowed_learns_only_of_what_was_granted(
    isp: "Isp", operator: Account, as_operator: "Client"
) -> None:
    urls = [reverse(f"my:{name}") for name in ("index", "alerts", "profile")]
    assert all("Over your plan" in as_operator.get(url).content.decode() for url in urls)
    Account.objects.filter(pk=operator.pk).update(is_narrowed=True)
    assert not any("Over your plan" in as_operator.get(url).content.decode() for url in urls)
    grants.replace(operator, [("resellers.reseller", isp.dhaka.pk)], by=Actor("test"))
    assert all("Over your plan" in as_operator.get(url).content.decode() for url in urls)


def test_who_may_not_see_opens_no_page(isp: "Isp", as_operator: "Client") -> None:
    matrix.change([Change(Group.TENANT_OPERATOR, May.VIEW, False)], by=Actor("test"))
    for name in ("index", "usage", "links", "alerts", "usage_csv"):
        assert as_operator.get(reverse(f"my:{name}")).status_code == 403
