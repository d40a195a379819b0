"""Packages and subscribers in the admin: forms that are stored in both databases, or in neither."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.test import Client
from django.urls import reverse

from ispcore.accounts.models import Account, Tenant
from ispcore.base import unit_of_work
from ispcore.base.models import AuditEntry
from ispcore.base.unit_of_work import steps
from ispcore.base.unit_of_work.steps import STEPS, Stopped
from radius.models import Accounting, Check, PostAuth, Reply
from routers.models import Router
from subscribers.models import Package, StatusChange, Subscriber
from subscribers.operations import bulk, reconciling, statuses
from subscribers.operations import subscribers as operations
from tests.subscribers.conftest import (
    BY,
    NOON,
    Clock,
    a_package,
    all_rows,
    checks,
    group_rows,
    made,
    replies,
)

RADIUS_AWAY = "FreeRADIUS' database does not answer"
UNCHANGED = "Nothing was changed."


@pytest.fixture
def browser(admin_account: Account, client_for: Callable[[Account], Client]) -> Client:
    return client_for(admin_account)


@pytest.fixture
def as_noc(noc: Account, client_for: Callable[[Account], Client]) -> Client:
    return client_for(noc)


@pytest.fixture
def as_viewer(viewer: Account, client_for: Callable[[Account], Client]) -> Client:
    return client_for(viewer)


def url(name: str, *args: object, of: str = "subscriber") -> str:
    return reverse(f"admin:subscribers_{of}_{name}", args=args)


def package_form(tenant: Tenant, **given: Any) -> dict[str, Any]:
    form = {
        "tenant": tenant.pk,
        "name": "Gold",
        "service": "pppoe",
        "down_bps": "50M",
        "up_bps": "25M",
        "device_limit": "1",
        "interim_s": "300",
        "validity": "month",
        "price": "1200",
        "currency": "BDT",
        "past_quota": "stop",
        "when_blocked": "reject",
    }
    return form | given


def subscriber_form(home: Package, **given: Any) -> dict[str, Any]:
    form = {"package": home.pk, "username": "karim", "radius_password": "let-me-in"}
    return form | {"full_name": "Karim Mia", "phone": "+8801712345678"} | given


def text(response: Any) -> str:
    """What a page says."""
    return str(response.content.decode()).replace("\xa0", " ").replace("&#x27;", "'")


# ---- forms


def test_a_package_is_added_with_rates_as_people_write_them(
    browser: Client, tenant_dhaka: Tenant
) -> None:
    form = package_form(
        tenant_dhaka, burst_down_bps="60M", burst_down_s="16", quota_octets="1.5 TB"
    )
    answer = browser.post(url("add", of="package"), form)
    package = Package.objects.get(name="Gold")
    assert answer["Location"] == url("page", package.pk, of="package")
    assert (package.down_bps, package.burst_down_bps) == (50_000_000, 60_000_000)
    assert package.quota_octets == 1_500_000_000_000
    assert group_rows(package)["Mikrotik-Rate-Limit"].startswith("25M/50M 0/60M")


def test_a_package_keeps_what_was_typed_when_it_is_refused(
    browser: Client, tenant_dhaka: Tenant
) -> None:
    form = package_form(tenant_dhaka, burst_down_bps="40M")
    said = text(browser.post(url("add", of="package"), form))
    assert "A burst is faster than the rate" in said
    assert 'value="40M"' in said
    assert not Package.objects.exists()


def test_all_subscribers_follow_an_edited_package(
    browser: Client, tenant_dhaka: Tenant, home: Package, rahim: Subscriber
) -> None:
    form = package_form(tenant_dhaka, name="Home 20", device_limit="4", ipv4_pool="home")
    answer = browser.post(url("change", home.pk, of="package"), form)
    assert answer.status_code == 302
    assert group_rows(home)["Mikrotik-Rate-Limit"] == "25M/50M"
    assert checks("rahim")["Simultaneous-Use"] == "4"


def test_the_preview_tells_the_limit_in_words_and_as_the_router_gets_it(
    browser: Client, tenant_dhaka: Tenant
) -> None:
    said = text(browser.post(url("preview", of="package"), package_form(tenant_dhaka)))
    assert "50 Mbps down, 25 Mbps up" in said
    assert "Mikrotik-Rate-Limit = &quot;25M/50M&quot;" in said or '"25M/50M"' in said


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"down_bps": "fast"}, "is not a bit rate"),
        ({"down_bps": ""}, "This field is required"),
        ({"burst_up_bps": "1k"}, "A burst is faster than the rate"),
        ({"priority": "9"}, "less than or equal to 8"),
        ({"burst_down_s": "x", "burst_down_bps": "60M"}, "Enter a whole number"),
    ],
)
def test_the_preview_says_what_is_wrong(
    browser: Client, tenant_dhaka: Tenant, typed: dict[str, str], words: str
) -> None:
    said = text(browser.post(url("preview", of="package"), package_form(tenant_dhaka, **typed)))
    assert words in said


def test_the_preview_says_who_follows(
    browser: Client, tenant_dhaka: Tenant, home: Package, rahim: Subscriber
) -> None:
    form = package_form(tenant_dhaka, name="Home 20", ipv4_pool="home") | {"package": home.pk}
    assert f"One group of rows changes, pkg-{home.pk}" in text(
        browser.post(url("preview", of="package"), form)
    )
    said = text(browser.post(url("preview", of="package"), form | {"device_limit": "3"}))
    assert "The rows of all 1 are written anew" in said


def test_a_package_in_use_is_not_deleted(browser: Client, home: Package, rahim: Subscriber) -> None:
    answer = browser.get(url("delete", home.pk, of="package"), follow=True)
    said = text(answer)
    assert "1 subscriber</a> have it, or will" in said
    assert f"package__id__exact={home.pk}" in said
    assert Package.objects.filter(pk=home.pk).exists()


def test_a_package_that_nobody_has_is_deleted(browser: Client, home: Package) -> None:
    browser.post(url("delete", home.pk, of="package"), {"post": "yes"})
    assert not Package.objects.exists()
    assert not group_rows(home)


def test_a_subscriber_is_added(browser: Client, home: Package) -> None:
    answer = browser.post(url("add"), subscriber_form(home, mac="aabb.ccdd.eeff"))
    karim = Subscriber.objects.get(username="karim")
    assert answer["Location"] == url("page", karim.pk)
    assert checks("karim")["Cleartext-Password"] == "let-me-in"
    assert checks("karim")["Calling-Station-Id"] == "AA:BB:CC:DD:EE:FF"


def test_a_password_that_is_made_up_is_shown_once(browser: Client, home: Package) -> None:
    answer = browser.post(url("add"), subscriber_form(home, radius_password=""))
    password = checks("karim")["Cleartext-Password"]
    assert password in text(answer)
    assert "no-store" in answer["Cache-Control"]
    karim = Subscriber.objects.get(username="karim")
    assert password not in text(browser.get(url("page", karim.pk)))
    assert password not in text(browser.get(url("history", karim.pk)))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"username": "RAHIM"}, "is taken"),
        ({"mac": "here"}, "Write a MAC address like"),
        ({"ipv4": "10.0.0.300"}, "valid IPv4 address"),
        ({"ipv4": "127.0.0.1"}, "is no address that a subscriber can have"),
        ({"ipv6_prefix": "2001:db8::1/64"}, "This is no IPv6 prefix"),
        ({"radius_password": "a\\b-long"}, "FreeRADIUS would read this password"),
        ({"phone": "12"}, "Write the phone number as"),
        ({"package": "0"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    browser: Client, home: Package, rahim: Subscriber, typed: dict[str, str], words: str
) -> None:
    before = all_rows()
    answer = browser.post(url("add"), subscriber_form(home, **typed))
    said = text(answer)
    assert answer.status_code == 200
    assert words in said
    assert 'value="Karim Mia"' in said
    assert Subscriber.objects.count() == 1
    assert all_rows() == before


def test_editing_changes_what_was_typed_and_leaves_what_somebody_else_changed(
    browser: Client, rahim: Subscriber
) -> None:
    operations.edit(rahim, changes={"notes": "dog"}, by=BY)
    form = {"full_name": "Rahim Mia", "ipv4": "10.20.0.9", "notes": "dog", "device_limit": "3"}
    browser.post(url("change", rahim.pk), form)
    rahim.refresh_from_db()
    assert (rahim.full_name, rahim.notes) == ("Rahim Mia", "dog")
    assert replies("rahim")["Framed-IP-Address"] == "10.20.0.9"
    assert checks("rahim")["Simultaneous-Use"] == "3"


# ---- in both databases, or in neither


@pytest.fixture
def fail_at() -> Iterator[Callable[[str], None]]:
    yield lambda step: steps.stop_at(f"fail:{step}")
    steps.stop_at("")


FORMS: dict[str, Callable[[Package, Subscriber], tuple[str, dict[str, Any]]]] = {
    "add": lambda p, s: (url("add"), subscriber_form(p)),
    "edit": lambda p, s: (url("change", s.pk), {"full_name": "X", "ipv4": "10.20.0.9"}),
    "delete": lambda p, s: (url("delete", s.pk), {"post": "yes", "reason": "gone"}),
    "suspend": lambda p, s: (url("suspend", s.pk), {"reason": "unpaid"}),
    "rename": lambda p, s: (url("rename", s.pk), {"username": "rahim2"}),
    "password": lambda p, s: (url("password", s.pk), {"password": "new-one", "confirmed": "yes"}),
    "package": lambda p, s: (
        url("change", p.pk, of="package"),
        package_form(p.tenant, name="Home 20", device_limit="7", ipv4_pool="home"),
    ),
    "add package": lambda p, s: (url("add", of="package"), package_form(p.tenant)),
}


@pytest.mark.django_db(transaction=True, databases=["default", "radius"])
@pytest.mark.parametrize("step", [each for each in STEPS if each != "portal_committed"])
@pytest.mark.parametrize("form", FORMS)
def test_a_form_that_fails_at_a_step_changes_nothing(
    browser: Client,
    home: Package,
    rahim: Subscriber,
    fail_at: Callable[[str], None],
    form: str,
    step: str,
) -> None:
    """What fell between the two commits is undone by recovery before anybody sees it."""
    before, portal = all_rows(), _portal()
    address, sent = FORMS[form](home, rahim)
    fail_at(step)
    with pytest.raises(Stopped):
        browser.post(address, sent)
    steps.stop_at("")
    unit_of_work.recover()
    assert _portal() == portal
    assert all_rows() == before
    assert not reconciling.plan(reconciling.Extent()).differing
    assert browser.post(address, sent).status_code in {200, 302}
    assert _portal() != portal
    assert not reconciling.plan(reconciling.Extent()).differing


def _portal() -> list[Any]:
    columns = ("pk", "username", "package_id", "status", "full_name", "ipv4", "radius_password")
    packages = Package.objects.order_by("pk").values_list("pk", "name", "device_limit")
    entries = AuditEntry.objects.exclude(action__startswith="log ").count()
    return [*Subscriber.objects.order_by("pk").values_list(*columns), *packages, entries]


@pytest.fixture
def radius_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """The file of the embedded database, or the server's port, is not there."""
    connection = connections["radius"]
    settings = dict(connection.settings_dict)

    def go() -> None:
        connection.close()
        if connection.vendor == "sqlite":
            connection.settings_dict["NAME"] = "/nowhere/radius.sqlite3"
        else:
            connection.settings_dict["PORT"] = "1"

    yield go
    connection.close()
    connection.settings_dict.update(settings)


