"""Operations, and what FreeRADIUS answers to packets after each: rows are not looked at."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from ispcore.accounts.models import Tenant
from ispcore.base import clock
from subscribers.models import Service, Subscriber
from subscribers.operations import (
    binding,
    packages,
    passwords,
    periods,
    statuses,
    subscribers,
)
from tests.harness.freeradius import Answer
from tests.radius import mschap
from tests.radius.conftest import MAC, Site, _site, site  # noqa: F401 - fixtures
from tests.radius.test_authentication import TYPES as REQUESTS
from tests.subscribers.conftest import BY, M, a_package, a_subscriber

HOUR = timedelta(hours=1)
_numbers = itertools.count(1)
KINDS = {Service.PPPOE: "PPPoE", Service.HOTSPOT: "hotspot", Service.STATIC: "static"}
PASSWORD = "let-me-in"
pytestmark = pytest.mark.usefixtures("site")


def a_line(tenant: Tenant, service: Service = Service.PPPOE, **given: Any) -> Subscriber:
    """A subscriber on a package of its own."""
    number = next(_numbers)
    package = packages.create(a_package(tenant, f"P{number}", service=service, **given), by=BY)
    return subscribers.create(a_subscriber(package, f"Line{number}@isp"), by=BY)


def ask(site: Site, line: Subscriber, *more: str, password: str = PASSWORD) -> Answer:  # noqa: F811
    return site.login(
        line.username, *REQUESTS[KINDS[Service(line.service)]], *more, password=password, how="CHAP"
    )


def why_not(answer: Answer) -> str:
    assert answer.code == "Access-Reject"
    return answer["Reply-Message"]


@pytest.mark.parametrize("service", Service)
def test_the_life_of_a_line(site: Site, tenant_dhaka: Tenant, service: Service) -> None:  # noqa: F811
    line = a_line(tenant_dhaka, service)
    for how in ("PAP", "CHAP", "MS-CHAP"):
        answer = site.login(line.username, password=PASSWORD, how=how)
        assert answer["Mikrotik-Rate-Limit"] == "10M/20M"
    assert site.server.ask("auth", *mschap.v2(line.username, PASSWORD)).code == "Access-Accept"
    assert why_not(ask(site, line, password="guess-me")) == "wrong name or password"

    statuses.suspend(line, by=BY)
    assert why_not(ask(site, line)) == "suspended"
    statuses.disable(line, by=BY)
    assert why_not(ask(site, line)) == "disabled"
    statuses.resume(line, by=BY)
    assert ask(site, line).code == "Access-Accept"

    periods.extend(line, until=clock.now() - HOUR, by=BY)
    assert why_not(ask(site, line)) == "expired"
    periods.renew(line, by=BY)
    assert ask(site, line).code == "Access-Accept"

    passwords.change_password(line, password="another-one", by=BY)
    assert why_not(ask(site, line)) == "wrong name or password"
    assert ask(site, line, password="another-one").code == "Access-Accept"

    line = subscribers.rename(line, username=f"new-{line.username}", by=BY)
    assert ask(site, line, password="another-one").code == "Access-Accept"
    subscribers.delete(line, by=BY)
    assert why_not(ask(site, line, password="another-one")) == "wrong name or password"
    assert site.last_reason(line.username) == ("Access-Reject", "unknown user")


def test_a_line_whose_password_no_key_opens_is_refused_whatever_is_sent(
    site: Site,  # noqa: F811
    tenant_dhaka: Tenant,
) -> None:
    slow: dict[str, Any] = {"walled_down_bps": 64_000, "walled_up_bps": 64_000}
    line = a_line(tenant_dhaka, when_blocked="walled", walled_list="pay-here", **slow)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE network_users SET radius_password = 'gAAA-of-a-lost-key'")
    line = subscribers.edit(Subscriber.objects.get(pk=line.pk), changes={"notes": "x"}, by=BY)
    for password in (PASSWORD, "gAAA-of-a-lost-key", "None"):
        assert why_not(ask(site, line, password=password)) == "wrong name or password"
        assert site.last_reason(line.username) == ("Access-Reject", "password unreadable")
    passwords.change_password(line, password=PASSWORD, by=BY)
    assert ask(site, line).code == "Access-Accept"


def test_a_line_that_is_bound_is_refused_on_another_device(
    site: Site,  # noqa: F811
    tenant_dhaka: Tenant,
) -> None:
    line = binding.bind_mac(a_line(tenant_dhaka), mac=MAC, by=BY)
    assert ask(site, line, f'Calling-Station-Id = "{MAC}"').code == "Access-Accept"
    assert ask(site, line, 'Calling-Station-Id = "00:00:5E:00:53:01"').code == "Access-Reject"
    binding.unbind_mac(line, by=BY)
    assert ask(site, line, 'Calling-Station-Id = "00:00:5E:00:53:01"').code == "Access-Accept"


def test_one_device_too_many_is_refused_until_the_limit_is_raised(
    site: Site,  # noqa: F811
    tenant_dhaka: Tenant,
) -> None:
    line = a_line(tenant_dhaka)
    site.account(line.username, "Start", f"session-{line.pk}")
    assert why_not(ask(site, line)) == "too many devices"
    subscribers.edit(line, changes={"device_limit": 2}, by=BY)
    assert ask(site, line).code == "Access-Accept"


def test_a_static_address_goes_before_the_pool(site: Site, tenant_dhaka: Tenant) -> None:  # noqa: F811
    line = a_line(tenant_dhaka, ipv4_pool="home", ipv4_networks="10.20.0.0/16")
    assert ask(site, line)["Framed-Pool"] == "home"
    fixed = {"ipv4": "10.20.0.9", "delegated_prefix": "2001:db8:100::/56"}
    subscribers.edit(line, changes=fixed, by=BY)
    answer = ask(site, line)
    assert answer["Framed-IP-Address"] == "10.20.0.9"
    assert answer["Delegated-IPv6-Prefix"] == "2001:db8:100::/56"


@pytest.mark.parametrize("service", Service)
def test_another_package_and_another_rate_hold_at_the_next_login(
    site: Site,  # noqa: F811
    tenant_dhaka: Tenant,
    service: Service,
) -> None:
    line = a_line(tenant_dhaka, service)
    packages.edit(line.package, changes={"down_bps": 40 * M}, by=BY)
    assert ask(site, line)["Mikrotik-Rate-Limit"] == "10M/40M"
    fast = packages.create(a_package(tenant_dhaka, "Fast", service=service, up_bps=80 * M), by=BY)
    periods.change_package(line, package=fast, by=BY)
    assert ask(site, line)["Mikrotik-Rate-Limit"] == "80M/20M"


@pytest.mark.parametrize("service", Service)
def test_the_walled_garden_lets_in_whoever_is_blocked_but_not_disabled(
    site: Site,  # noqa: F811
    tenant_dhaka: Tenant,
    service: Service,
) -> None:
    line = a_line(
        tenant_dhaka,
        service,
        when_blocked="walled",
        walled_list="pay-here",
        walled_down_bps=128_000,
        walled_up_bps=64_000,
    )
    statuses.suspend(line, by=BY)
    answer = ask(site, line)
    assert answer["Mikrotik-Address-List"] == "pay-here"
    assert answer["Mikrotik-Rate-Limit"] == "64k/128k"
    statuses.resume(line, by=BY)
    periods.extend(line, until=clock.now() - HOUR, by=BY)
    assert ask(site, line)["Mikrotik-Rate-Limit"] == "64k/128k"
    periods.renew(line, by=BY)
    assert ask(site, line)["Mikrotik-Rate-Limit"] == "10M/20M"
    statuses.disable(line, by=BY)
    assert why_not(ask(site, line)) == "disabled"


@pytest.mark.parametrize("past", ["stop", "throttle"])
def test_the_quota_counts_from_the_period_on(site: Site, tenant_dhaka: Tenant, past: str) -> None:  # noqa: F811
    line = a_line(
        tenant_dhaka,
        quota_octets=10**9,
        past_quota=past,
        throttled_down_bps=M,
        throttled_up_bps=M,
    )
    assert ask(site, line)["Mikrotik-Total-Limit"] == "1000000000"
    session = f"quota-{line.pk}"
    site.account(line.username, "Start", session)
    site.account(line.username, "Stop", session, "Acct-Output-Octets = 1000000000")
    answer = ask(site, line)
    if past == "throttle":
        assert answer["Mikrotik-Rate-Limit"] == "1M/1M"
    else:
        assert why_not(answer) == "quota used up"
    periods.extend(line, until=clock.now() - HOUR, by=BY)
    with clock.frozen(clock.now() + timedelta(seconds=2)):
        periods.renew(line, by=BY)
    packages.edit(line.package, changes={"quota_octets": None}, by=BY)
    assert ask(site, line)["Mikrotik-Rate-Limit"] == "10M/20M"
