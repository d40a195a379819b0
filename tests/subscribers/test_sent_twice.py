"""Pages that are sent twice, since an answer was lost or a button pressed twice: done once."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import check_password
from django.db import connection
from django.test import Client

from ispcore.accounts.models import Account
from ispcore.base import clock
from ispcore.base.models import AuditEntry, SentPage
from ispcore.base.unit_of_work import DoneBefore, forget_sent, once, steps
from subscribers.models import Package, Subscriber
from subscribers.operations import periods
from tests.subscribers.admin import chosen, package_form, subscriber_form, text, url
from tests.subscribers.conftest import NOON, Clock, checks, made
from tests.subscribers.test_together import together

BOTH = {"databases": ["default", "radius"]}
REASON = {"reason": "paid"}


def token_in(answer: Any) -> dict[str, str]:
    found = re.search(r'name="once" value="([0-9a-f-]{36})"', text(answer))
    assert found is not None
    return {"once": found[1]}


def months_left(row: Subscriber) -> int:
    """Of a line that was made in March 2026, and ends with a month."""
    expires_at = Subscriber.objects.get(pk=row.pk).expires_at
    assert expires_at is not None
    return expires_at.month - 3


def shown_password(answer: Any) -> str:
    found = re.search(r'id="new-password"[^>]* value="([^"]+)"', text(answer))
    assert found is not None
    return found[1]


@pytest.mark.django_db(transaction=True, **BOTH)
def test_a_renewal_whose_answer_was_lost_is_not_made_again(
    as_noc: Client, noon: Clock, rahim: Subscriber, fail_at: Callable[[str], None]
) -> None:
    address = url("renew", rahim.pk)
    sent = REASON | {"periods": "1"} | token_in(as_noc.get(address))
    fail_at("changed")
    with pytest.raises(steps.Stopped):
        as_noc.post(address, sent)
    assert months_left(rahim) == 1  # what was not done may be tried again
    fail_at("portal_committed")
    with pytest.raises(steps.Stopped):
        as_noc.post(address, sent)
    steps.stop_at("")
    said = text(as_noc.post(address, sent, follow=True))
    assert "rahim lasts until 2 May 2026, 12:00. That was done at 12:00:00 already" in said
    assert months_left(rahim) == 2
    assert AuditEntry.objects.filter(action="renew").count() == 1
    as_noc.post(address, sent | token_in(as_noc.get(address)))
    assert months_left(rahim) == 3  # another page is another renewal


@pytest.mark.django_db(transaction=True, **BOTH)
def test_of_two_clicks_at_the_same_time_one_renews(
    noc: Account, noon: Clock, rahim: Subscriber
) -> None:
    token, by = uuid4(), noc.actor
    found = together(
        *[
            lambda: once(
                token,
                lambda: periods.renew(rahim, by=by),
                by=by,
                told=lambda now: {"ends": now.expires_at},
            )
        ]
        * 3
    )
    refused = [each for each in found if isinstance(each, DoneBefore)]
    assert len(refused) == 2, found
    assert refused[0].told == {"ends": "2026-05-02T12:00:00Z"}
    assert months_left(rahim) == 2


@pytest.mark.one_database
@pytest.mark.django_db(**BOTH)
def test_each_unit_of_a_bulk_renewal_is_made_once(
    as_noc: Client, noon: Clock, home: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the filter does not find them any more, since they are renewed."""
    monkeypatch.setattr("subscribers.admin.bulk.AT_ONCE", 2)
    many = [made(home, f"line-{n}", expires_at=NOON + timedelta(days=9)) for n in range(3)]
    address = f"{url('changelist')}?expiry=30"
    asked = chosen("renew_chosen", many[:1], select_across="1")
    sent = asked | REASON | {"confirmed": "yes", "counted": "3", "periods": "1"}
    sent |= token_in(as_noc.post(address, asked))
    for _ in range(2):
        answer = as_noc.post(address, sent)
        assert "2 of 3" in text(answer)
    progress = answer.context["progress"]
    sent |= {"after": progress.after, "changed": progress.changed, "left": progress.left}
    for _ in range(2):
        assert "3 subscribers renewed." in text(as_noc.post(address, sent, follow=True))
    assert [months_left(row) for row in many] == [1] * 3


@pytest.mark.one_database
@pytest.mark.django_db(**BOTH)
def test_a_password_that_was_made_up_is_the_same_when_the_page_is_sent_again(
    as_noc: Client, home: Package
) -> None:
    sent = subscriber_form(home, radius_password="") | token_in(as_noc.get(url("add")))
    password = shown_password(as_noc.post(url("add"), sent))
    again = as_noc.post(url("add"), sent)
    assert shown_password(again) == password == checks("karim")["Cleartext-Password"]
    assert "already, and was not done again" in text(again)
    karim = Subscriber.objects.get()
    address = url("password", karim.pk)
    sent = {"confirmed": "yes"} | token_in(as_noc.get(address))
    other = shown_password(as_noc.post(address, sent))
    assert shown_password(as_noc.post(address, sent)) == other != password
    assert checks("karim")["Cleartext-Password"] == other


