"""What a tenant's owner and operators do with their subscribers, in both databases, and nobody else."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connections
from django.urls import reverse

from ispcore.accounts.models import Tenant
from ispcore.accounts.operations import matrix
from ispcore.accounts.operations.matrix import Change
from ispcore.accounts.roles import Group, May
from ispcore.base.models import AuditEntry
from ispcore.base.unit_of_work import Busy, Scope, markers
from ispcore.base.unit_of_work.markers import Marker
from radius.models import Check
from subscribers.models import Package, Subscriber
from subscribers.operations import packages, statuses, strangers, units
from tests.my.conftest import text_of
from tests.subscribers.conftest import BY, Clock, a_package, all_rows, checks, made

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db(databases=["default", "radius"])
ADD = "/my/subscribers/add/"
BECAUSE = {"reason": "asked by phone"}


def _url(row: Subscriber, act: str = "") -> str:
    return reverse(f"my:subscriber_{act}" if act else "my:subscriber", args=[row.pk])


def _shown_password(answer: Any) -> str:
    assert "no-store" in answer["Cache-Control"]
    found = re.search(r'id="new-password"[^>]* value="([^"]+)"', answer.content.decode())
    assert found is not None
    return found[1]


def _last(action: str) -> AuditEntry:
    return AuditEntry.objects.filter(action=action).latest("pk")


# ---- made


def test_one_is_made_with_a_password_that_is_shown_once(
    as_operator: "Client", home: Package, tenant_dhaka: Tenant
) -> None:
    form = {"package": home.pk, "username": "Karim", "full_name": "Karim Mia"}
    password = _shown_password(as_operator.post(ADD, form))
    row = Subscriber.objects.get(username_key="karim")
    assert (row.tenant, row.package, row.status) == (tenant_dhaka, home, "active")
    assert row.full_name == "Karim Mia"
    assert row.account_number.endswith("-000001")
    assert checks("Karim")["Cleartext-Password"] == password
    assert password not in text_of(as_operator.get(_url(row)))
    entry = _last("create")
    assert (entry.actor, entry.surface, entry.tenant_id) == ("op_dhaka", "my", tenant_dhaka.pk)


def test_a_password_that_was_typed_is_not_shown_again(as_dhaka: "Client", home: Package) -> None:
    form = {"package": home.pk, "username": "karim", "radius_password": "of-my-own-9"}
    answer = as_dhaka.post(ADD, form, follow=True)
    assert "karim may log in now." in text_of(answer)
    assert "of-my-own-9" not in text_of(answer)
    assert checks("karim")["Cleartext-Password"] == "of-my-own-9"


def test_a_name_that_freeradius_alone_has_is_not_taken_over(
    as_operator: "Client", as_noc: "Client", home: Package
) -> None:
    """Another's line, entered by hand before the portal was: only the provider may take it over."""
    Check.objects.create(username="Karim", attribute="Cleartext-Password", op=":=", value="his")
    said = text_of(as_operator.post(ADD, {"package": home.pk, "username": "karim"}))
    assert "“karim” is taken: only the provider can give it to you" in said
    assert not Subscriber.objects.exists()
    assert checks("Karim") == {"Cleartext-Password": "his"}
    forged = {"package": home.pk, "username": "karim", "take_over": "on"}
    assert "is taken" in text_of(as_operator.post(ADD, forged))
    assert checks("Karim") == {"Cleartext-Password": "his"}
    form = {"package": home.pk, "username": "karim", "radius_password": "of-my-own-9"}
    as_noc.post(reverse("admin:subscribers_subscriber_add"), form | {"take_over": "on"})
    assert checks("karim")["Cleartext-Password"] == "of-my-own-9"


def test_what_a_dead_writer_left_of_a_name_is_in_nobodys_way(
    as_operator: "Client", home: Package
) -> None:
    Check.objects.create(username="karim", attribute="Cleartext-Password", op=":=", value="half")
    markers.put(Marker(uuid4(), units.usernames("karim"), "create subscriber karim"))
    password = _shown_password(as_operator.post(ADD, {"package": home.pk, "username": "karim"}))
    assert checks("karim")["Cleartext-Password"] == password


def test_what_cannot_be_decided_of_a_name_is_not_called_made_by_hand() -> None:
    Check.objects.create(username="karim", attribute="Cleartext-Password", op=":=", value="half")
    markers.put(Marker(uuid4(), Scope("nobody's", ("karim",)), "create subscriber karim"))
    with pytest.raises(Busy, match="nothing was changed"):
        strangers.taken_over(["karim"], by=BY, take_over=True)


