"""Two who edit the same package or subscriber: who comes second is told, and writes nothing over."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from ispcore.accounts.models import Account
from ispcore.base.audit import Actor
from ispcore.base.seen import ChangedMeanwhile, read, seen_of
from subscribers.models import Package, Subscriber
from subscribers.operations import packages, subscribers
from tests.subscribers.admin import text, url
from tests.subscribers.conftest import BY, Clock, M, group_rows

pytestmark = [
    pytest.mark.one_database,
    pytest.mark.django_db(databases=["default", "radius"]),
]
KARIM = Actor("karim")


def filled(answer: Any) -> dict[str, Any]:
    """What a browser would send of a form that nobody typed into: of the fields that the page has."""
    context, page = answer.context, answer.content.decode()
    form = context["adminform"].form if "adminform" in context else context["form"]
    values = {name: form[name].value() for name in form.fields if f'name="{name}"' in page}
    return {name: "" if value is None else value for name, value in values.items()}


def test_a_rate_that_somebody_else_changed_does_not_come_back(
    browser: Client, noon: Clock, home: Package
) -> None:
    address = url("change", home.pk, of="package")
    form = filled(browser.get(address)) | {"up_bps": "5M"}
    packages.edit(home, changes={"down_bps": 30 * M, "price": 900}, by=KARIM)
    refused = browser.post(address, form)
    said = text(refused)
    assert "Down is 30.0 Mbps, by karim on 2 Mar 2026, 12:00:00; Price is 900.00, by karim" in said
    assert group_rows(home)["Mikrotik-Rate-Limit"] == "10M/30M"
    again = filled(refused)
    assert (again["up_bps"], again["down_bps"], again["price"]) == ("5M", "30M", 900)
    assert 'Mikrotik-Rate-Limit = "5M/30M"' in said  # the preview is of the form as it is now
    assert browser.post(address, again).status_code == 302
    assert group_rows(home)["Mikrotik-Rate-Limit"] == "5M/30M"


def test_what_both_typed_is_as_the_second_says_once_it_was_told(
    browser: Client, home: Package
) -> None:
    address = url("change", home.pk, of="package")
    form = filled(browser.get(address)) | {"down_bps": "25M"}
    packages.edit(home, changes={"down_bps": 30 * M}, by=KARIM)
    again = filled(browser.post(address, form))
    assert again["down_bps"] == "25M"
    browser.post(address, again)
    assert group_rows(home)["Mikrotik-Rate-Limit"] == "10M/25M"


def test_a_subscriber_that_somebody_else_changed_is_not_written_over(
    browser: Client, rahim: Subscriber
) -> None:
    address = url("change", rahim.pk)
    form = filled(browser.get(address)) | {"full_name": "Rahim Mia"}
    subscribers.edit(rahim, changes={"phone": "+8801712345678", "ipv4": "10.1.1.1"}, by=KARIM)
    refused = browser.post(address, form)
    assert "Phone is +8801712345678, by karim on" in text(refused)
    browser.post(address, filled(refused))
    rahim.refresh_from_db()
    assert (rahim.full_name, rahim.phone, rahim.ipv4) == (
        *("Rahim Mia", "+8801712345678"),
        "10.1.1.1",
    )


def test_lines_and_spaces_of_a_text_are_nobodys_change(browser: Client, rahim: Subscriber) -> None:
    """A browser sends ends of lines in its own way."""
    subscribers.edit(rahim, changes={"notes": "dog\nbell "}, by=BY)
    address = url("change", rahim.pk)
    form = filled(browser.get(address)) | {"notes": "dog\r\nbell", "full_name": "Rahim Mia"}
    assert browser.post(address, form).status_code == 302


def test_in_my_a_tenants_people_are_not_told_who_it_was(
    reseller_dhaka: Account, client_for: Callable[[Account], Client], rahim: Subscriber
) -> None:
    as_dhaka, address = client_for(reseller_dhaka), f"/my/subscribers/{rahim.pk}/contact/"
    form = filled(as_dhaka.get(address)) | {"full_name": "Rahim Mia"}
    subscribers.edit(rahim, changes={"phone": "+8801712345678"}, by=KARIM)
    refused = as_dhaka.post(address, form)
    assert "Somebody else has changed this meanwhile: Phone." in text(refused)
    assert "karim" not in text(refused)
    as_dhaka.post(address, filled(refused))
    rahim.refresh_from_db()
    assert (rahim.full_name, rahim.phone) == ("Rahim Mia", "+8801712345678")


def test_what_moved_after_the_form_was_judged_is_refused_under_the_lock(
    home: Package, rahim: Subscriber
) -> None:
    seen = seen_of(home, ["down_bps", "up_bps"])
    packages.edit(home, changes={"down_bps": 30 * M}, by=KARIM)
    with pytest.raises(ChangedMeanwhile, match=r"\(Down\): look again. Nothing was changed"):
        packages.edit(home, changes={"up_bps": 5 * M}, seen=seen, by=BY)
    packages.edit(home, changes={"up_bps": 5 * M}, by=BY)  # a command, which has seen nothing
    assert group_rows(home)["Mikrotik-Rate-Limit"] == "5M/30M"
    seen = seen_of(rahim, ["phone", "notes"])
    subscribers.edit(rahim, changes={"notes": "dog"}, by=KARIM)
    with pytest.raises(ChangedMeanwhile, match="Notes"):
        subscribers.edit(rahim, changes={"phone": "+8801712345678"}, seen=seen, by=BY)


@pytest.mark.parametrize("text", ["nonsense", "[1]", "[" * 100_000, "9" * 10_000])
def test_what_no_form_carries_is_as_nothing(text: str) -> None:
    assert read(text) == {}
