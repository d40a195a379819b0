"""What a tenant's people see of the changes: of their own, in words, and nothing of the provider's."""

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dashboards.my import history
from ispcore.accounts.models import Account
from ispcore.accounts.operations import accounts, sessions
from ispcore.base import audit
from ispcore.base.audit import Actor
from resellers.operations import mappings, plans, resellers
from routers.operations import routers
from tests.conftest import _account

if TYPE_CHECKING:
    from tests.pages.conftest import Isp

FORMULA = "=HYPERLINK(1)"
OURS = ("rafi", "pays late", "Notes", "203.0.113.7", "asked for it", "faces the")


@pytest.fixture
def rafi(db: None) -> Actor:
    """One of the provider's people."""
    return _account("rafi", "admin").actor


@pytest.fixture
def changed(isp: "Isp", rafi: Actor, reseller_dhaka: Account, reseller_ctg: Account) -> None:
    """What the provider did to dhaka, to ctg, and to a router; and what dhaka's owner did."""
    with audit.coming_from("admin", address="203.0.113.7"):
        isp.dhaka.contact, isp.dhaka.notes = "Karim", "pays late"
        resellers.save(isp.dhaka, by=rafi)
        plans.change(isp.dhaka, plan=isp.small_plan, by=rafi, reason="asked for it")
        mappings.end(isp.dhaka_mapping, by=rafi, reason="asked for it")
        mappings.end(isp.ctg_mapping, by=rafi)
        isp.edge.site = "Gulshan"
        routers.save(isp.edge, by=rafi)
        accounts.save(_renamed(reseller_ctg, "Owner of Ctg"), by=rafi)
    with audit.coming_from("my", address="198.51.100.3"):
        accounts.save(_renamed(reseller_dhaka, "Owner of Dhaka"), by=reseller_dhaka.actor)
    with audit.coming_from("job"):
        audited = Actor("expiry")
        with transaction.atomic():
            audit.record_batch("remind", [isp.dhaka, isp.ctg], by=audited, scope="of October")


def _renamed(account: Account, name: str) -> Account:
    account.name = name
    return account


def _said(client: Client, query: str = "") -> str:
    answer = client.get(reverse("my:history") + query)
    assert answer.status_code == 200
    return answer.content.decode()


def _acts(client: Client, query: str = "") -> list[str]:
    answer = client.get(reverse("my:history") + query)
    return [f"{r.by}: {r.verb} {r.kind} {r.name}" for r in answer.context["rows"]]


def _csv(client: Client, query: str = "") -> list[dict[str, str]]:
    text = client.get(reverse("my:history_csv") + query).content.decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_a_tenants_people_see_what_was_changed_and_nothing_of_ours(
    changed: None, as_dhaka: Client
) -> None:
    page = _said(as_dhaka)
    assert "<del>Rahim</del>" in page
    assert "<ins>Karim</ins>" in page
    assert "<ins>Start 200</ins>" in page
    assert _acts(as_dhaka)[:5] == [
        "The portal: Remind service Dhaka Fibre",
        "reseller_dhaka: Change account reseller_dhaka",
        "Your provider: End link dhk-edge-01 vlan-312",
        "Your provider: Change plan service Dhaka Fibre",
        "Your provider: Change service Dhaka Fibre",
    ]
    for ours in OURS:
        assert ours not in page, ours


def test_the_file_has_the_same_and_no_formula(
    changed: None, isp: "Isp", rafi: Actor, as_dhaka: Client
) -> None:
    isp.dhaka.contact = FORMULA
    resellers.save(isp.dhaka, by=rafi)
    text = as_dhaka.get(reverse("my:history_csv")).content.decode()
    for ours in OURS:
        assert ours not in text, ours
    contacts = [row["new"] for row in _csv(as_dhaka) if row["field"] == "Contact"]
    assert contacts == [f"'{FORMULA}", "Karim"]


def test_a_tenants_own_change_shows_where_it_came_from(changed: None, as_dhaka: Client) -> None:
    assert "198.51.100.3" in _said(as_dhaka)
    assert {row["address"] for row in _csv(as_dhaka)} == {"", "198.51.100.3"}