def test_what_is_the_providers_cannot_be_given(
    as_dhaka: "Client", home: Package, tenant_ctg: Tenant
) -> None:
    form = {"package": home.pk, "username": "karim", "tenant": tenant_ctg.pk, "until": "2099-01-01"}
    form |= {"ipv4": "10.1.1.1", "device_limit": "99", "notes": "x", "status": "disabled"}
    as_dhaka.post(ADD, form)
    row = Subscriber.objects.get(username_key="karim")
    assert (row.tenant, row.ipv4, row.device_limit, row.notes, row.status) == (
        *(home.tenant, None, None),
        *("", "active"),
    )
    assert row.expires_at is not None
    assert row.expires_at.year < 2099


def test_a_package_of_another_tenant_is_no_choice(as_dhaka: "Client", tenant_ctg: Tenant) -> None:
    other = packages.create(a_package(tenant_ctg, "Ctg 5"), by=BY)
    assert "Ctg 5" not in text_of(as_dhaka.get(ADD))
    said = text_of(as_dhaka.post(ADD, {"package": other.pk, "username": "karim"}))
    assert "Nothing was changed" in said
    assert "Ctg 5" not in said
    assert not Subscriber.objects.exists()


def test_a_name_that_somebody_has_is_told_without_whose_it_is(
    as_dhaka: "Client", home: Package, tenant_ctg: Tenant
) -> None:
    made(packages.create(a_package(tenant_ctg, "Ctg 5"), by=BY), "nasir", full_name="Nasir Ali")
    before = all_rows()
    said = text_of(as_dhaka.post(ADD, {"package": home.pk, "username": "NASIR"}))
    assert "is taken" in said
    assert "Nothing was changed" in said
    assert "Nasir Ali" not in said
    assert tenant_ctg.name not in said
    assert Subscriber.objects.count() == 1
    assert all_rows() == before


# ---- changed


def test_one_is_suspended_and_resumed_with_the_reason_on_record(
    as_operator: "Client", rahim: Subscriber
) -> None:
    said = text_of(as_operator.post(_url(rahim, "suspend"), BECAUSE, follow=True))
    assert "rahim is suspended." in said
    assert checks("rahim")["Auth-Type"] == "Reject"
    entry = _last("suspend")
    assert (entry.actor, entry.reason, entry.tenant_id) == (
        *("op_dhaka", BECAUSE["reason"]),
        rahim.tenant_id,
    )
    as_operator.post(_url(rahim, "resume"), BECAUSE)
    assert "Auth-Type" not in checks("rahim")
    found = rahim.status_changes.order_by("pk").values_list("old", "new", "by", "reason")
    assert list(found) == [
        ("active", "suspended", "op_dhaka", BECAUSE["reason"]),
        ("suspended", "active", "op_dhaka", BECAUSE["reason"]),
    ]


@pytest.mark.parametrize("act", ["suspend", "resume", "renew"])
def test_without_a_reason_nothing_is_done(as_dhaka: "Client", rahim: Subscriber, act: str) -> None:
    before = all_rows()
    said = text_of(as_dhaka.post(_url(rahim, act), {"reason": "", "periods": "1"}))
    assert "Nothing was changed" in said
    assert all_rows() == before
    assert Subscriber.objects.get(pk=rahim.pk).expires_at == rahim.expires_at


def test_what_the_provider_disabled_stays_so(as_dhaka: "Client", rahim: Subscriber) -> None:
    statuses.disable(rahim, by=BY, reason="abuse")
    assert "Resume" not in text_of(as_dhaka.get(_url(rahim)))
    said = text_of(as_dhaka.post(_url(rahim, "resume"), BECAUSE))
    assert "rahim is disabled" in said
    assert "Nothing was changed" in said
    assert Subscriber.objects.get(pk=rahim.pk).status == "disabled"
    assert checks("rahim")["Auth-Type"] == "Reject"


def test_one_is_renewed_by_periods(as_dhaka: "Client", noon: Clock, rahim: Subscriber) -> None:
    before = checks("rahim")["Expiration"]
    said = text_of(as_dhaka.post(_url(rahim, "renew"), BECAUSE | {"periods": "2"}, follow=True))
    assert "rahim lasts until 2 Jun 2026" in said
    assert int(checks("rahim")["Expiration"]) > int(before)
    for periods in ("0", "-1", "121", "9" * 30, "x"):
        form = BECAUSE | {"periods": periods}
        assert "Nothing was changed" in text_of(as_dhaka.post(_url(rahim, "renew"), form))


