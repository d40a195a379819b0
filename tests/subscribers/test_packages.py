"""Packages: what they refuse, and that all their subscribers follow in the same unit."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.test.utils import CaptureQueriesContext

from ispcore.accounts.models import Tenant
from ispcore.base.models import AuditEntry
from radius.models import Check, GroupReply, Reply
from subscribers.models import AccountNumbers, Package, Service, Subscriber
from subscribers.operations import packages, periods, statuses, subscribers
from subscribers.operations.packages import PackageInUse, PackageMoved
from subscribers.rate_limit import parse
from tests.subscribers.conftest import (
    BY,
    M,
    a_package,
    a_subscriber,
    checks,
    group_rows,
    made,
    replies,
)

MANY = 2_000


def test_a_new_package_has_its_group(tenant_dhaka: Tenant) -> None:
    full = a_package(
        tenant_dhaka,
        session_timeout_s=86_400,
        idle_timeout_s=600,
        quota_octets=10**11,
        past_quota="throttle",
        throttled_down_bps=M,
        throttled_up_bps=M,
        ipv4_pool="home",
        ipv6_pool="home6",
        delegated_pool="pd",
        address_list="paid",
        when_blocked="walled",
        walled_list="pay-here",
        walled_down_bps=64_000,
        walled_up_bps=64_000,
    )
    full.limit = parse("10M/20M 15M/30M 8M/16M 16/16 5 1M/2M")
    packages.create(full, by=BY)
    assert group_rows(full) == {
        "ISPCore-Quota-Octets": "100000000000",
        "ISPCore-Quota-Rate": "1M/1M",
        "ISPCore-Garden-List": "pay-here",
        "ISPCore-Garden-Rate": "64k/64k",
        "Mikrotik-Rate-Limit": "10M/20M 15M/30M 8M/16M 16/16 5 1M/2M",
        "Acct-Interim-Interval": "300",
        "Framed-Protocol": "PPP",
        "Session-Timeout": "86400",
        "Idle-Timeout": "600",
        "Framed-Pool": "home",
        "Framed-IPv6-Pool": "home6",
        "Mikrotik-Delegated-IPv6-Pool": "pd",
        "Mikrotik-Address-List": "paid",
    }


@pytest.mark.parametrize(
    ("given", "field", "fault"),
    [
        ({"down_bps": 999}, "down_bps", "between 1 kbps and 1 Tbps"),
        ({"burst_down_bps": 10 * M}, "burst_down_bps", "faster than the rate"),
        ({"burst_up_bps": 20 * M, "threshold_up_bps": 30 * M}, "threshold_up_bps", "not lie above"),
        ({"threshold_down_bps": M}, "threshold_down_bps", "no burst"),
        ({"burst_down_s": 10}, "burst_down_s", "no burst"),
        ({"least_up_bps": 11 * M}, "least_up_bps", "does not lie above the rate"),
        ({"priority": 9}, "priority", "less than or equal to 8"),
        ({"device_limit": 0}, "device_limit", "greater than or equal to 1"),
        ({"validity": "days"}, "validity_days", "how many days"),
        ({"validity": "weeks"}, "validity", "not a valid choice"),
        ({"quota_octets": 5}, "quota_octets", "typing error"),
        (
            {"quota_octets": 10**9, "past_quota": "throttle", "throttled_down_bps": M},
            "throttled_up_bps",
            "between 1 kbps",
        ),
        (
            {"when_blocked": "walled", "walled_down_bps": M, "walled_up_bps": M},
            "walled_list",
            "address list",
        ),
        ({"ipv4_pool": "my pool"}, "ipv4_pool", "Letters, digits"),
        ({"address_list": "a`id`"}, "address_list", "Letters, digits"),
        ({"ipv4_networks": "10.0.0.1/24"}, "ipv4_networks", "host bits"),
        ({"ipv4_networks": "2001:db8::/32"}, "ipv4_networks", "no network of IPv4"),
        ({"currency": "taka"}, "currency", "Three capital letters"),
        ({"price": -1}, "price", "greater than or equal to 0"),
    ],
)
def test_what_no_package_can_be_is_refused_by_field(
    tenant_dhaka: Tenant, given: dict[str, Any], field: str, fault: str
) -> None:
    with pytest.raises(ValidationError, match=fault) as refused:
        packages.create(a_package(tenant_dhaka, **given), by=BY)
    assert field in refused.value.message_dict
    assert not Package.objects.exists()
    assert not GroupReply.objects.exists()


def test_a_name_is_once_per_tenant(home: Package, tenant_ctg: Tenant) -> None:
    with pytest.raises(ValidationError, match="has a package of this name"):
        packages.create(a_package(home.tenant), by=BY)
    packages.create(a_package(tenant_ctg), by=BY)


def test_a_package_in_use_is_not_deleted(home: Package) -> None:
    rahim = made(home)
    with pytest.raises(PackageInUse, match=r"package of rahim\. Nothing was changed"):
        packages.delete(home, by=BY)
    other = packages.create(a_package(home.tenant, "Home 80"), by=BY)
    periods.change_package(rahim, package=other, at_next_period=True, by=BY)
    with pytest.raises(PackageInUse):
        packages.delete(other, by=BY)
    subscribers.delete(rahim, by=BY)
    packages.delete(home, by=BY)
    assert not group_rows(home)
    with pytest.raises(PackageMoved):
        packages.delete(home, by=BY)


def test_what_the_group_says_is_changed_by_its_rows_alone(home: Package) -> None:
    made(home)
    before = list(Check.objects.values_list("id", flat=True))
    packages.edit(home, changes={"down_bps": 40 * M}, by=BY)
    assert group_rows(home)["Mikrotik-Rate-Limit"] == "10M/40M"
    assert list(Check.objects.values_list("id", flat=True)) == before


def test_what_each_subscriber_has_changes_for_all_of_them(home: Package) -> None:
    made(home)
    made(home, "karim", device_limit=5)
    packages.edit(home, changes={"device_limit": 2}, by=BY)
    assert checks("rahim")["Simultaneous-Use"] == "2"
    assert checks("karim")["Simultaneous-Use"] == "5"


def test_hotspot_users_follow_though_they_are_in_no_group(hotspot: Package) -> None:
    made(hotspot, "guest")
    packages.edit(hotspot, changes={"up_bps": 5 * M}, by=BY)
    assert replies("guest")["Mikrotik-Rate-Limit"] == "5M/20M"
    assert not group_rows(hotspot)


def test_a_garden_that_is_closed_lets_nobody_in_any_more(walled: Package) -> None:
    statuses.suspend(made(walled), by=BY)
    packages.edit(walled, changes={"when_blocked": "reject"}, by=BY)
    assert checks("rahim")["Auth-Type"] == "Reject"


def test_type_and_tenant_stay_while_somebody_has_it(home: Package, tenant_ctg: Tenant) -> None:
    made(home)
    for change in ({"service": Service.STATIC}, {"tenant": tenant_ctg}):
        with pytest.raises(ValidationError, match="make another one instead"):
            packages.edit(home, changes=change, by=BY)


def test_networks_do_not_shrink_below_what_is_given(tenant_dhaka: Tenant) -> None:
    fixed = packages.create(a_package(tenant_dhaka, ipv4_networks="10.20.0.0/16"), by=BY)
    made(fixed, ipv4="10.20.9.9")
    with pytest.raises(ValidationError, match=r"10.20.9.9 of rahim"):
        packages.edit(fixed, changes={"ipv4_networks": "10.20.0.0/24"}, by=BY)


@pytest.fixture
def many(hotspot: Package) -> int:
    """2,000 hotspot users of one package, made without provisioning."""
    AccountNumbers.objects.create(tenant=hotspot.tenant, prefix="X", last=MANY)
    users = [a_subscriber(hotspot, f"guest{number:04}") for number in range(MANY)]
    for number, user in enumerate(users):
        subscribers.begin(user)
        user.username_key, user.account_number = user.username, f"X-{number:06}"
    Subscriber.objects.bulk_create(users, batch_size=500)
    return MANY


def test_an_edit_for_two_thousand_is_one_unit_of_few_statements(
    hotspot: Package, many: int
) -> None:
    with (
        CaptureQueriesContext(connections["default"]) as portal,
        CaptureQueriesContext(connections["radius"]) as radius,
    ):
        packages.edit(hotspot, changes={"down_bps": 50 * M}, by=BY)
    rates = Reply.objects.filter(attribute="Mikrotik-Rate-Limit", value="10M/50M")
    assert rates.count() == many
    assert Check.objects.filter(attribute="Cleartext-Password").count() == many
    assert len(portal) < 40
    assert len(radius) < 60
    assert (
        AuditEntry.objects.filter(action="change", object_kind="subscribers.package").count() == 1
    )
