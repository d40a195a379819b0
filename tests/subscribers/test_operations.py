"""Subscribers from creation to deletion: the portal's rows, FreeRADIUS' rows, and the record."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.test.utils import CaptureQueriesContext

from ispcore.accounts.models import Account, Tenant
from ispcore.base.models import AuditEntry
from radius.models import Accounting, Check, Reply, UserGroup
from subscribers.models import Package, Subscriber
from subscribers.operations import (
    account_numbers,
    binding,
    judging,
    packages,
    passwords,
    reconciling,
    statuses,
    subscribers,
)
from subscribers.operations.reconciling import Extent
from subscribers.operations.strangers import MadeByHand
from subscribers.operations.units import NotYours, SubscriberMoved
from tests.subscribers.conftest import (
    BY,
    DAY,
    NOON,
    Clock,
    a_package,
    a_subscriber,
    actions,
    again,
    all_rows,
    by_hand,
    checks,
    epoch,
    groups,
    made,
    replies,
)

# ---- created


def test_a_new_subscriber_stands_in_both(noon: Clock, home: Package) -> None:
    rahim = made(home, "Rahim.Uttara", device_limit=2)
    assert again(rahim).account_number == f"T{rahim.tenant_id}-000001"
    assert again(rahim).username_key == "rahim.uttara"
    assert rahim.expires_at == NOON.replace(month=4)  # a calendar month
    assert checks("Rahim.Uttara") == {
        "Cleartext-Password": "let-me-in",
        "Simultaneous-Use": "2",
        "Expiration": epoch(rahim.expires_at),
    }
    assert groups("Rahim.Uttara") == [f"pkg-{home.pk}"]
    assert not replies("Rahim.Uttara")
    assert actions() == ["create", "create"]


def test_passwords_are_encrypted_here_and_never_in_the_record(rahim: Subscriber) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT radius_password FROM network_users")
        assert "let-me-in" not in str(cursor.fetchall())
    entry = AuditEntry.objects.get(object_kind="subscribers.subscriber")
    assert entry.new["radius_password"] == "(secret)"


@pytest.mark.parametrize("end", [None, NOON + 40 * DAY])
def test_an_end_that_is_given_stays(noon: Clock, home: Package, end: Any) -> None:
    assert made(home, expires_at=end).expires_at == (end or NOON.replace(month=4))


def test_without_validity_there_is_no_end(noon: Clock, tenant_dhaka: Tenant) -> None:
    leased = packages.create(a_package(tenant_dhaka, validity="none"), by=BY)
    line = made(leased)
    assert line.expires_at is None
    assert "Expiration" not in checks("rahim")


@pytest.mark.parametrize(
    ("given", "field", "fault"),
    [
        ({"username": "rahim karim"}, "username", "letters from A to Z"),
        ({"username": "রহিম"}, "username", "letters from A to Z"),
        ({"username": ""}, "username", "blank"),
        ({"username": "x" * 65}, "username", "64"),
        ({"radius_password": ""}, "radius_password", "blank"),
        ({"radius_password": "abc"}, "radius_password", "4 to 128"),
        ({"radius_password": "pässword"}, "radius_password", "plain"),
        ({"radius_password": '"quoted"'}, "radius_password", "quotes"),
        ({"radius_password": "back\\nslash"}, "radius_password", "read this password as another"),
        ({"mac": "AA:BB"}, "mac", "AA:BB:CC:DD:EE:FF"),
        ({"ipv4": "10.0.0.300"}, "ipv4", "IPv4"),
        ({"ipv4": "127.0.0.1"}, "ipv4", "no address that a subscriber can have"),
        ({"ipv4": "255.255.255.254"}, "ipv4", "no address that a subscriber can have"),
        ({"ipv6_prefix": "2001:db8::1/64"}, "ipv6_prefix", "host bits"),
        ({"delegated_prefix": "fe80::/64"}, "delegated_prefix", "No subscriber has this prefix"),
        ({"device_limit": 0}, "device_limit", "greater than or equal to 1"),
        ({"phone": "01712"}, "phone", r"\+8801712345678"),
    ],
)
def test_what_cannot_be_is_refused_by_field_and_changes_nothing(
    home: Package, given: dict[str, Any], field: str, fault: str
) -> None:
    subscriber = a_subscriber(home, **{"username": "karim"} | given)
    with pytest.raises(ValidationError, match=fault) as refused:
        subscribers.create(subscriber, by=BY)
    assert list(refused.value.message_dict) == [field]
    assert not Subscriber.objects.exists()
    assert not Check.objects.exists()
    assert actions() == ["create"]  # the package


@pytest.mark.parametrize("twin", ["rahim", "RAHIM", " rahim ", "Rahim"])
def test_a_name_that_mariadb_takes_for_another_is_refused(rahim: Subscriber, twin: str) -> None:
    with pytest.raises(ValidationError, match="is taken") as refused:
        made(rahim.package, twin)
    assert list(refused.value.message_dict) == ["username"]
    assert Check.objects.filter(attribute="Cleartext-Password").count() == 1


def test_a_name_that_another_tenant_has_is_taken_too(rahim: Subscriber, tenant_ctg: Tenant) -> None:
    with pytest.raises(ValidationError, match="is taken"):
        made(packages.create(a_package(tenant_ctg), by=BY), "Rahim")


def test_a_package_of_another_tenant_is_refused(home: Package, tenant_ctg: Tenant) -> None:
    subscriber = a_subscriber(home)
    subscriber.tenant = tenant_ctg
    with pytest.raises(ValidationError, match="package of another tenant") as refused:
        subscribers.create(subscriber, by=BY)
    assert list(refused.value.message_dict) == ["package"]


def test_a_package_of_another_type_is_refused(home: Package) -> None:
    subscriber = a_subscriber(home)
    subscriber.service = "hotspot"
    with pytest.raises(ValidationError, match="a package for PPPoE"):
        subscribers.create(subscriber, by=BY)


def test_a_static_address_lies_in_the_pool_and_is_nobody_elses(tenant_dhaka: Tenant) -> None:
    fixed = a_package(
        tenant_dhaka, ipv4_networks="10.20.0.0/24, 10.21.0.0/24", ipv6_networks="2001:db8::/32"
    )
    packages.create(fixed, by=BY)
    with pytest.raises(ValidationError, match=r"10.9.0.1 lies outside .*: 10.20.0.0/24, 10.21"):
        made(fixed, ipv4="10.9.0.1")
    with pytest.raises(ValidationError, match="2001:dead::/56 lies outside"):
        made(fixed, delegated_prefix="2001:dead::/56")
    made(fixed, ipv4="10.21.0.9", ipv6_prefix="2001:0db8:1:2::/64")
    assert replies("rahim") == {
        "Framed-IP-Address": "10.21.0.9",
        "Framed-IPv6-Prefix": "2001:db8:1:2::/64",
    }
    with pytest.raises(ValidationError, match=r"10.21.0.9 is the address of another"):
        made(fixed, "karim", ipv4="10.21.0.9")
    with pytest.raises(ValidationError, match="is the prefix of another"):
        made(fixed, "karim", ipv6_prefix="2001:db8:1:2::/64")


def test_a_mac_is_stored_as_the_router_sends_it(home: Package) -> None:
    made(home, "aa-bb-cc-00-11-22", mac="aabb.cc00.1122")
    assert checks("aa-bb-cc-00-11-22")["Calling-Station-Id"] == "AA:BB:CC:00:11:22"


# ---- changed


def test_an_edit_changes_what_it_names_and_leaves_what_others_changed(rahim: Subscriber) -> None:
    mine, theirs = again(rahim), again(rahim)
    subscribers.edit(theirs, changes={"phone": "+8801712345678"}, by=BY)
    subscribers.edit(mine, changes={"device_limit": 3}, by=BY)
    stored = again(rahim)
    assert (stored.phone, stored.device_limit) == ("+8801712345678", 3)
    assert checks("rahim")["Simultaneous-Use"] == "3"
    entry = AuditEntry.objects.order_by("pk").last()
    assert entry is not None
    assert (entry.old, entry.new) == ({"device_limit": None}, {"device_limit": 3})


def test_an_edit_does_not_do_what_has_its_own_operation(rahim: Subscriber) -> None:
    with pytest.raises(ValidationError, match="not changed by editing: status, username"):
        subscribers.edit(rahim, changes={"username": "x", "status": "active"}, by=BY)


def test_a_renamed_subscriber_is_no_more_under_the_old_name(rahim: Subscriber) -> None:
    subscribers.rename(rahim, username="Rahim.Mirpur", by=BY)
    assert not checks("rahim")
    assert not groups("rahim")
    assert checks("Rahim.Mirpur")["Cleartext-Password"] == "let-me-in"
    assert again(rahim).username_key == "rahim.mirpur"
    with pytest.raises(SubscriberMoved, match="was renamed or deleted meanwhile"):
        statuses.suspend(rahim, by=BY)  # the object is of before


def test_a_name_may_change_its_capitals_only(rahim: Subscriber) -> None:
    subscribers.rename(rahim, username="RAHIM", by=BY)
    assert list(Check.objects.values_list("username", flat=True).distinct()) == ["RAHIM"]


def test_a_rename_to_a_taken_name_is_refused(rahim: Subscriber) -> None:
    made(rahim.package, "karim")
    with pytest.raises(ValidationError, match="is taken"):
        subscribers.rename(rahim, username="KARIM", by=BY)
    assert checks("rahim")


def test_another_password_is_the_only_one(rahim: Subscriber) -> None:
    passwords.change_password(rahim, password="better-one", by=BY)
    assert checks("rahim")["Cleartext-Password"] == "better-one"
    with pytest.raises(ValidationError, match="quotes"):
        passwords.change_password(rahim, password="`id`", by=BY)
    assert len(passwords.generate()) == passwords.LENGTH
    words = AuditEntry.objects.filter(action="change password").values_list("new", flat=True)
    assert list(words) == [{"radius_password": "(changed)"}]


def test_the_web_password_is_hashed_and_none_of_freeradius(rahim: Subscriber) -> None:
    before = checks("rahim")
    passwords.set_web_password(rahim, password="correct horse", by=BY)
    assert "correct horse" not in again(rahim).web_password
    assert checks("rahim") == before
    with pytest.raises(ValidationError):
        passwords.set_web_password(rahim, password="123", by=BY)
    assert "correct" not in str(AuditEntry.objects.values_list("old", "new"))


def test_a_line_is_bound_and_unbound(rahim: Subscriber) -> None:
    binding.bind_mac(rahim, mac="aa:bb:cc:00:11:22", by=BY)
    row = Check.objects.get(username="rahim", attribute="Calling-Station-Id")
    assert (row.op, row.value) == ("==", "AA:BB:CC:00:11:22")
    for wrong in ("", "nonsense"):
        with pytest.raises(ValidationError, match="AA:BB:CC:DD:EE:FF"):
            binding.bind_mac(rahim, mac=wrong, by=BY)
    binding.unbind_mac(rahim, by=BY)
    assert "Calling-Station-Id" not in checks("rahim")


def test_a_deleted_subscriber_cannot_log_in_and_its_accounting_is_kept(rahim: Subscriber) -> None:
    Accounting.objects.create(unique_id="x", session_id="x", username="rahim", started_at=NOON)
    subscribers.delete(rahim, by=BY, reason="moved away")
    for model in (Check, Reply, UserGroup):
        assert not model.objects.exists()
    assert Accounting.objects.filter(username="rahim").exists()
    assert actions()[-1] == "delete"
    with pytest.raises(SubscriberMoved):
        subscribers.delete(rahim, by=BY)


def test_a_number_is_never_given_again(rahim: Subscriber) -> None:
    subscribers.delete(rahim, by=BY)
    assert made(rahim.package).account_number.endswith("-000002")


def test_a_prefix_stays_its_tenants(rahim: Subscriber, tenant_ctg: Tenant) -> None:
    account_numbers.set_prefix(rahim.tenant, prefix="dhk", by=BY)
    assert made(rahim.package, "karim").account_number == "DHK-000001"
    account_numbers.set_prefix(rahim.tenant, prefix=f"T{rahim.tenant_id}", by=BY)
    assert made(rahim.package, "jamil").account_number == f"T{rahim.tenant_id}-000002"
    with pytest.raises(ValidationError, match="Another tenant has or had this prefix"):
        account_numbers.set_prefix(tenant_ctg, prefix="DHK", by=BY)
    with pytest.raises(ValidationError, match="capital letters and digits"):
        account_numbers.set_prefix(tenant_ctg, prefix="a-b", by=BY)


def test_nobody_takes_the_prefix_of_a_tenant_that_has_not_chosen_one(
    home: Package, tenant_ctg: Tenant
) -> None:
    with pytest.raises(ValidationError, match="kept for a tenant"):
        account_numbers.set_prefix(tenant_ctg, prefix=f"t{home.tenant_id}", by=BY)
    assert made(home).account_number == f"T{home.tenant_id}-000001"


def test_a_package_that_is_gone_is_refused_in_words(home: Package) -> None:
    wanted = a_subscriber(home)
    packages.delete(Package.objects.get(pk=home.pk), by=BY)
    with pytest.raises(ValidationError, match="no package Home 20 any more"):
        subscribers.create(wanted, by=BY)


def test_what_a_constraint_refuses_reads_nobodys_names(
    rahim: Subscriber, django_assert_num_queries: Any
) -> None:
    """A hundred thousand subscribers are not read to say that somebody else has nothing."""
    with django_assert_num_queries(0):
        judging.refuse_taken()


def test_rows_that_were_made_by_hand_are_found_as_the_database_compares(home: Package) -> None:
    """By the statements that write a new name: it costs none more."""
    alike = ["RAHIM", *(["rahim ", "ráhim"] if connections["radius"].vendor == "mysql" else [])]
    for form in alike:
        by_hand(form)
        before = all_rows()
        with pytest.raises(MadeByHand, match="2 rows for “rahim”"):
            made(home)
        assert all_rows() == before
        subscribers.delete(subscribers.create(a_subscriber(home), by=BY, take_over=True), by=BY)
        assert groups("rahim") == []
    with CaptureQueriesContext(connections["radius"]) as asked:
        made(home)
    reads = [each["sql"] for each in asked if "SELECT" in each["sql"] and "radcheck" in each["sql"]]
    assert reads == []


# ---- who may


def test_a_viewer_may_change_nothing(rahim: Subscriber, viewer: Account) -> None:
    for change in (
        lambda: statuses.suspend(rahim, by=viewer.actor),
        lambda: subscribers.delete(rahim, by=viewer.actor),
        lambda: subscribers.create(a_subscriber(rahim.package, "karim"), by=viewer.actor),
        lambda: passwords.set_web_password(rahim, password="correct horse", by=viewer.actor),
        lambda: packages.delete(rahim.package, by=viewer.actor),
        lambda: account_numbers.set_prefix(rahim.tenant, prefix="X", by=viewer.actor),
        lambda: reconciling.apply(
            reconciling.Plan(Extent(), usernames={"rahim": "differs"}), by=viewer.actor
        ),
    ):
        with pytest.raises(NotYours, match="viewer may not do this"):
            change()
    assert "Auth-Type" not in checks("rahim")


def test_an_operator_changes_subscribers_and_an_administrator_packages_too(
    rahim: Subscriber, noc: Account, admin_account: Account
) -> None:
    statuses.suspend(rahim, by=noc.actor)
    with pytest.raises(NotYours):
        packages.edit(rahim.package, changes={"price": 5}, by=noc.actor)
    packages.edit(rahim.package, changes={"price": 5}, by=admin_account.actor)


def test_a_narrowed_operator_changes_what_it_sees(
    rahim: Subscriber, noc: Account, tenant_ctg: Tenant
) -> None:
    from ispcore.accounts.operations import grants
    from resellers.models import Reseller

    karim = made(packages.create(a_package(tenant_ctg), by=BY), "karim")
    reseller = Reseller.objects.create(tenant=rahim.tenant)
    grants.replace(noc, [("resellers.reseller", reseller.pk)], by=BY)
    noc.refresh_from_db()
    statuses.suspend(rahim, by=noc.actor)
    with pytest.raises(NotYours, match="does not see karim"):
        statuses.suspend(karim, by=noc.actor)
    with pytest.raises(NotYours, match="does not see"):
        subscribers.create(a_subscriber(karim.package, "jamil"), by=noc.actor)
