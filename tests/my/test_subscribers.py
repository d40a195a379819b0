"""My subscribers: a tenant's people find and look at their own, and learn nothing that is others'."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from ispcore.accounts.models import Tenant
from ispcore.base import clock
from ispcore.base.audit import Actor
from radius.models import Accounting, PostAuth
from routers.models import Router
from subscribers import validity
from subscribers.models import Package, Subscriber
from subscribers.operations import packages, statuses, subscribers
from tests.my.conftest import text_of
from tests.subscribers.conftest import BY, NOON, Clock, a_package, made

if TYPE_CHECKING:
    from django.test import Client

    from tests.pages.conftest import Isp

pytestmark = pytest.mark.django_db(databases=["default", "radius"])
STAFF = Actor("nusrat.of.the.noc")
HOUR = timedelta(hours=1)


def _list(client: "Client", **asked: str) -> str:
    return text_of(client.get(reverse("my:subscribers"), asked))


def _page(client: "Client", row: Subscriber) -> str:
    answer = client.get(reverse("my:subscriber", args=[row.pk]))
    assert answer.status_code == 200
    return text_of(answer)


def _login(username: str, reason: str | None, **given: Any) -> None:
    given = {"answered_at": NOON, "reply": "Access-Reject"} | given
    PostAuth.objects.create(username=username, reason=reason, **given)


def _session(username: str, nas: str, **given: Any) -> None:
    given = {"started_at": NOON, "updated_at": NOON, "output_octets": 7 * 10**9} | given
    Accounting.objects.create(
        username=username, nas_address=nas, unique_id=f"{nas} {given['started_at']:%H%M}", **given
    )


@pytest.fixture
def nasir(tenant_ctg: Tenant) -> Subscriber:
    """Of another tenant."""
    return made(packages.create(a_package(tenant_ctg, "Ctg 5"), by=BY), "nasir")


# ---- the list


def test_only_the_own_are_listed(
    as_dhaka: "Client", as_viewer_dhaka: "Client", rahim: Subscriber, nasir: Subscriber
) -> None:
    for client in (as_dhaka, as_viewer_dhaka):
        said = _list(client)
        assert "rahim" in said
        assert "nasir" not in said
        assert client.get(reverse("my:subscribers"), {"q": "nasir"}).context["rows"] == []


def test_the_list_says_the_last_day(as_dhaka: "Client", home: Package) -> None:
    made(home, "rahim", expires_at=validity.end_of(date(2099, 12, 30), zone=clock.isp_zone()))
    assert "30 Dec 2099" in _list(as_dhaka)


def test_one_is_found_by_what_people_know(as_dhaka: "Client", home: Package) -> None:
    made(home, "rahim", full_name="Rahim Uddin", phone="+8801712345678")
    made(home, "kamal", full_name="Kamal Hossain", mac="AA:BB:CC:DD:EE:FF")
    for asked in ("rahi", "uddin", "01712 345678"):
        said = _list(as_dhaka, q=asked)
        assert ("Rahim Uddin" in said, "Kamal Hossain" in said) == (True, False), asked
    assert "Kamal Hossain" in _list(as_dhaka, q="aa-bb-cc-dd-ee-ff")
    assert "None fits." in _list(as_dhaka, q="nobody at all")


def test_a_status_is_chosen_and_who_has_run_out_is_expired_from_that_second_on(
    as_dhaka: "Client", noon: Clock, home: Package
) -> None:
    made(home, "active-one")
    over = made(home, "over-one")
    Subscriber.objects.filter(pk=over.pk).update(expires_at=NOON)
    statuses.suspend(made(home, "suspended-one"), by=BY)
    statuses.disable(made(home, "disabled-one"), by=BY)
    for status, name in (
        ("active", "active-one"),
        ("expired", "over-one"),
        ("suspended", "suspended-one"),
        ("disabled", "disabled-one"),
    ):
        answer = as_dhaka.get(reverse("my:subscribers"), {"status": status})
        assert [row.username for row, _, _ in answer.context["rows"]] == [name]
        assert [word.lower() for _, _, word in answer.context["rows"]] == [status]
        assert {label: n for label, n, _, _ in answer.context["statuses"]}["All"] == 4
    answer = as_dhaka.get(reverse("my:subscribers"), {"status": "no such"})
    assert len(answer.context["rows"]) == 4


def test_a_long_list_has_pages_that_keep_what_was_asked(as_dhaka: "Client", home: Package) -> None:
    for n in range(51):
        made(home, f"line-{n:02}")
    first = as_dhaka.get(reverse("my:subscribers"), {"q": "line", "status": "active"})
    assert len(first.context["rows"]) == 50
    second = as_dhaka.get(first.context["older_url"])
    assert [row.username for row, _, _ in second.context["rows"]] == ["line-50"]
    assert second.context["query"] == "line"
    beyond = as_dhaka.get(reverse("my:subscribers"), {"page": "9" * 30})
    assert [row.username for row, _, _ in beyond.context["rows"]] == ["line-50"]


# ---- the page of one


def test_a_page_tells_state_package_and_end(
    as_viewer_dhaka: "Client", noon: Clock, rahim: Subscriber
) -> None:
    said = _page(as_viewer_dhaka, rahim)
    assert "Active until 2 Apr 2026" in said
    assert "Home 20" in said
    assert "Not online" in said
    assert "No login yet." in said
    assert rahim.account_number in said


def test_a_page_has_nothing_of_freeradius_nor_of_the_providers_people(
    as_dhaka: "Client", noon: Clock, rahim: Subscriber
) -> None:
    subscribers.edit(rahim, changes={"notes": "watch this one"}, by=STAFF)
    statuses.suspend(rahim, by=STAFF, reason="abuse report 77")
    _login("rahim", "not allowed")
    _login("rahim", "some word of its own")
    said = _page(as_dhaka, rahim)
    assert "by your provider" in said
    assert "Your provider can tell why" in said
    for foreign in (
        *("watch this one", "nusrat", "abuse report", "FreeRADIUS", "some word of its own"),
        *("Cleartext-Password", "let-me-in", "pkg-", "radcheck", "from pool"),
    ):
        assert foreign not in said, foreign


def test_the_own_people_are_named_with_their_reason(
    as_dhaka: "Client", as_operator: "Client", rahim: Subscriber
) -> None:
    url = reverse("my:subscriber_suspend", args=[rahim.pk])
    as_operator.post(url, {"reason": "not paid in March"})
    said = _page(as_dhaka, rahim)
    assert "by op_dhaka: not paid in March" in said


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("wrong device", "It came from another device"),
        ("password unreadable", "Its password cannot be read any more: give it another one."),
    ],
)
def test_a_refusal_is_told_in_words(
    as_dhaka: "Client", noon: Clock, rahim: Subscriber, reason: str, words: str
) -> None:
    _login("rahim", reason)
    assert f"The last login was refused. {words}" in _page(as_dhaka, rahim)


def test_a_router_is_named_only_where_an_own_link_is(isp: "Isp", as_dhaka: "Client") -> None:
    Router.objects.create(name="secret-core", address="10.9.9.9")
    _session("line-rahim", isp.edge.address)
    _session("line-rahim", "10.9.9.9", started_at=NOON + HOUR / 60, stopped_at=NOON + HOUR)
    said = _page(as_dhaka, isp.rahim)
    assert "Online on dhk-edge-01" in said
    assert "a router of your provider" in said
    assert "secret-core" not in said
    assert "10.9.9.9" not in said
    assert isp.edge.address not in said


def test_what_was_kept_under_a_name_before_it_was_this_ones_is_not_shown(
    as_dhaka: "Client", noon: Clock, home: Package
) -> None:
    _login("rahim", "quota used up", answered_at=NOON - HOUR)
    _session("rahim", "10.7.7.7", started_at=NOON - HOUR, ipv4="10.7.7.8")
    _login("rahima", "wrong device", answered_at=NOON + HOUR)
    rahim = made(home)
    assert "quota of this period" not in _page(as_dhaka, rahim)
    assert "Whether it is online is unknown" in _page(as_dhaka, rahim)
    assert "10.7.7.8" not in _page(as_dhaka, rahim)
    _login("rahim", "quota used up", answered_at=NOON + HOUR)
    assert "quota of this period" in _page(as_dhaka, rahim)
    noon(NOON + 2 * HOUR)
    rahima = subscribers.rename(rahim, username="rahima", by=BY)
    assert "another device" not in _page(as_dhaka, rahima)


def test_one_of_another_tenant_does_not_exist(as_dhaka: "Client", nasir: Subscriber) -> None:
    for name in ("", "_contact", "_renew", "_suspend", "_resume", "_password"):
        url = reverse(f"my:subscriber{name}", args=[nasir.pk])
        assert as_dhaka.get(url).status_code == 404
        form = {"reason": "x", "periods": "1", "confirmed": "yes", "full_name": "Mine"}
        assert as_dhaka.post(url, form).status_code in {404, 405}
    before, nasir_now = nasir, Subscriber.objects.get(pk=nasir.pk)
    assert (nasir_now.status, nasir_now.full_name, nasir_now.radius_password) == (
        *(before.status, before.full_name),
        before.radius_password,
    )


@pytest.mark.django_db(transaction=True, databases=["default", "radius"])
def test_while_logins_cannot_be_read_the_rest_of_the_page_is_there(
    as_dhaka: "Client", rahim: Subscriber, radius_away: Callable[[], None]
) -> None:
    radius_away()
    said = _page(as_dhaka, rahim)
    assert "Whether it is online is unknown" in said
    assert "Active until" in said
    assert "FreeRADIUS" not in said