@pytest.mark.django_db(transaction=True, databases=["default", "radius"])
def test_without_the_radius_database_forms_say_so_and_keep_what_was_typed(
    browser: Client, home: Package, rahim: Subscriber, radius_away: Callable[[], None]
) -> None:
    portal = _portal()
    radius_away()
    for name in ("add", "edit", "suspend", "rename", "add package"):
        address, sent = FORMS[name](home, rahim)
        answer = browser.post(address, sent)
        said = text(answer)
        assert answer.status_code == 200, name
        assert RADIUS_AWAY in said, name
        assert "othing was changed" in said, name
        for typed in ("Karim Mia", "unpaid", "rahim2", "50M"):
            if typed in sent.values():
                assert f'value="{typed}"' in said, name
    assert _portal() == portal


@pytest.mark.django_db(transaction=True, databases=["default", "radius"])
def test_without_the_radius_database_pages_say_what_is_unknown(
    browser: Client, home: Package, rahim: Subscriber, radius_away: Callable[[], None]
) -> None:
    radius_away()
    for address in (url("page", rahim.pk), url("page", home.pk, of="package")):
        said = text(browser.get(address))
        assert RADIUS_AWAY in said
    assert "rahim" in text(browser.get(url("changelist")))
    answer = browser.get(url("reconcile"), {"compare": "yes"})
    assert RADIUS_AWAY in text(answer)


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
    assert entry.actor == "noc"


