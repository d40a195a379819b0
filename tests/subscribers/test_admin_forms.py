"""Forms of packages and subscribers: stored in both databases, or in neither."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.test import Client

from ispcore.accounts.models import Account, Tenant
from ispcore.accounts.operations import grants
from ispcore.base import unit_of_work
from ispcore.base.refused_forms import add_refusal
from ispcore.base.unit_of_work import steps
from ispcore.base.unit_of_work.steps import STEPS, Stopped
from resellers.models import Reseller
from subscribers.forms import RenewForm
from subscribers.models import Package, Subscriber
from subscribers.operations import reconciling
from subscribers.operations import subscribers as operations
from tests.subscribers.admin import (
    RADIUS_AWAY,
    package_form,
    portal_rows,
    subscriber_form,
    text,
    url,
)
from tests.subscribers.conftest import (
    BY,
    all_rows,
    by_hand,
    checks,
    group_rows,
    made,
    replies,
)

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
        ({"package": "0"}, "cannot be given here"),
        ({"until": "2020-01-02"}, "This end is past already"),
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
    assert answer.context["adminform"].form.errors.keys() == typed.keys()
    assert 'value="Karim Mia"' in said
    assert Subscriber.objects.count() == 1
    assert all_rows() == before


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ipv4", "10.1.1.9", "This is the address of another subscriber"),
        ("ipv6_prefix", "2001:db8:1::/64", "This is the prefix of another subscriber"),
        ("delegated_prefix", "2001:db8:2::/56", "This is the prefix of another subscriber"),
    ],
)
def test_an_address_of_somebody_else_is_told_as_that(
    browser: Client, home: Package, name: str, value: str, words: str
) -> None:
    made(home, "salam", **{name: value})
    answer = browser.post(url("add"), subscriber_form(home, **{name: value}))
    assert answer.context["adminform"].form.errors[name] == [f"{words}."]


def test_a_name_that_was_made_by_hand_is_taken_over_knowingly(
    as_noc: Client, home: Package
) -> None:
    by_hand("Karim")
    before, form = all_rows(), subscriber_form(home)
    assert 'type="checkbox" name="take_over"' not in text(as_noc.get(url("add")))
    said = text(as_noc.post(url("add"), form))
    assert "2 rows for “karim” that were made by hand: Cleartext-Password, group." in said
    assert said.count("made by hand") == 1
    assert 'type="checkbox" name="take_over"' in said
    assert 'value="let-me-in"' in said
    assert (all_rows(), Subscriber.objects.count()) == (before, 0)
    as_noc.post(url("add"), form | {"take_over": "on"})
    assert checks("karim")["Cleartext-Password"] == "let-me-in"
    by_hand("salam")
    karim = Subscriber.objects.get()
    said = text(as_noc.post(url("rename", karim.pk), {"username": "salam"}))
    assert "made by hand" in said
    assert 'type="checkbox" name="take_over"' in said
    as_noc.post(url("rename", karim.pk), {"username": "salam", "take_over": "on"})
    assert checks("salam")["Cleartext-Password"] == "let-me-in"


def test_to_take_over_is_offered_to_nobody_who_may_not(
    as_noc: Client, noc: Account, home: Package, rahim: Subscriber
) -> None:
    own = Reseller.objects.create(tenant=home.tenant)
    grants.replace(noc, [("resellers.reseller", own.pk)], by=BY)
    by_hand("karim")
    before = all_rows()
    for address, form in (
        (url("add"), subscriber_form(home)),
        (url("rename", rahim.pk), {"username": "karim"}),
    ):
        said = text(as_noc.post(address, form))
        assert "only the provider can give it to you" in said
        assert 'type="checkbox" name="take_over"' not in said
    assert all_rows() == before


@pytest.mark.one_database
def test_each_fault_is_beside_its_field_and_what_has_none_above() -> None:
    form = RenewForm({"periods": "1", "reason": "x"})
    assert form.is_valid()
    faults = {"expires_at": "too late", "ipv4": "taken", NON_FIELD_ERRORS: "no"}
    add_refusal(form, ValidationError(faults), Subscriber)
    above = ["Static IPv4 address: taken.", "no"]
    assert form.errors == {"until": ["too late"], NON_FIELD_ERRORS: above}


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
    before, portal = all_rows(), portal_rows()
    address, sent = FORMS[form](home, rahim)
    fail_at(step)
    with pytest.raises(Stopped):
        browser.post(address, sent)
    steps.stop_at("")
    unit_of_work.recover()
    assert portal_rows() == portal
    assert all_rows() == before
    assert not reconciling.plan(reconciling.Extent()).differing
    assert browser.post(address, sent).status_code in {200, 302}
    assert portal_rows() != portal
    assert not reconciling.plan(reconciling.Extent()).differing


@pytest.mark.django_db(transaction=True, databases=["default", "radius"])
def test_without_the_radius_database_forms_say_so_and_keep_what_was_typed(
    browser: Client, home: Package, rahim: Subscriber, radius_away: Callable[[], None]
) -> None:
    portal = portal_rows()
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
    assert portal_rows() == portal


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
