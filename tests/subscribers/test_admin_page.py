"""The page of a subscriber, and what is done with one."""

from datetime import timedelta

import pytest
from django.test import Client

from ispcore.accounts.models import Tenant
from ispcore.base.models import AuditEntry
from radius.models import Accounting, Check, PostAuth, Reply
from routers.models import Router
from subscribers.models import Package, Subscriber
from subscribers.operations import packages, statuses
from tests.subscribers.admin import text, url
from tests.subscribers.conftest import (
    BY,
    DAY,
    NOON,
    Clock,
    a_package,
    checks,
    made,
)

# ---- the page


def test_the_page_says_that_all_is_well(browser: Client, noon: Clock, rahim: Subscriber) -> None:
    said = text(browser.get(url("page", rahim.pk)))
    assert "Active until 2 Apr 2026" in said
    assert "FreeRADIUS has exactly what the portal says" in said
    assert "Put right" not in said
    assert "let-me-in" not in said


def test_what_differs_is_marked_and_put_right(browser: Client, rahim: Subscriber) -> None:
    Check.objects.filter(username="rahim", attribute="Simultaneous-Use").update(value="9")
    Check.objects.filter(username="rahim", attribute="Cleartext-Password").update(value="0ther")
    Reply.objects.create(username="RAHIM", attribute="Framed-IP-Address", op=":=", value="10.1.1.1")
    said = text(browser.get(url("page", rahim.pk)))
    assert "FreeRADIUS differs from the portal in 3 rows" in said
    assert "in FreeRADIUS only" in said
    assert "another one" in said
    assert "0ther" not in said
    browser.post(url("reproject", rahim.pk), {"confirmed": "yes"})
    assert checks("rahim")["Simultaneous-Use"] == "1"
    assert "exactly what the portal says" in text(browser.get(url("page", rahim.pk)))


def test_logins_are_told_with_their_reason(browser: Client, noon: Clock, rahim: Subscriber) -> None:
    for n in range(12):
        PostAuth.objects.create(
            username="rahim",
            reply="Access-Reject" if n == 11 else "Access-Accept",
            answered_at=NOON - timedelta(minutes=60 - n),
            reason="wrong password" if n == 11 else None,
        )
    answer = browser.get(url("page", rahim.pk))
    assert len(answer.context["logins"]) == 10
    assert "The last login was refused. Wrong password" in text(answer)


def test_a_session_without_a_report_for_long_is_unknown(
    browser: Client, noon: Clock, rahim: Subscriber
) -> None:
    Router.objects.create(name="dhk-edge-01", address="10.0.0.1")
    about = {
        "username": "rahim",
        "nas_address": "10.0.0.1",
        "started_at": NOON - timedelta(hours=9),
    }
    Accounting.objects.create(unique_id="a", updated_at=NOON - timedelta(minutes=3), **about)
    Accounting.objects.create(unique_id="b", updated_at=NOON - timedelta(minutes=16), **about)
    Accounting.objects.create(
        unique_id="c", stopped_at=NOON - timedelta(hours=1), terminate_cause="User-Request", **about
    )
    answer = browser.get(url("page", rahim.pk))
    words = {session.word for session, _ in answer.context["sessions"]}
    assert words == {"Online", "Unknown", "Ended"}
    said = text(answer)
    assert "Online on dhk-edge-01" in said
    assert "no report for 16 min" in said


@pytest.mark.parametrize("state", ["suspended", "expired", "disabled"])
def test_the_page_says_why_the_line_may_not_log_in(
    browser: Client, noon: Clock, rahim: Subscriber, state: str
) -> None:
    if state == "expired":
        noon(NOON + timedelta(days=60))
    else:
        act = {"suspended": statuses.suspend, "disabled": statuses.disable}[state]
        act(rahim, by=BY, reason="not paid")
    said = text(browser.get(url("page", rahim.pk)))
    assert state.capitalize() in said
    assert "very login is refused" in said
    assert state == "expired" or "not paid" in said


# ---- what is done with one


