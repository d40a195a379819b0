"""The audit log as staff search it: people, objects, values, addresses, requests, dates; as a file."""

import csv
import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ispcore.base import audit, audit_search, request_ids
from ispcore.base.audit import Actor
from ispcore.base.models import AuditEntry
from tests.conftest import NOON

if TYPE_CHECKING:
    from ispcore.accounts.models import Account
    from tests.pages.conftest import Isp

REQUEST = "0123456789abcdef0123456789abcdef"
BANGLA = "মেঘনা"


def _url(query: str = "") -> str:
    return f"{reverse('admin:base_auditentry_changelist')}?{query}"


def _found(client: Client, query: str) -> list[str]:
    answer = client.get(_url(query))
    assert answer.status_code == 200, query
    return [f"{row.entry.actor}: {row.entry.action}" for row in answer.context["rows"]]


@pytest.fixture
def log(isp: "Isp") -> None:
    """Three changes of different people, and a batch."""
    with transaction.atomic():
        with audit.coming_from("admin", address="203.0.113.7"), request_ids.during(REQUEST):
            audit.record(
                "suspend",
                isp.dhaka,
                by=Actor("rafi", 7),
                old={"status": "active", "contact": "Rahim"},
                new={"status": "suspended", "contact": BANGLA},
                reason="unpaid since June",
            )
        with audit.coming_from("api", address="2001:db8::42"):
            audit.came_with("crm sync")
            audit.record("rename", isp.ctg, by=Actor("crm", 8), old={"x": 1}, new={"x": "a\"b'c"})
        with audit.coming_from("job"):
            audit.record_batch(
                "expire",
                [isp.dhaka, isp.ctg],
                by=Actor("expiry"),
                changes={isp.dhaka.pk: ({"status": "active"}, {"status": "ended"})},
                scope="of October",
            )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=rafi", ["rafi: suspend"]),
        ("q=RAFI", ["rafi: suspend"]),
        ("actor=rafi", ["rafi: suspend"]),
        ("q=unpaid+june", ["rafi: suspend"]),
        ("q=203.0.113.7", ["rafi: suspend"]),
        ("address=203.0.113.7", ["rafi: suspend"]),
        ("q=2001%3ADB8%3A0%3A%3A42", ["crm: rename"]),
        (f"q={REQUEST}", ["rafi: suspend"]),
        (f"request={REQUEST}", ["rafi: suspend"]),
        (f"q={BANGLA}", ["rafi: suspend"]),
        ("q=a%22b", ["crm: rename"]),
        ("q=crm+sync", ["crm: rename"]),
        ("q=CONTACT", ["rafi: suspend"]),
        ("kind=token", ["crm: rename"]),
        ("surface=api", ["crm: rename"]),
        ("kind=job", ["expiry: expire"]),
        ("field=contact", ["rafi: suspend"]),
        ("field=x", ["crm: rename"]),
        ("q=expire+dhaka", ["expiry: expire"]),  # the member
        ("q=october", ["expiry: expire"]),  # the head
        ("q=rafi&surface=api", []),
        ("q=no+such+word", []),
        ("q=%25", []),
        ("action=suspend&object_kind=resellers.reseller", ["rafi: suspend"]),
    ],
)
def test_a_search_finds_across_all(
    log: None, as_viewer: Client, query: str, found: list[str]
) -> None:
    assert _found(as_viewer, query) == found


def test_dates_are_days_of_the_isp(log: None, as_viewer: Client, settings: Any) -> None:
    assert len(_found(as_viewer, "from=2026-03-02&until=2026-03-02")) >= 3
    assert _found(as_viewer, "from=2026-03-03") == []
    settings.TIME_ZONE = "Pacific/Auckland"  # noon is past midnight there
    assert _found(as_viewer, "until=2026-03-02&actor=rafi") == []
    assert _found(as_viewer, "from=2026-03-03&actor=rafi") == ["rafi: suspend"]


@pytest.mark.parametrize("query", ["from=yesterday", "until=2026-13-01", "address=a.b.c.d"])
def test_what_is_not_understood_is_said(log: None, as_viewer: Client, query: str) -> None:
    assert 'role="alert"' in as_viewer.get(_url(query)).content.decode()


def test_a_batch_is_one_row_that_leads_to_its_members(log: None, as_viewer: Client) -> None:
    head = AuditEntry.objects.get(members=2)
    page = as_viewer.get(_url()).content.decode()
    assert page.count('<td class="did">Expire') == 1
    assert f'<a href="?batch={head.pk}">2 resellers</a>' in page
    assert _found(as_viewer, f"batch={head.pk}") == ["expiry: expire"] * 2


def test_a_batch_is_in_the_history_of_each_member(log: None, isp: "Isp", as_viewer: Client) -> None:
    url = reverse("admin:resellers_reseller_history", args=[isp.dhaka.pk])
    page = as_viewer.get(url).content.decode()
    assert "<del>Active</del>" in page
    assert "<ins>Ended</ins>" in page


