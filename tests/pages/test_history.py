"""The history of an object: its changes in words, its state at a time, what differs between two."""

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse

from ispcore.base import audit, past
from ispcore.base.audit import Actor
from ispcore.base.past import Past
from resellers.models import Reseller
from resellers.operations import mappings, plans, resellers
from routers.models import Interface, Router
from routers.operations import routers
from tests.conftest import NOON

if TYPE_CHECKING:
    from tests.pages.conftest import Isp

STAFF = Actor("rafi", 901)
Clock = Callable[[datetime], None]
FORMULA = "=HYPERLINK(1)"


def _days(count: float) -> datetime:
    return NOON + timedelta(days=count)


@pytest.fixture
def changed(isp: "Isp", frozen_clock: Clock) -> Reseller:
    """A reseller whose row is as old as the log: made on day 1, changed on days 2 to 5."""
    frozen_clock(_days(1))
    made = resellers.create("Jamuna Net", plan=isp.small_plan, by=STAFF, contact="Rahim")
    frozen_clock(_days(2))
    with audit.coming_from("admin", address="203.0.113.7"):
        made.contact, made.notes = "Karim", "pays late"
        resellers.save(made, by=STAFF)
    frozen_clock(_days(3))
    plans.change(made, plan=isp.plan, by=STAFF, reason="asked for it")
    frozen_clock(_days(4))
    made.contact = FORMULA
    resellers.save(made, name="Jamuna Networks", by=STAFF)
    frozen_clock(_days(5))
    return Reseller.objects.get(pk=made.pk)


def _url(row: Any, query: str = "") -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_history", args=[row.pk]) + query


def _values(then: Past) -> dict[str, str]:
    return {value.label: value.words or f"unknown: {value.why}" for value in then.values}


def _said(client: Client, row: Any, query: str = "") -> str:
    answer = client.get(_url(row, query))
    assert answer.status_code == 200
    return answer.content.decode()


# ---- what it was then


@pytest.mark.parametrize(
    ("day", "contact", "plan", "notes", "name"),
    [
        (1.5, "Rahim", "Start 200", "none", "Jamuna Net"),
        (2.5, "Karim", "Start 200", "pays late", "Jamuna Net"),
        (3.5, "Karim", "Business 500", "pays late", "Jamuna Net"),
        (4.5, FORMULA, "Business 500", "pays late", "Jamuna Networks"),
    ],
)
def test_the_state_at_a_time_is_what_it_was(
    changed: Reseller, day: float, contact: str, plan: str, notes: str, name: str
) -> None:
    found = _values(past.state_at(changed, _days(day)))
    assert found["Contact"] == contact
    assert found["Plan"] == plan
    assert found["Notes"] == notes
    assert found["Name"] == name
    assert found["Critical, %"] == "100"


def test_each_value_says_since_when_and_by_whom(changed: Reseller) -> None:
    values = {value.label: value for value in past.state_at(changed, _days(3.5)).values}
    assert (values["Contact"].since, values["Contact"].by) == (_days(2), "rafi")
    assert (values["Plan"].since, values["Address"].since) == (_days(3), _days(1))


def test_before_it_was_made_there_is_nothing(changed: Reseller) -> None:
    then = past.state_at(changed, _days(0.5))
    assert not then.values
    assert then.words.startswith("It was made on 3 Mar 2026, 12:00:00")


def test_before_the_record_nothing_is_known(isp: "Isp", frozen_clock: Clock) -> None:
    """The row is older than the first entry about it."""
    Router.objects.filter(pk=isp.edge.pk).update(created_at=_days(-90))
    isp.edge.refresh_from_db()
    isp.edge.site = "Gulshan"
    routers.save(isp.edge, by=STAFF)
    frozen_clock(_days(1))
    then = past.state_at(isp.edge, _days(-1))
    assert not then.values
    assert then.words.startswith("The record of it begins on 2 Mar 2026")
    assert "not there" in past.state_at(isp.edge, _days(-91)).words
    assert _values(past.state_at(isp.edge, _days(0.5)))["Site"] == "Gulshan"


def test_without_any_entry_only_now_is_known(isp: "Isp") -> None:
    assert "not known" in past.state_at(isp.silent, _days(-1)).words
    assert _values(past.state_at(isp.silent, NOON))["Name"] == "ctg-edge-01"


def test_what_was_changed_off_the_record_is_unknown_not_made_up(
    changed: Reseller, frozen_clock: Clock
) -> None:
    Reseller.objects.filter(pk=changed.pk).update(contact="somebody else", phone="+8801700000000")
    row = Reseller.objects.get(pk=changed.pk)
    found = _values(past.state_at(row, _days(4.5)))
    assert found["Contact"] == "unknown: changed without a record since then"
    assert found["Phone"] == "unknown: changed without a record since then"
    assert _values(past.state_at(row, _days(3.5)))["Contact"] == "Karim"