@pytest.mark.one_database
@pytest.mark.django_db(**BOTH)
def test_a_web_password_is_set_once_and_its_hash_is_shown_nowhere(
    as_noc: Client, rahim: Subscriber
) -> None:
    address, before = url("web_password", rahim.pk), checks("rahim")
    assert f'<dd>none <a href="{address}">Set</a>' in text(as_noc.get(url("page", rahim.pk)))
    sent = {"confirmed": "yes", "reason": "lost"} | token_in(as_noc.get(address))
    password = shown_password(first := as_noc.post(address, sent))
    assert "give it to the subscriber now" in text(first)
    assert "no-store" in first["Cache-Control"]
    assert shown_password(as_noc.post(address, sent)) == password
    stored = Subscriber.objects.get().web_password
    assert check_password(password, stored)
    entry = AuditEntry.objects.get(action="change web password")
    assert (entry.actor, entry.reason, entry.new) == ("noc", "lost", {"web_password": "(secret)"})
    refused = text(as_noc.post(address, {"confirmed": "yes", "password": "12345"}))
    assert "Nothing was changed" in refused
    assert Subscriber.objects.get().web_password == stored
    sent = {"confirmed": "yes", "password": "correct horse"} | token_in(as_noc.get(address))
    said = text(as_noc.post(address, sent, follow=True))
    assert "rahim has another web password." in said
    assert "correct horse" not in said
    rahim.refresh_from_db()
    assert check_password("correct horse", rahim.web_password)
    for page in ("page", "history", "web_password"):
        assert rahim.web_password.split("$")[-1] not in text(as_noc.get(url(page, rahim.pk)))
    assert AuditEntry.objects.latest("pk").new == {"web_password": "(changed)"}
    assert checks("rahim") == before


@pytest.mark.one_database
@pytest.mark.django_db(**BOTH)
def test_what_a_page_said_is_for_who_sent_it(
    as_noc: Client, browser: Client, rahim: Subscriber
) -> None:
    address = url("password", rahim.pk)
    sent = {"confirmed": "yes"} | token_in(as_noc.get(address))
    password = shown_password(as_noc.post(address, sent))
    assert password not in text(browser.post(address, sent, follow=True))
    assert checks("rahim")["Cleartext-Password"] == password


@pytest.mark.one_database
@pytest.mark.django_db(**BOTH)
def test_a_package_is_made_and_stored_once(as_noc: Client, browser: Client, home: Package) -> None:
    pages: list[tuple[str, dict[str, Any]]] = [
        (url("add", of="package"), package_form(home.tenant)),
        (url("change", home.pk, of="package"), package_form(home.tenant, name="Home 20")),
    ]
    for address, given in pages:
        sent: dict[str, Any] = given | token_in(browser.get(address))
        browser.post(address, sent)
        assert "is stored. That was done at" in text(browser.post(address, sent, follow=True))
    assert AuditEntry.objects.filter(object_kind="subscribers.package").count() == 3


@pytest.mark.one_database
@pytest.mark.django_db(**BOTH)
def test_in_my_a_renewal_and_a_new_line_are_made_once(
    reseller_dhaka: Account, client_for: Callable[[Account], Client], noon: Clock, home: Package
) -> None:
    as_dhaka, add = client_for(reseller_dhaka), "/my/subscribers/add/"
    sent: dict[str, Any] = {"package": home.pk, "username": "karim"}
    sent |= token_in(as_dhaka.get(add))
    password = shown_password(as_dhaka.post(add, sent))
    assert shown_password(as_dhaka.post(add, sent)) == password
    karim = Subscriber.objects.get()
    renew = f"/my/subscribers/{karim.pk}/renew/"
    sent = REASON | {"periods": "1"} | token_in(as_dhaka.get(renew))
    as_dhaka.post(renew, sent)
    assert "was not done again" in text(as_dhaka.post(renew, sent, follow=True))
    assert months_left(karim) == 2


@pytest.mark.one_database
@pytest.mark.django_db(**BOTH)
def test_where_what_was_said_is_lost_with_its_key_that_it_was_done_is_told(
    as_noc: Client,
    reseller_dhaka: Account,
    client_for: Callable[[Account], Client],
    home: Package,
    rahim: Subscriber,
) -> None:
    bulk = chosen("suspend_chosen", [rahim]) | REASON | {"confirmed": "yes", "counted": "1"}
    as_dhaka, in_my = client_for(reseller_dhaka), "/my/subscribers/add/"
    pages: list[tuple[Client, str, dict[str, Any]]] = [
        (as_noc, url("add"), subscriber_form(home, radius_password="")),
        (as_noc, url("password", rahim.pk), {"confirmed": "yes"}),
        (as_noc, url("changelist"), bulk | {"once": str(uuid4())}),
        (as_dhaka, in_my, {"package": home.pk, "username": "karim-2"}),
    ]
    for browser, address, given in pages:
        sent = given if "once" in given else given | token_in(browser.get(address))
        browser.post(address, sent)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE sent_pages SET said = 'gAAAAA-of-a-lost-key'")
        counted = AuditEntry.objects.count()
        again = text(browser.post(address, sent, follow=True))
        assert "already, and was not done again. What was said of it then cannot be shown" in again
        assert AuditEntry.objects.count() == counted


@pytest.mark.one_database
@pytest.mark.django_db(**BOTH)
def test_pages_are_forgotten_when_they_cannot_be_sent_any_more(
    noc: Account, rahim: Subscriber
) -> None:
    once(uuid4(), lambda: periods.renew(rahim, by=noc.actor), by=noc.actor, told=lambda _: {})
    assert forget_sent() == 0
    with clock.frozen(clock.now() + timedelta(days=31)):
        assert forget_sent() == 1
    assert not SentPage.objects.exists()