def test_twenty_thousand_members_come_in_pages(isp: "Isp", as_viewer: Client) -> None:
    from ispcore.accounts.models import Tenant

    with transaction.atomic():
        head = audit.record_batch(
            "expire", [Tenant(pk=n, name=f"t{n}") for n in range(1, 20_001)], by=Actor("expiry")
        )
    assert head is not None
    answer = as_viewer.get(_url(f"batch={head.pk}"))
    assert len(answer.context["rows"]) == 50
    assert answer.context["older_url"]
    assert len(_found(as_viewer, "")) < 100  # they hide nobody


def test_pages_go_on_where_the_last_one_ended(isp: "Isp", as_viewer: Client) -> None:
    with transaction.atomic():
        for number in range(250):  # all in the same instant of the frozen clock
            audit.record("note", isp.dhaka, by=Actor("rafi", 7), reason=f"number {number}")
    seen: list[int] = []
    url = _url("q=number")
    while url:
        context = as_viewer.get(url).context
        seen += [row.entry.pk for row in context["rows"]]
        url = context["older_url"]
    assert len(seen) == len(set(seen)) == 250


def test_a_search_looks_at_the_newest_and_says_so(
    log: None, isp: "Isp", as_viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_search, "WINDOW", 3)
    answer = as_viewer.get(_url("q=rafi"))
    assert [row.entry.actor for row in answer.context["rows"]] == []
    assert "For older ones choose dates" in answer.content.decode()
    file = as_viewer.get(_url("as=csv&q=rafi")).getvalue().decode()
    assert file.splitlines()[-1].startswith('"looked at the newest 3 entries, back to ')
    assert _found(as_viewer, "actor=rafi") == ["rafi: suspend"]  # which has an index


def test_the_file_has_what_the_search_finds(log: None, isp: "Isp", as_viewer: Client) -> None:
    with transaction.atomic():
        audit.record(
            "change", isp.dhaka, by=Actor("=1+1", 9), old={"contact": ""}, new={"contact": "@cmd"}
        )
    answer = as_viewer.get(_url("as=csv&field=contact"))
    assert "attachment" in answer["Content-Disposition"]
    text = answer.getvalue().decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(r["actor"], r["field"], r["old"], r["new"]) for r in rows] == [
        ("'=1+1", "Contact", "none", "'@cmd"),
        ("rafi", "Status", "Active", "Suspended"),
        ("rafi", "Contact", "Rahim", BANGLA),
    ]
    assert rows[1]["request id"] == REQUEST
    assert rows[1]["address"] == "203.0.113.7"


def test_the_file_is_sent_while_it_is_made(
    log: None, viewer: "Account", monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the server that the portal runs on, which would else collect it first."""
    monkeypatch.setattr(audit_search, "CSV_PIECE", 1)
    client = AsyncClient()
    client.force_login(viewer)

    async def asked() -> list[bytes]:
        answer: Any = await client.get(_url("as=csv&from=2026-03-02"))
        assert answer.is_async
        return [piece async for piece in answer]

    pieces = async_to_sync(asked)()
    assert len(pieces) > 4
    assert b"unpaid since June" in b"".join(pieces)


def test_a_long_file_is_cut_and_says_so(
    isp: "Isp", as_viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_search, "MOST_CSV", 20)
    monkeypatch.setattr(audit_search, "CSV_PIECE", 10)
    with transaction.atomic():
        for number in range(35):
            audit.record("note", isp.dhaka, by=Actor("rafi", 7), reason=f"number {number}")
    with CaptureQueriesContext(connection) as queries:
        answer = as_viewer.get(_url("as=csv&actor=rafi"))
        text = answer.getvalue().decode()
    lines = text.splitlines()
    assert len(lines) == 1 + 20 + 1
    assert lines[-1].startswith("cut after 20 entries")
    assert len(queries) < 20


def test_the_log_is_not_for_tenants(log: None, as_dhaka: Client) -> None:
    for query in ("", "as=csv", "q=rafi"):
        response = as_dhaka.get(_url(query))
        assert (response.status_code, response["Location"]) == (302, reverse("my:history"))


def test_an_entry_shows_all_it_has(log: None, as_viewer: Client) -> None:
    entry = AuditEntry.objects.get(action="rename")
    page = as_viewer.get(reverse("admin:base_auditentry_change", args=[entry.pk])).content.decode()
    day = "Mon 2 Mar 2026, 12:00:00 UTC"  # today's too, since an entry may be printed
    for words in ("crm (api token, token crm sync)", "2001:db8::42", "Chattogram Net", day):
        assert words in page, words


def test_a_deleted_object_is_found_in_the_log(isp: "Isp", as_viewer: Client) -> None:
    from resellers.operations import resellers

    gone = resellers.create("Old Link", by=Actor("rafi", 7))
    pk = gone.pk
    resellers.delete(gone, by=Actor("rafi", 7))
    assert _found(as_viewer, f"object_kind=resellers.reseller&object_id={pk}") == [
        "rafi: delete",
        "rafi: create",
    ]
    assert f"object_id={pk}" in as_viewer.get(_url("actor=rafi")).content.decode()


def test_old_entries_are_found_by_their_dates(isp: "Isp", as_viewer: Client) -> None:
    AuditEntry.objects.create(
        at=NOON - timedelta(days=300), actor="rafi", action="x", object_kind="x", object_id="1"
    )
    assert _found(as_viewer, "from=2025-01-01&until=2025-12-31") == ["rafi: x"]
