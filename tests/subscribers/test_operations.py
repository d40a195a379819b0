"""Subscribers from creation to deletion: the portal's rows, FreeRADIUS' rows, and the record."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from ispcore.accounts.models import Account, Tenant
from ispcore.base.models import AuditEntry
from radius.models import Accounting, Check, Reply, UserGroup
from subscribers import tasks
from subscribers.models import Package, StatusChange, Subscriber
from subscribers.operations import (
    account_numbers,
    binding,
    packages,
    passwords,
    periods,
    statuses,
    subscribers,
)
from subscribers.operations.units import NotYours, StatusStands, SubscriberMoved
from tests.subscribers.conftest import (
    BY,
    NOON,
    Clock,
    M,
    a_package,
    a_subscriber,
    checks,
    groups,
    made,
    replies,
)

DAY = timedelta(days=1)


def epoch(at: Any) -> str:
    return str(int(at.timestamp()))


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def again(subscriber: Subscriber) -> Subscriber:
    return Subscriber.objects.get(pk=subscriber.pk)


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
    assert [(c.old, c.new, c.by) for c in rahim.status_changes.all()] == [("", "active", "noc")]
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


# ---- status


def test_suspended_is_refused_and_resumed_is_let_in(rahim: Subscriber) -> None:
    statuses.suspend(rahim, by=BY, reason="not paid")
    assert checks("rahim")["Auth-Type"] == "Reject"
    assert checks("rahim")["ISPCore-Reason"] == "suspended"
    with pytest.raises(StatusStands, match=r"rahim is suspended.*Nothing was changed"):
        statuses.suspend(rahim, by=BY)
    statuses.resume(rahim, by=BY)
    assert "Auth-Type" not in checks("rahim")
    history = StatusChange.objects.filter(subscriber=rahim).order_by("pk")
    assert [(c.new, c.reason) for c in history] == [
        ("active", ""),
        ("suspended", "not paid"),
        ("active", ""),
    ]
    with pytest.raises(StatusStands):
        statuses.resume(rahim, by=BY)


def test_a_package_with_a_walled_garden_lets_the_suspended_in_there(tenant_dhaka: Tenant) -> None:
    walled = a_package(
        tenant_dhaka,
        when_blocked="walled",
        walled_list="pay-here",
        walled_down_bps=64_000,
        walled_up_bps=64_000,
    )
    rahim = made(packages.create(walled, by=BY))
    statuses.suspend(rahim, by=BY)
    assert checks("rahim")["ISPCore-Reason"] == "suspended"
    assert "Auth-Type" not in checks("rahim")
    statuses.disable(rahim, by=BY)
    assert checks("rahim")["Auth-Type"] == "Reject"


def test_who_runs_out_while_suspended_is_expired_when_resumed(
    noon: Clock, rahim: Subscriber
) -> None:
    statuses.suspend(rahim, by=BY)
    noon(NOON + 60 * DAY)
    assert statuses.resume(rahim, by=BY).status == "expired"


def test_the_job_marks_who_has_run_out(noon: Clock, home: Package) -> None:
    made(home, "early", expires_at=NOON + DAY)
    made(home, "late", expires_at=NOON + 3 * DAY)
    noon(NOON + 2 * DAY)
    assert tasks.turn_periods() == "1 expired, 0 periods begun"
    found = dict(Subscriber.objects.values_list("username", "status"))
    assert found == {"early": "expired", "late": "active"}
    assert checks("early")["Expiration"] == epoch(NOON + DAY)
    assert actions()[-2:] == ["expire", "expire"]  # head and member
    assert tasks.turn_periods() == "0 expired, 0 periods begun"


# ---- periods and packages


def test_a_renewal_goes_on_from_the_end(noon: Clock, rahim: Subscriber) -> None:
    assert periods.renew(rahim, periods=2, by=BY).expires_at == NOON.replace(month=6)
    assert checks("rahim")["Expiration"] == epoch(NOON.replace(month=6))


def test_a_late_renewal_goes_on_from_now(noon: Clock, rahim: Subscriber) -> None:
    later = NOON + 60 * DAY
    noon(later)
    tasks.turn_periods()
    renewed = periods.renew(rahim, by=BY)
    assert (renewed.status, renewed.expires_at) == ("active", later.replace(month=6))
    assert (renewed.period_from_at, renewed.period_until_at) == (later, renewed.expires_at)


def test_a_renewal_does_not_resume(noon: Clock, rahim: Subscriber) -> None:
    statuses.suspend(rahim, by=BY)
    assert periods.renew(rahim, by=BY).status == "suspended"


@pytest.mark.parametrize("count", [0, -1, 121])
def test_an_impossible_number_of_periods_is_refused(rahim: Subscriber, count: int) -> None:
    with pytest.raises(ValidationError, match="1 to 120"):
        periods.renew(rahim, periods=count, by=BY)


def test_what_has_no_end_is_not_renewed(tenant_dhaka: Tenant) -> None:
    line = made(packages.create(a_package(tenant_dhaka, validity="none"), by=BY))
    with pytest.raises(ValidationError, match="nothing to renew"):
        periods.renew(line, by=BY)


def test_an_end_can_be_set(noon: Clock, rahim: Subscriber) -> None:
    assert periods.extend(rahim, until=NOON - DAY, by=BY).status == "expired"
    assert checks("rahim")["Expiration"] == epoch(NOON - DAY)
    assert periods.extend(rahim, until=NOON + DAY, by=BY).status == "active"
    assert periods.extend(rahim, until=None, by=BY).expires_at is None
    assert "Expiration" not in checks("rahim")
    with pytest.raises(ValidationError, match="time zone"):
        periods.extend(rahim, until=NOON.replace(tzinfo=None), by=BY)


def test_another_package_now(rahim: Subscriber) -> None:
    fast = packages.create(a_package(rahim.tenant, "Home 80", down_bps=80 * M), by=BY)
    periods.change_package(rahim, package=fast, by=BY)
    assert groups("rahim") == [f"pkg-{fast.pk}"]


def test_another_package_at_the_next_period(noon: Clock, rahim: Subscriber) -> None:
    fast = packages.create(a_package(rahim.tenant, "Home 80", down_bps=80 * M), by=BY)
    periods.change_package(rahim, package=fast, at_next_period=True, by=BY)
    assert groups("rahim") == [f"pkg-{rahim.package_id}"]
    periods.renew(rahim, by=BY)  # ahead of time: the period that was paid for ends first
    assert groups("rahim") == [f"pkg-{rahim.package_id}"]
    noon(NOON.replace(month=4) + timedelta(minutes=1))
    assert tasks.turn_periods() == "0 expired, 1 periods begun"
    assert groups("rahim") == [f"pkg-{fast.pk}"]
    stored = again(rahim)
    assert (stored.next_package, stored.period_from_at) == (None, NOON.replace(month=4))
    assert AuditEntry.objects.filter(action="change package", object_id=str(rahim.pk)).exists()


def test_a_package_to_come_is_there_with_a_late_renewal(noon: Clock, rahim: Subscriber) -> None:
    week = packages.create(a_package(rahim.tenant, "Week", validity="days", validity_days=7), by=BY)
    periods.change_package(rahim, package=week, at_next_period=True, by=BY)
    noon(NOON + 60 * DAY)
    renewed = periods.renew(rahim, by=BY)
    assert renewed.package == week
    assert renewed.expires_at == NOON + 67 * DAY


def test_a_change_to_come_is_dropped_by_the_package_of_now(rahim: Subscriber) -> None:
    fast = packages.create(a_package(rahim.tenant, "Home 80"), by=BY)
    periods.change_package(rahim, package=fast, at_next_period=True, by=BY)
    now = periods.change_package(rahim, package=rahim.package, at_next_period=True, by=BY)
    assert now.next_package is None


def test_the_quota_of_a_line_without_end_begins_with_the_month(
    noon: Clock, tenant_dhaka: Tenant
) -> None:
    leased = a_package(tenant_dhaka, validity="none", quota_octets=10**12)
    made(packages.create(leased, by=BY))
    until = NOON.replace(month=4, day=1, hour=0)
    assert checks("rahim")["ISPCore-Quota-From"] == epoch(NOON)
    assert checks("rahim")["ISPCore-Quota-Until"] == epoch(until)
    noon(until + timedelta(seconds=1))
    tasks.turn_periods()
    assert checks("rahim")["ISPCore-Quota-From"] == epoch(until)


def test_a_package_of_another_tenant_is_not_changed_to(
    rahim: Subscriber, tenant_ctg: Tenant
) -> None:
    other = packages.create(a_package(tenant_ctg), by=BY)
    for later in (False, True):
        with pytest.raises(ValidationError, match="package of another tenant"):
            periods.change_package(rahim, package=other, at_next_period=later, by=BY)


# ---- who may


def test_a_viewer_may_change_nothing(rahim: Subscriber, viewer: Account) -> None:
    for change in (
        lambda: statuses.suspend(rahim, by=viewer.actor),
        lambda: subscribers.delete(rahim, by=viewer.actor),
        lambda: subscribers.create(a_subscriber(rahim.package, "karim"), by=viewer.actor),
        lambda: passwords.set_web_password(rahim, password="correct horse", by=viewer.actor),
        lambda: packages.delete(rahim.package, by=viewer.actor),
        lambda: account_numbers.set_prefix(rahim.tenant, prefix="X", by=viewer.actor),
    ):
        with pytest.raises(NotYours, match="viewer may not do this"):
            change()
    assert "Auth-Type" not in checks("rahim")


def test_an_operator_changes_subscribers_and_an_administrator_packages_too(
    rahim: Subscriber, noc: Account, admin_account: Account
) -> None:
    statuses.suspend(rahim, by=noc.actor)
    with pytest.raises(NotYours):
        packages.edit(rahim.package, by=noc.actor)
    packages.edit(rahim.package, by=admin_account.actor)


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
