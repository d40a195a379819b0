"""The list of subscribers, what is done with many, and the comparison with FreeRADIUS."""

from collections.abc import Callable
from functools import partial

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ispcore.accounts.models import Tenant
from ispcore.base import clock, unit_of_work
from ispcore.base.models import AuditEntry
from ispcore.base.unit_of_work import steps
from ispcore.base.unit_of_work.steps import STEPS, Stopped
from radius.models import Accounting, Check, GroupReply, Nas
from radius.operations.nas import Client as NasClient
from routers.models import Router
from routers.operations import radius_clients
from subscribers.models import Package, StatusChange, Subscriber
from subscribers.operations import bulk, packages, reconciling, statuses
from tests.subscribers.admin import RADIUS_AWAY, chosen, portal_rows, text, url
from tests.subscribers.conftest import (
    BY,
    Clock,
    a_package,
    all_rows,
    checks,
    made,
)

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
        ("2001:db8:7::17", True),
        ("2001:DB8:7::/64", True),
        ("2001:db8:8::17", False),
        ("100.64.0.9", True),  # as it is online
        ("488f.5a01.0203", True),
        ("2001:db8:9:1::5", True),
        ("100.64.0.8", False),  # as it was
        ("nobody", False),
        ("10.20.0.8", False),
        ("\0", True),
    ],
)
def test_subscribers_are_found_by_what_people_know(
    browser: Client, home: Package, query: str, found: bool
) -> None:
    given = {"mac": "AA:BB:CC:DD:EE:FF", "phone": "+8801712345678", "full_name": "Rahim Uddin"}
    rahim = made(home, ipv4="10.20.0.9", ipv6_prefix="2001:db8:7::/64", **given)
    now = clock.now()
    session = {"username": rahim.username.upper(), "calling_station": "48-8F-5A-01-02-03"}
    Accounting.objects.create(
        unique_id="1", ipv4="100.64.0.9", delegated_prefix="2001:db8:9::/56", **session
    )
    Accounting.objects.create(unique_id="2", ipv4="100.64.0.8", stopped_at=now, **session)
    assert rahim.account_number
    listed = text(browser.get(url("changelist"), {"q": query}))
    assert (url("page", rahim.pk) in listed) == found
    assert url("page", rahim.pk) in text(
        browser.get(url("changelist"), {"q": rahim.account_number})
    )


@pytest.mark.django_db(transaction=True, databases=["default", "radius"])
def test_an_address_is_found_while_freeradius_is_away(
    browser: Client, home: Package, radius_away: Callable[[], None]
) -> None:
    rahim = made(home, ipv4="10.20.0.9")
    radius_away()
    assert url("page", rahim.pk) in text(browser.get(url("changelist"), {"q": "10.20.0.9"}))


@pytest.fixture
def many(home: Package) -> list[Subscriber]:
    return [made(home, f"line-{n}") for n in range(5)]


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
    before, portal = all_rows(), portal_rows()
    fail_at(step)
    with pytest.raises(Stopped):
        bulk.suspend(keys, by=BY)
    steps.stop_at("")
    unit_of_work.recover()
    assert (all_rows(), portal_rows()) == (before, portal)


def test_five_take_no_more_statements_than_two(
    many: list[Subscriber], tenant_dhaka: Tenant
) -> None:
    other = packages.create(a_package(tenant_dhaka, "Home 50"), by=BY)
    keys = [row.username_key for row in many]
    bulk.renew(keys, by=BY)
    for change in (
        partial(bulk.suspend, by=BY),
        partial(bulk.resume, by=BY),
        partial(bulk.change_package, package=other, by=BY),
    ):
        taken = []
        for some in (keys[:2], keys[2:] + keys[:2]):
            with CaptureQueriesContext(connection) as asked:
                change(some)
            taken.append(len(asked))
        assert taken[1] <= taken[0]
    assert StatusChange.objects.count() == 10


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
    said = text(browser.post(address, {"confirmed": "yes", "reason": "edited by hand"}))
    assert "1 name put right." in said
    assert AuditEntry.objects.get(members=1).reason == "edited by hand"
    assert checks("rahim")
    assert checks("stranger")


def test_a_name_that_nobody_has_is_no_agreement(browser: Client, rahim: Subscriber) -> None:
    Check.objects.create(username="stranger", attribute="Auth-Type", op=":=", value="Accept")
    address = f"{url('reconcile')}?compare=yes&username="
    said = text(browser.get(f"{address}rahin"))
    assert "Nobody is called rahin, here or in FreeRADIUS." in said
    assert "exactly what the portal says" not in said
    assert "exactly what the portal says" in text(browser.get(f"{address}RAHIM"))
    assert "1 name that the portal does not know" in text(browser.get(f"{address}stranger"))


def test_each_part_is_put_right_by_who_may_change_it(
    as_noc: Client, as_viewer: Client, home: Package, rahim: Subscriber
) -> None:
    """An operator changes subscribers; rows of packages and secrets of routers are others'."""
    Check.objects.filter(username="rahim").delete()
    radius_clients.put(NasClient("10.88.4.1", "edge", "a-secret-of-sixteen"), by=BY)
    Nas.objects.all().delete()
    assert as_viewer.get(url("reconcile")).status_code == 403
    assert "Compare with FreeRADIUS" in text(as_noc.get(url("changelist")))
    everything = f"{url('reconcile')}?compare=yes"
    said = text(as_noc.get(everything))
    assert "is put right by who may change routers" in said
    assert "Put right 2" not in said
    assert "noc may not do this" in text(as_noc.post(everything, {"confirmed": "yes"}))
    assert not checks("rahim")
    as_noc.post(f"{everything}&username=rahim", {"confirmed": "yes"})
    assert checks("rahim")
    GroupReply.objects.all().delete()
    assert "who may change packages and change routers" in text(as_noc.get(everything))


def test_who_had_sessions_on_a_router_is_compared_alone(
    browser: Client, home: Package, rahim: Subscriber
) -> None:
    made(home, "karim")
    router = Router.objects.create(name="utt-edge-01", address="10.88.4.1")
    Accounting.objects.create(
        unique_id="x", session_id="x", username="rahim", nas_address="10.88.4.1"
    )
    Check.objects.all().delete()
    said = text(browser.get(url("reconcile"), {"compare": "yes", "router": str(router.pk)}))
    assert "router utt-edge-01" in said
    assert "1 name differs" in said


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