@pytest.mark.parametrize(
    ("name", "sent", "attribute", "value"),
    [
        ("suspend", {"reason": "x"}, "Auth-Type", "Reject"),
        ("disable", {"reason": "x"}, "ISPCore-Reason", "disabled"),
        ("bind", {"mac": "aa-bb-cc-dd-ee-ff"}, "Calling-Station-Id", "AA:BB:CC:DD:EE:FF"),
        ("password", {"password": "n3w-one", "confirmed": "yes"}, "Cleartext-Password", "n3w-one"),
    ],
)
def test_a_button_changes_both_databases(
    as_noc: Client, rahim: Subscriber, name: str, sent: dict[str, str], attribute: str, value: str
) -> None:
    assert as_noc.get(url(name, rahim.pk)).status_code == 200
    answer = as_noc.post(url(name, rahim.pk), sent)
    assert answer.status_code == (200 if name == "password" else 302)
    assert checks("rahim")[attribute] == value
    entry = AuditEntry.objects.filter(object_kind="subscribers.subscriber").latest("pk")
    assert (entry.actor, entry.reason) == ("noc", sent.get("reason", ""))


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("bind", {"mac": "aa-bb-cc-dd-ee-ff"}),
        ("unbind", {"confirmed": "yes"}),
        ("rename", {"username": "rahim2"}),
        ("password", {"password": "", "confirmed": "yes"}),
        ("reproject", {"confirmed": "yes"}),
    ],
)
def test_a_reason_that_may_be_left_out_is_kept_where_it_is_given(
    as_noc: Client, rahim: Subscriber, name: str, sent: dict[str, str]
) -> None:
    address = url(name, rahim.pk)
    assert "may be left out" in text(as_noc.get(address))
    as_noc.post(address, sent | {"reason": "asked by phone"})
    assert AuditEntry.objects.latest("pk").reason == "asked by phone"


def test_renewed_resumed_moved_and_unbound(
    as_noc: Client, noon: Clock, home: Package, rahim: Subscriber, tenant_dhaka: Tenant
) -> None:
    other = packages.create(a_package(tenant_dhaka, "Home 50"), by=BY)
    as_noc.post(url("bind", rahim.pk), {"mac": "AA:BB:CC:DD:EE:FF"})
    as_noc.post(url("suspend", rahim.pk), {"reason": "unpaid"})
    as_noc.post(url("resume", rahim.pk), {"reason": "paid"})
    as_noc.post(url("renew", rahim.pk), {"periods": "2", "reason": "paid"})
    as_noc.post(url("package", rahim.pk), {"package": other.pk, "when": "now", "reason": "asked"})
    as_noc.post(url("unbind", rahim.pk), {"confirmed": "yes"})
    rahim.refresh_from_db()
    assert (rahim.status, rahim.package, rahim.mac) == ("active", other, "")
    assert rahim.expires_at is not None
    assert rahim.expires_at.month == 6
    assert [c.reason for c in rahim.status_changes.all()] == ["paid", "unpaid"]


def test_the_package_of_another_tenant_is_refused_in_words(
    as_noc: Client, rahim: Subscriber, tenant_ctg: Tenant
) -> None:
    other = packages.create(a_package(tenant_ctg, "Port 20"), by=BY)
    sent = {"package": other.pk, "when": "now", "reason": "x"}
    said = text(as_noc.post(url("package", rahim.pk), sent))
    assert "it is of another tenant or type" in said
    assert "Nothing was changed" in said


def test_the_page_says_before_it_is_sent_what_becomes_of_the_end(
    as_noc: Client, noon: Clock, home: Package, rahim: Subscriber
) -> None:
    office = packages.create(a_package(home.tenant, "Office", validity="none"), by=BY)
    week = a_package(home.tenant, "Week", validity="days", validity_days=7)
    week = packages.create(week, by=BY)
    address = url("package", rahim.pk)
    assert "Valid until: stays 2 Apr 2026." in text(as_noc.get(address))
    free = made(office, "free")
    address = url("package", free.pk)
    now, later = ("a first period from now", "a first period from 1 Apr 2026, 00:00")
    asked = text(as_noc.get(address))
    for said in (
        f"A package for 7 days, valid until: 9 Mar 2026, {now}; with the next period: 7 Apr 2026, {later}.",
        f"A package for a calendar month, valid until: 2 Apr 2026, {now}; with the next period: "
        f"30 Apr 2026, {later}.",
        "A package without end: stays without end.",
    ):
        assert said in asked
    sent = {"package": week.pk, "when": "now", "reason": "asked"}
    said = text(as_noc.post(address, sent, follow=True))
    assert "free has Week from now on. Valid until: 9 Mar 2026, a first period from now." in said
    assert "Active until 9 Mar 2026, 12:00" in said


