"""Statuses and periods: who is let in until when, on which package, and what the record says."""

from datetime import timedelta
from functools import partial

import pytest
from django.core.exceptions import ValidationError

from ispcore.accounts.models import Tenant
from ispcore.base.models import AuditEntry
from subscribers import tasks
from subscribers.models import Package, StatusChange, Subscriber
from subscribers.operations import (
    bulk,
    packages,
    periods,
    statuses,
)
from subscribers.operations.units import StatusStands
from tests.subscribers.conftest import (
    BY,
    DAY,
    NOON,
    Clock,
    M,
    a_package,
    actions,
    again,
    checks,
    epoch,
    groups,
    made,
)

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
        ("suspended", "not paid"),
        ("active", ""),
    ]
    with pytest.raises(StatusStands):
        statuses.resume(rahim, by=BY)


def test_a_package_with_a_walled_garden_lets_the_suspended_in_there(walled: Package) -> None:
    rahim = made(walled)
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
    with pytest.raises(ValidationError, match=r"nothing to renew\."):
        periods.renew(line, by=BY)
    periods.extend(line, until=NOON - DAY, by=BY)
    with pytest.raises(ValidationError, match="nothing to renew: set another end, or none"):
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


def test_a_package_to_come_is_there_with_an_end_set_late(noon: Clock, rahim: Subscriber) -> None:
    week = packages.create(a_package(rahim.tenant, "Week", validity="days", validity_days=7), by=BY)
    periods.change_package(rahim, package=week, at_next_period=True, by=BY)
    noon(NOON + 60 * DAY)
    tasks.turn_periods()
    until = NOON + 90 * DAY
    extended = periods.extend(rahim, until=until, by=BY)
    assert (extended.package, extended.next_package) == (week, None)
    assert (extended.expires_at, extended.period_until_at) == (until, NOON + 67 * DAY)
    assert groups("rahim") == [f"pkg-{week.pk}"]


def _endless(tenant: Tenant, name: str = "Office") -> Package:
    return packages.create(a_package(tenant, name, validity="none"), by=BY)


def test_a_line_without_end_gets_its_first_period_with_a_package_that_has_one(
    noon: Clock, home: Package
) -> None:
    """As who is made at that moment; so do those of a bulk change."""
    office = _endless(home.tenant)
    rahim, karim, salam = (made(office, each) for each in ("rahim", "karim", "salam"))
    statuses.suspend(salam, by=BY)
    at = NOON.replace(day=31)
    noon(at)
    new = made(home, "new")
    assert periods.end_with(rahim, home) == (new.expires_at, at)
    periods.change_package(rahim, package=home, by=BY)
    bulk.change_package(["karim", "salam"], package=home, by=BY)
    columns = ("expires_at", "period_from_at", "period_until_at", "renewal_day")
    wanted = [getattr(new, each) for each in columns]
    for each, status in ((rahim, "active"), (karim, "active"), (salam, "suspended")):
        stored = again(each)
        assert [getattr(stored, name) for name in columns] == wanted
        assert stored.status == status
        assert checks(each.username)["Expiration"] == epoch(NOON.replace(month=4, day=30))
    assert periods.renew(rahim, by=BY).expires_at == NOON.replace(month=5, day=31)
    entries = AuditEntry.objects.filter(action="change package").exclude(object_id="")
    assert {each.new.get("expires_at") is not None for each in entries} == {True}


def test_a_line_without_end_gets_it_with_the_next_period(noon: Clock, home: Package) -> None:
    rahim = made(_endless(home.tenant))
    periods.change_package(rahim, package=home, at_next_period=True, by=BY)
    assert again(rahim).expires_at is None
    begins = again(rahim).period_until_at
    ends, since = periods.end_with(again(rahim), home, at_next_period=True)
    noon(begins + timedelta(minutes=1))
    assert tasks.turn_periods() == "0 expired, 1 periods begun"
    stored = again(rahim)
    assert (stored.package, stored.period_from_at, stored.renewal_day) == (home, begins, 1)
    assert (
        stored.expires_at == stored.period_until_at == ends == NOON.replace(month=5, day=1, hour=0)
    )
    assert since == begins
    assert checks("rahim")["Expiration"] == epoch(stored.period_until_at)
    entry = AuditEntry.objects.get(action="change package", object_id=str(rahim.pk))
    assert entry.new["expires_at"] == stored.period_until_at.isoformat()


def test_an_end_stays_and_so_does_none_that_was_set_by_hand(noon: Clock, home: Package) -> None:
    office, other = _endless(home.tenant), packages.create(a_package(home.tenant, "Other"), by=BY)
    rahim, free = made(home), made(home, "free")
    periods.extend(free, until=None, by=BY)
    for package in (office, other):
        assert periods.end_with(rahim, package) == (rahim.expires_at, None)
        assert periods.change_package(rahim, package=package, by=BY).expires_at == rahim.expires_at
    assert periods.change_package(free, package=other, by=BY).expires_at is None
    endless = made(office, "endless")
    assert periods.change_package(endless, package=_endless(home.tenant, "Café"), by=BY) == endless
    assert again(endless).expires_at is None


def test_a_package_to_come_must_have_the_static_address_too(noon: Clock, home: Package) -> None:
    rahim = made(home, ipv4="10.1.1.1")
    other = packages.create(a_package(home.tenant, "Fixed", ipv4_networks="10.2.0.0/16"), by=BY)
    for later in (False, True):
        with pytest.raises(ValidationError, match=r"10\.1\.1\.1 lies outside .* of Fixed"):
            periods.change_package(rahim, package=other, at_next_period=later, by=BY)


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


def test_a_month_from_an_end_set_by_hand_is_a_month(noon: Clock, home: Package) -> None:
    """Who came on the 2nd and was given until the 31st has paid for all of the month after it."""
    line = made(home, expires_at=NOON.replace(month=5, day=31))
    assert periods.renew(line, by=BY).expires_at == NOON.replace(month=6, day=30)
    assert periods.renew(line, by=BY).expires_at == NOON.replace(month=7, day=31)
    periods.extend(line, until=NOON.replace(month=8, day=1), by=BY)
    assert periods.renew(line, by=BY).expires_at == NOON.replace(month=9, day=1)
    periods.extend(line, until=None, by=BY)
    assert periods.renew(line, by=BY).expires_at == NOON.replace(month=4)


@pytest.mark.parametrize("year", [1, 1999, 2100, 9999])
def test_an_end_that_freeradius_cannot_read_is_refused(rahim: Subscriber, year: int) -> None:
    """It would refuse the user, or take the end for another."""
    end = NOON.replace(year=year)
    for change in (
        partial(periods.extend, rahim, until=end, by=BY),
        partial(made, rahim.package, "karim", expires_at=end),
    ):
        with pytest.raises(ValidationError, match="years 2000 to 2099") as refused:
            change()
        assert list(refused.value.message_dict) == ["expires_at"]
    assert again(rahim).expires_at == rahim.expires_at


def test_renewals_end_with_the_century(tenant_dhaka: Tenant) -> None:
    long = a_package(tenant_dhaka, "Ten years", validity="days", validity_days=3_660)
    line = made(packages.create(long, by=BY))
    with pytest.raises(ValidationError, match="years 2000 to 2099"):
        periods.renew(line, periods=120, by=BY)
