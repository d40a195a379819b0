"""The record of changes stands or falls with the change, and nobody changes it afterwards."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import DatabaseError, connection, transaction
from django.db.models import Model
from django.test.utils import CaptureQueriesContext, override_settings

from ispcore.accounts.models import Account, Tenant
from ispcore.base import append_only, audit, audit_retention, clock, request_ids
from ispcore.base.audit import Actor, NotInTransaction
from ispcore.base.models import AuditEntry
from routers.models import Router

BY = Actor("noc", 7)
OLD = timedelta(days=2000)


def test_an_entry_outside_a_transaction_is_refused(transactional_db: None) -> None:
    tenant = Tenant.objects.create(name="Dhaka Fibre")
    with pytest.raises(NotInTransaction):
        audit.record("create", tenant, by=BY)
    with pytest.raises(NotInTransaction):
        audit.record_batch("create", [tenant], by=BY)
    with pytest.raises(NotInTransaction):
        audit.record_about("change", "roles", object_kind="accounts.role", by=BY)
    assert not AuditEntry.objects.exists()


def test_a_change_that_is_undone_leaves_no_entry(transactional_db: None) -> None:
    with transaction.atomic():
        audit.record("create", Tenant.objects.create(name="Dhaka Fibre"), by=BY)
        transaction.set_rollback(True)
    assert not Tenant.objects.exists()
    assert not AuditEntry.objects.exists()


# ---- who, when, from where


def test_an_entry_says_who_what_when_and_from_where(db: None) -> None:
    tenant = Tenant.objects.create(name="Dhaka Fibre")
    with (
        audit.coming_from("admin", address="2001:db8::7"),
        request_ids.during("0123456789abcdef"),
        override_settings(PROCESS="web", NODE="isp-1"),
    ):
        entry = audit.record(
            "change", tenant, by=BY, old={"name": "A", "x": 1}, new={"name": "B", "x": 1}
        )
    entry.refresh_from_db()
    assert (entry.kind, entry.actor, entry.actor_id) == ("person", "noc", 7)
    assert entry.action == "change"
    assert (entry.surface, entry.address) == ("admin", "2001:db8::7")
    assert entry.request_id == "0123456789abcdef"
    assert entry.process.startswith("web isp-1:")
    assert (entry.object_kind, entry.object_id) == ("accounts.tenant", str(tenant.pk))
    assert (entry.old, entry.new) == ({"name": "A"}, {"name": "B"})
    assert str(entry) == "noc: change Dhaka Fibre"


def test_the_origin_ends_with_its_block(db: None) -> None:
    with audit.coming_from("api", address="192.0.2.1"):
        audit.came_with("billing")
    entry = audit.record("change", Tenant.objects.create(name="X"), by=BY)
    assert (entry.surface, entry.address, entry.token) == ("command", None, "")


@pytest.mark.parametrize(
    ("by", "surface", "kind"),
    [
        (Actor("noc", 7), "admin", "person"),
        (Actor("billing", 8, token="nightly"), "api", "token"),
        (Actor("collection"), "job", "job"),
        (Actor("manage.py add_router"), "command", "command"),
        (Actor("first start", kind="system"), "command", "system"),
        (Actor("somebody"), "admin", "system"),
    ],
)
def test_the_kind_of_actor_is_found(db: None, by: Actor, surface: str, kind: str) -> None:
    with audit.coming_from(surface):
        entry = audit.record("change", Tenant.objects.create(name="X"), by=by)
    assert entry.kind == kind


def test_a_request_that_came_with_a_token_names_it(db: None) -> None:
    with audit.coming_from("api"):
        audit.came_with("nightly export")
        entry = audit.record("change", Tenant.objects.create(name="X"), by=BY)
    assert (entry.kind, entry.actor, entry.token) == ("token", "noc", "nightly export")


# ---- secrets


def test_a_secret_is_set_changed_and_removed_and_never_shown(db: None) -> None:
    def shot(community: str) -> dict[str, Any]:
        return audit.snapshot(Router(name="r", address="10.0.0.1", snmp_community=community))

    router = Router.objects.create(name="r", address="10.0.0.1")
    values = []
    for old, new in (("", "one"), ("one", "two"), ("two", ""), ("two", "two")):
        entry = audit.record("change", router, by=BY, old=shot(old), new=shot(new))
        entry.refresh_from_db()
        values.append((entry.old.get("snmp_community"), entry.new.get("snmp_community")))
    assert values == [
        ("", "(secret)"),
        ("(secret)", "(changed)"),
        ("(secret)", ""),
        (None, None),
    ]


@pytest.mark.parametrize(
    "name", ["snmp_community", "password", "api_password", "totp_secret", "token", "refresh_token"]
)
def test_an_operation_that_gives_a_secret_by_mistake_does_not_show_it(db: None, name: str) -> None:
    router = Router.objects.create(name="r", address="10.0.0.1")
    entry = audit.record("change", router, by=BY, old={name: "hunter1"}, new={name: "hunter2"})
    head = audit.record_batch(
        "change", [router], by=BY, changes={router.pk: ({name: "hunter1"}, {name: "hunter2"})}
    )
    audit.record_about("x", "x", object_kind="x", by=BY, new={"password": "hunter2"})
    assert head is not None
    entry.refresh_from_db()
    assert (entry.old, entry.new) == ({name: "(secret)"}, {name: "(changed)"})
    assert "hunter" not in str(list(AuditEntry.objects.values()))


# ---- many at once


def _tenants(count: int) -> list[Tenant]:
    return Tenant.objects.bulk_create([Tenant(name=f"t{n}") for n in range(count)])


def test_a_batch_is_one_entry_with_its_members(db: None) -> None:
    one, two = _tenants(2)
    head = audit.record_batch(
        "suspend",
        [one, two],
        by=BY,
        changes={one.pk: ({"name": "a"}, {"name": "b"})},
        scope="package Gold",
        tenants={one.pk: one.pk, two.pk: two.pk},
        reason="unpaid",
    )
    assert head is not None
    head.refresh_from_db()
    assert (head.members, head.object_name, head.batch_id) == (2, "package Gold", None)
    members = list(AuditEntry.objects.filter(batch=head).order_by("pk"))
    assert [(m.object_id, m.object_kind) for m in members] == [
        (str(one.pk), "accounts.tenant"),
        (str(two.pk), "accounts.tenant"),
    ]
    assert (members[0].old, members[0].new) == ({"name": "a"}, {"name": "b"})
    assert [m.tenant_id for m in members] == [one.pk, two.pk]
    assert {(m.actor, m.at, m.reason) for m in members} == {("noc", head.at, "unpaid")}


def test_a_batch_of_nothing_is_no_entry(db: None) -> None:
    assert audit.record_batch("suspend", [], by=BY) is None
    assert not AuditEntry.objects.exists()


def test_a_batch_of_twenty_thousand_is_a_few_statements(db: None) -> None:
    tenants = [Tenant(pk=n, name=f"t{n}") for n in range(1, 20_001)]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        head = audit.record_batch("suspend", tenants, by=BY)
    assert AuditEntry.objects.filter(batch=head).count() == 20_000
    assert len(queries) <= 30


# ---- nobody changes it afterwards


def _entry(age: timedelta = timedelta()) -> AuditEntry:
    at = clock.now() - age
    return AuditEntry.objects.create(at=at, actor="x", action="x", object_kind="x", object_id="1")


STATEMENTS = [
    "UPDATE audit_log SET actor = 'nobody'",
    "UPDATE audit_log SET at = '2001-01-01 00:00:00'",
    "DELETE FROM audit_log",
    "DELETE FROM audit_log WHERE actor = 'x'",
]
ON_POSTGRESQL = [
    "TRUNCATE audit_log",
    "INSERT INTO audit_log SELECT * FROM audit_log ON CONFLICT (id) DO UPDATE SET actor = 'nobody'",
    # the word that retention says is not enough for what is young
    "SET LOCAL ispcore.forget_audit = 'on'; DELETE FROM audit_log",
]
ON_SQLITE = [
    "INSERT OR REPLACE INTO audit_log SELECT * FROM audit_log",
    "REPLACE INTO audit_log SELECT * FROM audit_log",
    "UPDATE OR REPLACE audit_log SET actor = 'nobody'",
]


def _statements() -> list[str]:
    return STATEMENTS + (ON_POSTGRESQL if connection.vendor == "postgresql" else ON_SQLITE)


def test_raw_sql_cannot_change_an_entry(db: None) -> None:
    _entry()
    before = list(AuditEntry.objects.values())
    for statement in _statements():
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
        assert list(AuditEntry.objects.values()) == before, statement


def test_an_old_entry_cannot_be_changed_either(db: None) -> None:
    _entry(OLD)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEntry.objects.update(actor="nobody")
    if connection.vendor == "postgresql":  # elsewhere its age is all that retention needs
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            AuditEntry.objects.all().delete()


def test_the_check_says_when_a_trigger_is_gone(db: None) -> None:
    def found() -> list[str]:
        return [m.id or "" for m in run_checks(databases=["default"]) if m.id == "base.E001"]

    assert found() == []
    append_only.remove(connection)
    assert found() == ["base.E001"]
    append_only.install(connection)
    assert found() == []


def test_retention_forgets_what_is_old_and_says_so(db: None) -> None:
    for age in (OLD, OLD, timedelta(days=400), timedelta()):
        _entry(age)
    with override_settings(AUDIT_KEEP_DAYS=1825):
        assert audit_retention.forget() == 2
        assert audit_retention.forget() == 0
    assert AuditEntry.objects.filter(actor="x").count() == 2
    said = AuditEntry.objects.get(action="forget")
    assert (said.kind, said.actor, said.new["entries"]) == ("job", "retention", 2)


def test_retention_forgets_in_bites(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_retention, "BITE", 2)
    for _ in range(5):
        _entry(OLD)
    assert audit_retention.forget() == 5


# ---- the requests' ids


def test_every_answer_has_an_id_of_its_own(db: None, client: Any) -> None:
    given = [client.get("/health/")["X-Request-ID"] for _ in range(2)]
    assert len(set(given)) == 2
    assert all(request_ids.WELL_FORMED.fullmatch(each) for each in given)
    assert request_ids.current() == ""


@pytest.mark.parametrize("given", ["a" * 7, "a" * 65, "a b c d e f", "<script>x", "a\u0660" * 8])
def test_an_id_that_is_not_well_formed_is_replaced(given: str) -> None:
    assert request_ids.accepted(given) != given
    assert request_ids.accepted("proxy-1.req_000001") == "proxy-1.req_000001"


def test_a_proxys_id_is_taken_only_where_it_is_trusted(db: None, client: Any) -> None:
    headers = {"X-Request-ID": "from-the-proxy-1"}
    assert client.get("/health/", headers=headers)["X-Request-ID"] != "from-the-proxy-1"
    with override_settings(TRUST_REQUEST_ID=True):
        assert client.get("/health/", headers=headers)["X-Request-ID"] == "from-the-proxy-1"


def test_an_error_page_names_the_request(db: None, client: Any) -> None:
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert f"<code>{answer['X-Request-ID']}</code>" in answer.content.decode()


def test_log_lines_name_the_request() -> None:
    import logging

    from django.conf import settings

    told: Any = settings.LOGGING
    line = logging.Formatter(told["formatters"]["line"]["format"])
    record = logging.LogRecord("x", logging.INFO, "x", 1, "hello", (), None)
    with request_ids.during("0123456789abcdef"):
        request_ids.InLog().filter(record)
    assert line.format(record).endswith("x: hello [0123456789abcdef]")
    request_ids.InLog().filter(record)
    assert line.format(record).endswith("x: hello")


def test_a_page_of_the_admin_leaves_its_request_in_the_entry(
    noc: Account, client_for: Callable[[Account], Any]
) -> None:
    page = client_for(noc)
    form = {
        "old_password": "noc-password",
        "new_password1": "correct horse battery",
        "new_password2": "correct horse battery",
    }
    answer = page.post("/admin/password_change/", form)
    entry = AuditEntry.objects.get(action="change password")
    assert entry.request_id == answer["X-Request-ID"]
    assert (entry.surface, entry.address) == ("admin", "127.0.0.1")


def test_rows_without_an_owner_have_none(db: None) -> None:
    account: Model = Account.objects.create_user("x", role="viewer")
    head = audit.record_batch("end", [account], by=BY)
    assert head is not None
    assert head.tenant_id is None