def test_a_new_password_is_shown_once(as_dhaka: "Client", rahim: Subscriber) -> None:
    answer = as_dhaka.post(_url(rahim, "password"), {"confirmed": "yes"})
    password = _shown_password(answer)
    assert checks("rahim")["Cleartext-Password"] == password != "let-me-in"
    assert password not in text_of(as_dhaka.get(_url(rahim)))
    assert password not in str(AuditEntry.objects.values_list("old", "new"))


def test_the_contact_is_changed_and_nothing_else(as_dhaka: "Client", rahim: Subscriber) -> None:
    form = {"full_name": "Rahim Uddin", "phone": "+8801712345678", "address": "House 7\nRoad 3"}
    beyond = {"notes": "x", "ipv4": "10.1.1.1", "username": "other", "device_limit": "9"}
    as_dhaka.post(_url(rahim, "contact"), form | beyond)
    now = Subscriber.objects.get(pk=rahim.pk)
    assert (now.full_name, now.phone, now.address.split()[0]) == (
        *("Rahim Uddin", "+8801712345678"),
        "House",
    )
    assert (now.notes, now.ipv4, now.username, now.device_limit) == ("", None, "rahim", None)
    said = text_of(as_dhaka.post(_url(rahim, "contact"), {"phone": "none"}))
    assert "Nothing was changed" in said
    assert Subscriber.objects.get(pk=rahim.pk).phone == "+8801712345678"


# ---- who may


def test_a_viewer_sees_and_changes_nothing(
    as_viewer_dhaka: "Client", home: Package, rahim: Subscriber
) -> None:
    before = all_rows()
    page = text_of(as_viewer_dhaka.get(_url(rahim)))
    assert not [
        act for act in ("Suspend", "Renew", "New password", "Edit contact") if f">{act}<" in page
    ]
    assert "Add a subscriber" not in text_of(as_viewer_dhaka.get(reverse("my:subscribers")))
    acts = ("contact", "renew", "suspend", "resume", "password")
    for url in (ADD, *(_url(rahim, act) for act in acts)):
        form = BECAUSE | {"package": str(home.pk), "username": "karim", "confirmed": "yes"}
        assert as_viewer_dhaka.get(url).status_code == 403
        assert as_viewer_dhaka.post(url, form).status_code == 403
    assert all_rows() == before


def test_the_right_can_be_taken_from_a_tenants_operators(
    as_operator: "Client", as_dhaka: "Client", rahim: Subscriber
) -> None:
    matrix.change([Change(Group.TENANT_OPERATOR, May.EDIT_SUBSCRIBERS, False)], by=BY)
    assert as_operator.post(_url(rahim, "suspend"), BECAUSE).status_code == 403
    assert as_operator.get(_url(rahim)).status_code == 200
    assert as_dhaka.post(_url(rahim, "suspend"), BECAUSE).status_code == 302


@pytest.mark.django_db(transaction=True, databases=["default", "radius"])
def test_without_the_other_database_nothing_is_changed_and_that_is_said(
    as_dhaka: "Client", home: Package, rahim: Subscriber, radius_away: Callable[[], None]
) -> None:
    radius_away()
    adding = {"package": home.pk, "username": "karim", "full_name": "Karim Mia"}
    for url, form in ((_url(rahim, "suspend"), BECAUSE), (ADD, adding)):
        said = text_of(as_dhaka.post(url, form))
        assert "cannot be changed just now" in said
        assert "Nothing was changed" in said
        assert "FreeRADIUS" not in said
    assert 'value="Karim Mia"' in said
    assert Subscriber.objects.get().status == "active"


@pytest.mark.django_db(transaction=True, databases=["default", "radius"])
def test_that_others_hold_rows_is_said_without_where(as_dhaka: "Client", rahim: Subscriber) -> None:
    radius = connections["radius"]
    at_once = {"mysql": "SET innodb_lock_wait_timeout = 0", "sqlite": "PRAGMA busy_timeout = 0"}
    with radius.cursor() as cursor:
        cursor.execute(at_once[radius.vendor])
    other = radius.copy()
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("UPDATE radcheck SET op = op WHERE username = 'rahim'")
    try:
        said = text_of(as_dhaka.post(_url(rahim, "suspend"), BECAUSE))
    finally:
        for each in (other, radius):
            each.close()
    assert "Somebody else is changing the same thing. Try again in a moment" in said
    assert "Nothing was changed" in said
    assert "RADIUS" not in said
    assert Subscriber.objects.get().status == "active"
