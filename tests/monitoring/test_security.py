"""Alerts of type security: what raises them, who sees them, and that nobody can flood them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from ispcore.accounts import security
from ispcore.accounts.models import Account, KnownNetwork
from ispcore.accounts.operations import known_networks
from ispcore.accounts.operations.brakes import (
    FREE_TRIES,
    FREE_TRIES_OF_ACCOUNT,
    FREE_TRIES_OF_ADDRESS,
)
from ispcore.accounts.scope import visible
from monitoring.models import Alert
from monitoring.operations import alerts
from monitoring.operations import security as operations
from monitoring.tasks import resolve_quiet
from tests.conftest import NOON
from tests.pages.conftest import Isp, as_ctg, as_noc, isp

if TYPE_CHECKING:
    Clock = Callable[[datetime], None]

__all__ = ["as_ctg", "as_noc", "isp"]
pytestmark = pytest.mark.django_db


def attempt(name: str, password: str = "", address: str = "203.0.113.7") -> int:
    form = {"login": name, "password": password or "wrong"}
    return Client(REMOTE_ADDR=address).post("/account/login/", form).status_code


def raised() -> list[tuple[str, str]]:
    """(subject, kind) of all live security alerts."""
    rows = Alert.objects.filter(subject_kind="security", state__in=Alert.LIVE).order_by("pk")
    return [(row.subject, row.fingerprint.split(":")[1]) for row in rows]


# ---- brute force


def test_guesses_of_one_name_from_many_addresses_are_one_alert(noc: Account) -> None:
    assert attempt("noc", "noc-password", address="10.1.0.1") == 302
    for number in range(FREE_TRIES_OF_ACCOUNT - 1):
        attempt("noc", address=f"10.0.{number}.1")
    assert raised() == []
    for number in range(FREE_TRIES_OF_ACCOUNT, 60):
        attempt("noc", address=f"10.0.{number}.1")
    assert raised() == [("noc", "brute_force")]
    alert = Alert.objects.get()
    assert alert.summary == "20 failed logins of noc from many addresses"
    assert attempt("noc", "noc-password", address="10.1.0.1") == 302  # its owner is not locked out


def test_guesses_of_one_name_from_one_address_are_told(noc: Account) -> None:
    for _ in range(FREE_TRIES - 1):
        attempt("noc")
    assert raised() == []
    attempt("noc")
    assert raised() == [("noc", "brute_force")]
    assert Alert.objects.get().summary == "5 failed logins of noc from 203.0.113.7"


def test_guesses_of_many_names_from_one_address_are_one_alert() -> None:
    for number in range(FREE_TRIES_OF_ADDRESS):
        attempt(f"name-{number}")
    assert raised() == [("203.0.113.7", "brute_force")]
    assert Alert.objects.get().summary == "50 failed logins of several names from 203.0.113.7"


def test_names_that_nobody_has_raise_nothing_by_themselves() -> None:
    for number in range(30):
        attempt("nobody", address=f"10.0.{number}.1")
    for _ in range(FREE_TRIES):
        attempt("my-password")
        attempt("noc\0")
    assert raised() == []


# ---- a super user from elsewhere


def test_a_super_user_from_a_new_network_is_told(super_user: Account) -> None:
    def log_in(address: str) -> None:
        assert attempt("super", "super-password", address) == 302

    log_in("203.0.113.7")
    log_in("203.0.113.99")
    assert raised() == []
    log_in("198.51.100.1")
    assert raised() == [("super", "new_address")]
    log_in("198.51.100.1")
    log_in("203.0.113.7")
    assert Alert.objects.get().value == 1
    assert KnownNetwork.objects.filter(account=super_user).count() == 3


def test_a_network_is_new_again_after_ninety_days(
    super_user: Account, frozen_clock: "Clock"
) -> None:
    assert not known_networks.logged_in(super_user, address="203.0.113.7")
    frozen_clock(NOON + timedelta(days=89))
    assert not known_networks.logged_in(super_user, address="203.0.113.7")
    frozen_clock(NOON + timedelta(days=179))
    assert known_networks.logged_in(super_user, address="203.0.113.7")
    assert known_networks.logged_in(super_user, address="2001:db8:0:100::1")
    assert not known_networks.logged_in(super_user, address="2001:db8:0:1ff::9")


def test_other_people_may_log_in_from_anywhere(noc: Account) -> None:
    assert attempt("noc", "noc-password") == 302
    assert not known_networks.logged_in(noc, address="198.51.100.1")
    assert KnownNetwork.objects.filter(account=noc).count() == 2
    assert raised() == []


# ---- other tenants' rows


def pages_of_dhaka(isp: Isp) -> list[str]:
    pk = isp.dhaka.pk
    return [
        f"/api/resellers/{pk}",
        f"/api/resellers/{pk}/usage",
        f"/api/alerts/{isp.over_plan.pk}",
        f"/my/alerts/{isp.over_plan.pk}/",
        f"/my/people/{Account.objects.get(username='reseller_dhaka').pk}/",
    ]


@pytest.mark.parametrize("place", range(5))
def test_asking_for_another_tenants_rows_is_told_from_the_third_time_on(
    isp: Isp, as_ctg: Client, reseller_dhaka: Account, place: int
) -> None:
    url = pages_of_dhaka(isp)[place]
    assert [as_ctg.get(url).status_code for _ in range(2)] == [404, 404]
    assert raised() == []
    assert as_ctg.get(url).status_code == 404
    assert raised() == [("reseller_ctg", "denied_tenant")]


def test_what_does_not_exist_or_is_ones_own_is_no_attack(isp: Isp, as_ctg: Client) -> None:
    for _ in range(5):
        assert as_ctg.get("/api/resellers/999999").status_code == 404
        assert as_ctg.get("/my/alerts/999999/").status_code == 404
        assert as_ctg.get(f"/api/resellers/{isp.ctg.pk}").status_code == 200
    assert raised() == []


def test_staff_see_everything_and_are_never_told(isp: Isp, as_noc: Client) -> None:
    for _ in range(5):
        assert as_noc.get("/api/resellers/999999").status_code == 404
    assert raised() == []


# ---- life of such an alert


def test_tenants_never_see_them(reseller_dhaka: Account, noc: Account) -> None:
    alert = operations.notice(
        security.DENIED_TENANT, account=reseller_dhaka, address="203.0.113.7", words="x"
    )
    assert alert is not None
    assert not visible(Alert.objects.all(), reseller_dhaka).exists()
    assert visible(Alert.objects.all(), noc).get() == alert


def test_the_console_lists_them_by_kind(isp: Isp, as_noc: Client, noc: Account) -> None:
    operations.notice(security.TOKEN_REUSE, account=noc, address="203.0.113.7", words="came twice")
    page = as_noc.get("/admin/monitoring/alert/?kind=security").content.decode()
    assert "came twice" in page
    assert "dhk-edge-01" not in page.partition('id="detail"')[0].partition("<tbody")[2]


def test_the_same_again_is_counted_and_opens_nothing(noc: Account, frozen_clock: "Clock") -> None:
    told = {"account": noc, "address": "203.0.113.7"}
    first = operations.notice(security.BRUTE_FORCE, words="10 failed", **told)  # type: ignore[arg-type]
    assert first is not None
    alerts.acknowledge(first, by=noc)
    assert operations.notice(security.BRUTE_FORCE, words="20 failed", **told) is None  # type: ignore[arg-type]
    first.refresh_from_db()
    assert (first.summary, first.value, first.state) == ("20 failed", 2, "acknowledged")
    assert first.events.count() == 2


@pytest.mark.parametrize(("kind", "days"), [("brute_force", 1), ("token_reuse", 7)])
def test_it_resolves_by_a_person_or_after_a_quiet_time(
    noc: Account, frozen_clock: "Clock", kind: str, days: int
) -> None:
    alert = operations.notice(kind, account=noc, address=None, words="x")
    assert alert is not None
    frozen_clock(NOON + timedelta(days=days) - timedelta(hours=1))
    operations.notice(kind, account=noc, address=None, words="again")
    frozen_clock(NOON + timedelta(days=2 * days) - timedelta(hours=2))
    assert resolve_quiet().startswith("0 ")
    frozen_clock(NOON + timedelta(days=2 * days))
    assert resolve_quiet().startswith("1 ")
    alert.refresh_from_db()
    assert alert.state == "resolved"
    assert alert.events.get(kind="resolved").text == f"Not seen again for {days} d"
    again = operations.notice(kind, account=noc, address=None, words="x")
    assert again is not None
    alerts.resolve(again, by=noc)
    assert raised() == []


# ---- floods


def test_thousands_of_tries_make_one_row_and_lock_out_nobody(noc: Account) -> None:
    for number in range(3000):
        security.notice(
            security.BRUTE_FORCE, account=noc, address=None, words=f"{number} failed logins"
        )
    assert raised() == [("noc", "brute_force")]
    assert Alert.objects.get().events.count() == 1


def test_thousands_of_addresses_make_no_more_than_a_minutes_worth(noc: Account) -> None:
    for number in range(3000):
        address = f"10.{number // 250}.{number % 250}.1"
        security.notice(security.BRUTE_FORCE, account=None, address=address, words="x")
    assert len(raised()) == security.MOST_PER_MIN
    security.notice(security.TOKEN_REUSE, account=noc, address="10.0.0.1", words="x")
    assert raised()[-1] == ("noc", "token_reuse")  # a flood of one kind hides no other


def test_live_alerts_of_a_kind_are_bounded_however_long_it_goes_on() -> None:
    for number in range(operations.MOST_LIVE + 20):
        operations.notice(
            security.BRUTE_FORCE, account=None, address=f"10.0.{number}.1", words=f"{number}"
        )
    found = raised()
    assert len(found) == operations.MOST_LIVE + 1
    assert found[-1][0] == "many accounts or addresses"
    assert Alert.objects.get(subject=found[-1][0]).value == 20


def test_a_listener_that_finds_no_database_stops_no_login(
    noc: Account, caplog: pytest.LogCaptureFixture
) -> None:
    from django.db import OperationalError

    def away(kind: str, **_told: object) -> None:
        raise OperationalError("gone")

    before = list(security.noticed)
    security.noticed[:] = [away]
    try:
        security.notice(security.BRUTE_FORCE, account=noc, address=None, words="x")
    finally:
        security.noticed[:] = before
    assert "could not be stored: gone" in caplog.text