def test_renewed_resumed_moved_and_unbound(
    as_noc: Client, noon: Clock, home: Package, rahim: Subscriber, tenant_dhaka: Tenant
) -> None:
    from subscribers.operations import packages

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


def test_an_end_is_the_end_of_the_day_in_the_zone_of_the_isp(
    as_noc: Client, noon: Clock, rahim: Subscriber
) -> None:
    as_noc.post(url("renew", rahim.pk), {"periods": "", "until": "2026-03-20", "reason": "x"})
    rahim.refresh_from_db()
    assert rahim.expires_at is not None
    assert rahim.expires_at.isoformat() in {
        "2026-03-20T18:00:00+00:00",
        "2026-03-21T00:00:00+00:00",
    }


@pytest.mark.parametrize(
    ("name", "sent", "words"),
    [
        ("resume", {"reason": "x"}, "is active: it cannot resume now"),
        ("suspend", {"reason": ""}, "This field is required"),
        ("rename", {"username": "KARIM"}, "is taken"),
        ("bind", {"mac": "nothing"}, "Write a MAC address like"),
        ("renew", {"periods": "", "reason": "x"}, "Say for how many periods"),
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


# ---- the list, and many at once


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("RAHIM", True),
        ("aabb.ccdd.eeff", True),
        ("01712-345678", True),
        ("+8801712345678", True),
        ("uddin", True),
        ("10.20.0.9", True),
        ("nobody", False),
        ("10.20.0.8", False),
        ("\0", True),
    ],
)
def test_subscribers_are_found_by_what_people_know(
    browser: Client, home: Package, query: str, found: bool
) -> None:
    given = {"mac": "AA:BB:CC:DD:EE:FF", "phone": "+8801712345678", "full_name": "Rahim Uddin"}
    rahim = made(home, ipv4="10.20.0.9", **given)
    assert rahim.account_number
    listed = text(browser.get(url("changelist"), {"q": query}))
    assert (url("page", rahim.pk) in listed) == found
    assert url("page", rahim.pk) in text(
        browser.get(url("changelist"), {"q": rahim.account_number})
    )