def test_another_tenants_history_is_not_there(
    changed: None, as_dhaka: Client, as_ctg: Client
) -> None:
    for page in (_said(as_ctg), str(_csv(as_ctg))):
        for theirs in ("Dhaka", "Karim", "reseller_dhaka", "vlan-312"):
            assert theirs not in page, theirs
    assert "Your provider: End link dhk-edge-01 vlan-401" in _acts(as_ctg)
    assert not [act for act in _acts(as_dhaka) if "Ctg" in act or "vlan-401" in act]


def test_each_kind_can_be_seen_alone(changed: None, as_dhaka: Client) -> None:
    kinds = {"service": "service", "links": "link", "people": "account"}
    for asked, word in kinds.items():
        shown = {row.kind for row in _rows(as_dhaka, f"?of={asked}")}
        assert shown == {word}
        assert {row["kind"] for row in _csv(as_dhaka, f"?of={asked}")} == {word}
    assert {row.kind for row in _rows(as_dhaka, "?of=routers")} == set(kinds.values())


def _rows(client: Client, query: str) -> list[history.Row]:
    found: list[history.Row] = client.get(reverse("my:history") + query).context["rows"]
    return found


def test_who_keeps_no_people_sees_of_people_only_the_own_account(
    changed: None, as_viewer_dhaka: Client, viewer_dhaka: Account
) -> None:
    assert "?of=people" in _said(as_viewer_dhaka)
    assert "198.51.100.3" not in _said(as_viewer_dhaka)
    assert not [act for act in _acts(as_viewer_dhaka) if "reseller_dhaka" in act]
    assert "Your provider: Change plan service Dhaka Fibre" in _acts(as_viewer_dhaka)
    sessions.logged_in(viewer_dhaka, second_factor=False, by=viewer_dhaka.actor)
    assert _acts(as_viewer_dhaka, "?of=people")[0] == "vi_dhaka: Log in account vi_dhaka"


def test_who_was_granted_a_router_sees_the_changes_of_its_links_only(
    changed: None, isp: "Isp", rafi: Actor, operator: Account, as_operator: Client
) -> None:
    from ispcore.accounts.operations import grants

    grants.replace(operator, [("routers.router", isp.silent.pk)], by=rafi)
    assert _acts(as_operator) == []
    grants.replace(operator, [("routers.router", isp.edge.pk)], by=rafi)
    assert _acts(as_operator) == [
        "Your provider: End link dhk-edge-01 vlan-312",
        "Your provider: Add link dhk-edge-01 vlan-312",
    ]


def test_a_long_history_comes_in_pages(
    isp: "Isp", rafi: Actor, as_dhaka: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction.atomic():
        for number in range(120):
            audit.record(
                "note", isp.dhaka, by=rafi, new={"n": number}, tenant_id=isp.dhaka.tenant_id
            )
    seen: list[int] = []
    query = "?of=service"
    while query:
        context = as_dhaka.get(reverse("my:history") + query).context
        seen += [row.key for row in context["rows"]]
        query = context["older_url"].removeprefix(reverse("my:history"))
    assert len(seen) == len(set(seen)) == 121  # and the plan of the fixture
    assert seen == sorted(seen, reverse=True)
    assert len(_rows(as_dhaka, "?before=%00")) == len(_rows(as_dhaka, "?before=x")) == 50
    monkeypatch.setattr(history, "MOST_CSV", 20)
    lines = as_dhaka.get(reverse("my:history_csv")).content.decode().splitlines()
    assert len(lines) == 1 + 20 + 1
    assert lines[-1] == "cut after 20 changes"


def test_more_changes_cost_no_more_queries(
    changed: None, isp: "Isp", rafi: Actor, as_dhaka: Client
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            _said(as_dhaka)
        return len(queries)

    cost()
    few = cost()
    for n in range(8):
        _account(f"more_{n}", "viewer", isp.dhaka.tenant)
        accounts.save(_renamed(Account.objects.get(username=f"more_{n}"), f"No {n}"), by=rafi)
        plans.change(isp.dhaka, plan=(isp.plan, isp.small_plan)[n % 2], by=rafi)
    assert cost() == few


def test_times_are_of_the_isps_zone(changed: None, as_dhaka: Client, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Dhaka"
    assert {row["at"] for row in _csv(as_dhaka, "?of=links")} == {"2026-03-02T18:00:00+06:00"}