def test_what_collection_writes_has_no_history(isp: "Isp", frozen_clock: Clock) -> None:
    made = routers.save(Router(name="n", address="10.1.1.1", snmp_community="c0mmunity"), by=STAFF)
    frozen_clock(_days(1))
    found = _values(past.state_at(made, _days(0.5)))
    assert found["System name"] == "unknown: collection writes it; no history is kept"
    assert (found["SNMP community"], found["API password"]) == ("set", "none")
    assert found["Ping method"] == "ICMP echo"


def test_the_difference_between_two_times(changed: Reseller) -> None:
    _, _, changes = past.difference(changed, _days(2.5), _days(4.5))
    assert [(c.label, c.old, c.new) for c in changes] == [
        ("Contact", "Karim", FORMULA),
        ("Plan", "Start 200", "Business 500"),
        ("Name", "Jamuna Net", "Jamuna Networks"),
    ]
    assert past.difference(changed, _days(1.2), _days(1.8))[2] == []


def test_a_moved_mapping_ends_in_one_history_and_begins_in_another(
    isp: "Isp", frozen_clock: Clock
) -> None:
    frozen_clock(_days(1))
    other = isp.interfaces["ether1"]
    moved = mappings.move(isp.dhaka_mapping, interface=other, at=_days(1), by=STAFF)
    isp.dhaka_mapping.refresh_from_db()
    frozen_clock(_days(2))
    ended = {c.label: (c.old, c.new) for c in _changes(isp.dhaka_mapping, 0.5, 1.5)}
    assert ended == {"Ended at": ("none", "3 Mar 2026, 12:00:00")}
    assert "not there" in past.state_at(moved, _days(0.5)).words
    assert _values(past.state_at(moved, _days(1.5)))["Interface"] == "ether1"


def _changes(row: Any, start: float, end: float) -> list[past.Change]:
    return past.difference(row, _days(start), _days(end))[2]


# ---- the page


def test_the_page_tells_changes_in_words(changed: Reseller, as_noc: Client) -> None:
    page = _said(as_noc, changed)
    assert "<del>Rahim</del>" in page
    assert "<ins>Karim</ins>" in page
    assert "<q>asked for it</q>" in page
    assert "203.0.113.7" in page
    assert "<del>Start 200</del>" in page


def test_one_fields_changes_are_chosen(changed: Reseller, as_noc: Client) -> None:
    page = _said(as_noc, changed, "?field=notes")
    assert page.count('id="entry-') == 2  # made, and changed
    assert "asked for it" not in page
    assert _said(as_noc, changed, "?field=no_such").count('id="entry-') == 5


def test_a_long_history_comes_in_pages(isp: "Isp", as_noc: Client) -> None:
    from django.db import transaction

    with transaction.atomic():
        for number in range(120):
            audit.record("note", isp.dhaka, by=STAFF, reason=f"number {number}")
    seen: list[int] = []
    query = ""
    while True:
        context = as_noc.get(_url(isp.dhaka, query)).context
        seen += [row.entry.pk for row in context["rows"]]
        query = context["older_url"]
        if not query:
            break
    assert len(seen) == len(set(seen)) == 121  # and the plan of the fixture
    assert seen == sorted(seen, reverse=True)


def test_the_state_and_the_difference_are_asked_for_in_the_isps_zone(
    changed: Reseller, as_noc: Client, settings: Any
) -> None:
    settings.TIME_ZONE = "Asia/Dhaka"  # noon is 18:00 there
    page = _said(as_noc, changed, "?view=state&at=2026-03-04T17:59")
    assert ">Rahim<" in page
    page = _said(as_noc, changed, "?view=state&at=2026-03-04T18:01")
    assert ">Karim<" in page
    page = _said(as_noc, changed, "?view=difference&from=2026-03-03T18:01&until=2026-03-04T18:01")
    assert ">Rahim<" in page
    assert ">Karim<" in page
    assert "Business 500" not in page


@pytest.mark.parametrize("typed", ["yesterday", "%00", "9999-99-99T00:00", "0001-01-01T00:00"])
def test_what_is_no_time_is_said(changed: Reseller, as_noc: Client, typed: str) -> None:
    page = _said(as_noc, changed, f"?view=state&at={typed}")
    assert 'role="alert"' in page


def test_the_file_has_one_line_per_value_and_no_formula(changed: Reseller, as_noc: Client) -> None:
    answer = as_noc.get(_url(changed, "?as=csv"))
    assert answer["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert {row["new"] for row in rows if row["field"] == "Contact"} == {
        "Rahim", "Karim", f"'{FORMULA}",
    }  # fmt: skip
    assert [row["reason"] for row in rows if row["field"] == "Plan"] == ["asked for it", ""]


def test_an_interface_says_that_nobody_changes_it(isp: "Isp", as_noc: Client) -> None:
    interface: Interface = isp.interfaces["ether1"]
    assert "No change of it is on record" in _said(as_noc, interface)