def test_an_end_is_the_end_of_the_day_in_the_zone_of_the_isp(
    as_noc: Client, noon: Clock, rahim: Subscriber
) -> None:
    sent = {"periods": "", "until": "2026-03-20", "reason": "x"}
    assert "rahim lasts until 2" in text(as_noc.post(url("renew", rahim.pk), sent, follow=True))
    rahim.refresh_from_db()
    assert rahim.expires_at is not None
    assert rahim.expires_at.isoformat() in {
        "2026-03-20T18:00:00+00:00",
        "2026-03-21T00:00:00+00:00",
    }
    assert ">20 Mar 2026</time>" in text(as_noc.get(url("changelist")))
    past = sent | {"until": "2026-01-31"}
    said = text(as_noc.post(url("renew", rahim.pk), past, follow=True))
    assert "rahim has run out: its end was" in said


@pytest.mark.parametrize(
    ("name", "sent", "words"),
    [
        ("resume", {"reason": "x"}, "is active: it cannot resume now"),
        ("suspend", {"reason": ""}, "This field is required"),
        ("rename", {"username": "KARIM"}, "is taken"),
        ("bind", {"mac": "nothing"}, "Write a MAC address like"),
        ("renew", {"periods": "", "reason": "x"}, "Say for how many periods"),
        ("renew", {"until": "9999-12-31", "reason": "x"}, "years 2000 to 2099"),
    ],
)
def test_a_button_says_what_was_refused(
    as_noc: Client, home: Package, rahim: Subscriber, name: str, sent: dict[str, str], words: str
) -> None:
    made(home, "karim")
    answer = as_noc.post(url(name, rahim.pk), sent)
    assert answer.status_code == 200
    assert words in text(answer)
    assert "Nothing was changed" in text(answer)


def test_a_viewer_sees_the_page_and_no_button(as_viewer: Client, rahim: Subscriber) -> None:
    said = text(as_viewer.get(url("page", rahim.pk)))
    assert "rahim" in said
    assert url("suspend", rahim.pk) not in said
    for name in ("suspend", "renew", "password", "reproject"):
        assert as_viewer.post(url(name, rahim.pk), {"reason": "x"}).status_code == 403


@pytest.mark.parametrize("name", ["web_password__startswith", "radius_password"])
def test_no_filter_spells_out_a_password(as_noc: Client, rahim: Subscriber, name: str) -> None:
    """Who may see the list could guess a hash letter by letter."""
    assert as_noc.get(url("changelist"), {name: "a"}).status_code == 400
    assert as_noc.get(url("changelist"), {"status__exact": "active"}).status_code == 200


def test_an_end_of_a_line_whose_package_has_none_can_be_moved(
    as_noc: Client, noon: Clock, tenant_dhaka: Tenant
) -> None:
    endless = packages.create(a_package(tenant_dhaka, "Office", validity="none"), by=BY)
    trial, free = made(endless, "trial", expires_at=NOON + DAY), made(endless, "free")
    assert url("renew", trial.pk) in text(as_noc.get(url("page", trial.pk)))
    assert url("renew", free.pk) not in text(as_noc.get(url("page", free.pk)))


def test_who_ran_out_is_put_on_a_package_without_end(
    as_noc: Client, noon: Clock, rahim: Subscriber, tenant_dhaka: Tenant
) -> None:
    endless = packages.create(a_package(tenant_dhaka, "Office", validity="none"), by=BY)
    as_noc.post(url("renew", rahim.pk), {"until": "2026-02-20", "reason": "unpaid"})
    as_noc.post(url("package", rahim.pk), {"package": endless.pk, "when": "now", "reason": "asked"})
    assert "Office has no end. rahim ends on 21 Feb 2026" in text(
        as_noc.get(url("renew", rahim.pk))
    )
    both = {"until": "2026-12-31", "endless": "on", "reason": "x"}
    assert "not both" in text(as_noc.post(url("renew", rahim.pk), both))
    sent = {"periods": "1", "endless": "on", "reason": "paid"}
    said = text(as_noc.post(url("renew", rahim.pk), sent, follow=True))
    assert "rahim has no end." in said
    rahim.refresh_from_db()
    assert (rahim.status, rahim.expires_at) == ("active", None)
    assert "Expiration" not in checks("rahim")