@pytest.fixture
def many(home: Package) -> list[Subscriber]:
    return [made(home, f"line-{n}") for n in range(5)]


def chosen(action: str, rows: list[Subscriber], **given: Any) -> dict[str, Any]:
    return {"action": action, "_selected_action": [row.pk for row in rows]} | given


def test_many_are_suspended_after_a_confirmation(as_noc: Client, many: list[Subscriber]) -> None:
    asked = as_noc.post(url("changelist"), chosen("suspend_chosen", many[:3]))
    assert "Suspend 3 subscribers" in text(asked)
    assert not Subscriber.objects.filter(status="suspended").exists()
    sent = chosen("suspend_chosen", many[:3], confirmed="yes", counted="3", reason="unpaid")
    as_noc.post(url("changelist"), sent)
    assert Subscriber.objects.filter(status="suspended").count() == 3
    assert checks("line-2")["Auth-Type"] == "Reject"
    assert "Auth-Type" not in checks("line-3")
    assert StatusChange.objects.filter(reason="unpaid", by="noc").count() == 3
    head = AuditEntry.objects.get(members=3)
    assert (head.action, head.reason, head.actor) == ("suspend", "unpaid", "noc")


def test_a_whole_filter_is_changed_in_pieces(
    as_noc: Client, many: list[Subscriber], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscribers.admin.bulk.AT_ONCE", 2)
    address = f"{url('changelist')}?status__exact=active"
    sent = chosen("suspend_chosen", many[:1], select_across="1", confirmed="yes", reason="x")
    sent["counted"] = "5"
    for done in (2, 4):
        answer = as_noc.post(address, sent)
        assert f"{done} of 5" in text(answer)
        progress = answer.context["progress"]
        sent |= {"after": progress.after, "changed": progress.changed, "left": progress.left}
    assert as_noc.post(address, sent).status_code == 302
    assert Subscriber.objects.filter(status="suspended").count() == 5
    assert not reconciling.plan(reconciling.Extent()).differing


def test_who_cannot_be_changed_so_is_left_and_named(as_noc: Client, many: list[Subscriber]) -> None:
    statuses.suspend(many[0], by=BY)
    sent = chosen("suspend_chosen", many, confirmed="yes", counted="5", reason="x")
    said = text(as_noc.post(url("changelist"), sent, follow=True))
    assert "4 subscribers suspended. 1 is left as before. line-0 is suspended" in said


def test_it_is_asked_again_where_there_are_others_than_were_confirmed(
    as_noc: Client, many: list[Subscriber]
) -> None:
    sent = chosen("suspend_chosen", many, confirmed="yes", counted="4", reason="x")
    said = text(as_noc.post(url("changelist"), sent))
    assert "There are 5 now, and not 4" in said
    assert not Subscriber.objects.filter(status="suspended").exists()


def test_many_are_moved_renewed_and_resumed(
    as_noc: Client, noon: Clock, many: list[Subscriber], tenant_dhaka: Tenant, hotspot: Package
) -> None:
    from subscribers.operations import packages

    other = packages.create(a_package(tenant_dhaka, "Home 50", device_limit=4), by=BY)
    odd = made(hotspot, "guest")
    sent = chosen("change_package_of_chosen", [*many, odd], confirmed="yes", counted="6")
    said = text(
        as_noc.post(
            url("changelist"),
            sent | {"package": other.pk, "when": "now", "reason": "x"},
            follow=True,
        )
    )
    assert "5 subscribers moved to another package. 1 is left as before. guest" in said
    assert checks("line-1")["Simultaneous-Use"] == "4"
    ends = Subscriber.objects.get(username="line-1").expires_at
    sent = chosen("renew_chosen", many, confirmed="yes", counted="5", periods="1", reason="x")
    as_noc.post(url("changelist"), sent)
    renewed = Subscriber.objects.get(username="line-1").expires_at
    assert ends is not None
    assert renewed is not None
    assert renewed > ends
    for action in ("suspend_chosen", "resume_chosen"):
        as_noc.post(
            url("changelist"), chosen(action, many, confirmed="yes", counted="5", reason="x")
        )
    assert Subscriber.objects.filter(status="active").count() == 6
    assert not reconciling.plan(reconciling.Extent()).differing


@pytest.mark.django_db(transaction=True, databases=["default", "radius"])
@pytest.mark.parametrize("step", [each for each in STEPS if each != "portal_committed"])
def test_many_change_together_or_not_at_all(
    home: Package, step: str, fail_at: Callable[[str], None]
) -> None:
    keys = [made(home, f"line-{n}").username_key for n in range(3)]
    before, portal = all_rows(), _portal()
    fail_at(step)
    with pytest.raises(Stopped):
        bulk.suspend(keys, by=BY)
    steps.stop_at("")
    unit_of_work.recover()
    assert (all_rows(), _portal()) == (before, portal)


def test_a_viewer_has_no_action(as_viewer: Client, many: list[Subscriber]) -> None:
    sent = chosen("suspend_chosen", many, confirmed="yes", counted="5", reason="x")
    as_viewer.post(url("changelist"), sent)
    assert not Subscriber.objects.filter(status="suspended").exists()


# ---- comparing


def test_the_comparison_is_shown_and_then_put_right(
    browser: Client, home: Package, rahim: Subscriber
) -> None:
    Check.objects.filter(username="rahim").delete()
    Check.objects.create(username="stranger", attribute="Auth-Type", op=":=", value="Accept")
    assert "differs" not in text(browser.get(url("reconcile")))
    address = f"{url('reconcile')}?compare=yes"
    said = text(browser.get(address))
    assert "1 name differs" in said
    assert "stranger" in said
    assert not checks("rahim")
    said = text(browser.post(address, {"confirmed": "yes"}))
    assert "1 name put right." in said
    assert checks("rahim")
    assert checks("stranger")


def test_too_much_is_only_written_when_it_is_forced(browser: Client, home: Package) -> None:
    for n in range(12):
        made(home, f"line-{n}")
    Check.objects.all().delete()
    address = f"{url('reconcile')}?compare=yes"
    said = text(browser.post(address, {"confirmed": "yes"}))
    assert "is this the right database?" in said
    assert not Check.objects.exists()
    browser.post(address, {"confirmed": "yes", "force": "yes"})
    assert not reconciling.plan(reconciling.Extent()).differing


def test_a_radius_error_is_no_fault_of_the_page(
    browser: Client, rahim: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(key: str) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("subscribers.pages.logins.last_logins", away)
    assert RADIUS_AWAY in text(browser.get(url("page", rahim.pk)))
