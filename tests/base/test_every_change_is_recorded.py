"""Every operation that changes what people decide leaves an entry in the audit log.

The operations are found, not listed: one that is new fails here until it is called in CHANGES and
its entry named in ENTRIES, or until it is named as a fact, with those that nobody decides.
"""

import hashlib
import importlib
import inspect
import pkgutil
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from datetime import timedelta
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from ispcore.accounts.models import Account, RolePolicy
from ispcore.accounts.operations import (
    accounts,
    api_logins,
    api_tokens,
    grants,
    matrix,
    policies,
    resets,
    second_factors,
    sessions,
)
from ispcore.accounts.roles import Group, May
from ispcore.base import clock
from ispcore.base.audit import Actor
from ispcore.base.models import AuditEntry
from ispcore.demo import lab_dir
from ispcore.demo import operations as demo
from monitoring.models import Alert, Metric, Rule
from monitoring.operations import alerts, rule_edits
from resellers.models import Plan
from resellers.operations import mappings, plans, resellers
from routers import targets
from routers.models import Interface, InterfaceChange, Router
from routers.operations import discovery, renames, routers
from tests.base import provisioned
from tests.conftest import NOON
from tests.routers.conftest import _place

BY = Actor("noc")
# what nobody decides: readings, what follows from them, and functions that write nothing
FACTS = {
    *("accounts.generate_password", "matrix.is_fixed"),
    # which token is good now, what an operation that is recorded ends with it, and who came by
    *("api_logins.refresh", "api_logins.of", "api_logins.revoke", "api_logins.forget_ended"),
    *("api_tokens.note_use", "tickets.issue", "tickets.redeem", "known_networks.logged_in"),
    *("security.notice", "security.resolve_quiet", "alerts.announce", "unreadable.look"),
    "answers.forget",  # of FreeRADIUS, which nobody here has written
    *("brakes.wait_s", "brakes.count_failure", "brakes.judge", "brakes.forgive", "brakes.forget"),
    *("sessions.seen", "sessions.forget", "second_factors.rotate_secrets"),
    *("alerts.open_alert", "alerts.update_live", "alerts.resolve_automatically"),
    *("rules.evaluate", "rules.withdraw"),
    *("connection.test", "connection.check_apis", "retention.forget"),
    *("likeness.renamed", "changes.traced", "changes.record", "mappings.subject_of"),
    *("interfaces.changed", "interfaces.judge", "interfaces.judge_all"),
    *("pinging.ping_router", "pinging.ping_fleet", "pinging.probe", "pinging.is_lost"),
    *("pinging.verdict", "pinging.unseen", "check_rows.read", "check_rows.write"),
    *("status.record", "status.evaluate", "status.subject_of"),
    *("watching.beat", "watching.next_tick"),
    *("uplink.anchors", "uplink.why_gone", "uplink.note", "uplink.subject_of"),
    *("usage.record", "usage.insert", "usage.announce", "usage.evaluate"),
    *("usage.roll_up", "usage.recut_days"),
    *("nas.replace", "nas.present", "nas.made_by_hand", "nas.validate", "nas.nas_column"),
    *("demo.is_loaded", "demo.write_network"),
}
# the way of a reading into the tables: nobody decides anything on it
COLLECTING = {
    *("advance", "collection", "collector", "collector_report", "counting", "plan"),
    *("poll_records", "polling_rounds", "reading", "spool"),
    *("states", "storing"),
}
World = SimpleNamespace
# one call of each, with real arguments
CHANGES: dict[str, Callable[[World], object]] = {
    "accounts.create": lambda w: accounts.create(
        "rahim", role="viewer", password="correct horse", by=BY
    ),
    "accounts.save": lambda w: accounts.save(w.account, by=BY),
    "accounts.set_password": lambda w: accounts.set_password(
        w.account, password="correct horse", by=BY
    ),
    "api_logins.start": lambda w: api_logins.start(w.account, address=None, by=BY),
    "api_logins.end": lambda w: api_logins.end(w.api_login, by=BY),
    "api_logins.end_all": lambda w: api_logins.end_all(w.account, by=BY),
    "api_tokens.create": lambda w: api_tokens.create(
        w.machine, name="crm", scopes=["alerts:read"], expires_at=w.soon, by=BY
    ),
    "api_tokens.revoke": lambda w: api_tokens.revoke(w.token, by=BY),
    "grants.replace": lambda w: grants.replace(
        w.account, [("routers.router", w.empty_router.pk)], by=BY
    ),
    "matrix.change": lambda w: matrix.change(
        [matrix.Change(Group.VIEWER, May.CHECK_ROUTERS, True)], by=BY
    ),
    "policies.save": lambda w: policies.save(RolePolicy.objects.get(role="viewer"), by=BY),
    "resets.send_links": lambda w: resets.send_links(
        "noc@example.net", base_url="http://localhost", address=None, by=BY
    ),
    "second_factors.note": lambda w: second_factors.note(
        w.account, action="add", kind="totp", by=BY
    ),
    "second_factors.reset": lambda w: second_factors.reset(w.account, by=BY),
    "sessions.logged_in": lambda w: sessions.logged_in(w.account, second_factor=False, by=BY),
    "sessions.end": lambda w: sessions.end(w.session, by=BY),
    "sessions.end_all": lambda w: sessions.end_all(w.account, by=BY),
    "alerts.acknowledge": lambda w: alerts.acknowledge(w.alert, by=w.account),
    "alerts.acknowledge_many": lambda w: alerts.acknowledge_many([w.alert], by=w.account),
    "alerts.add_note": lambda w: alerts.add_note(w.alert, by=w.account, note="x"),
    "alerts.resolve": lambda w: alerts.resolve(w.alert, by=w.account),
    "rule_edits.save": lambda w: rule_edits.save(
        Rule(name="x", metric=Metric.ROUTER_UNREACHABLE_S, critical=1), by=BY
    ),
    "demo.load": lambda _: demo.load(),
    "demo.make_login": lambda _: demo.make_login(),
    "demo.remove": lambda _: demo.remove(),
    "discovery.discover": lambda w: discovery.discover(w.lab_router(), by=BY),
    "discovery.discover_many": lambda w: discovery.discover_many([w.lab_router()], by=BY),
    "routers.save": lambda w: routers.save(Router(name="y", address="10.0.0.2"), by=BY),
    "routers.delete": lambda w: routers.delete(w.empty_router, by=BY),
    "mappings.add": lambda w: mappings.add(w.reseller, interface=w.interface, by=BY),
    "mappings.end": lambda w: mappings.end(w.mapping, by=BY),
    "mappings.move": lambda w: mappings.move(w.mapping, interface=w.interface, at=NOON, by=BY),
    "renames.confirm_rename": lambda w: renames.confirm_rename(w.gone, w.interface, by=BY),
    "renames.dismiss_rename": lambda w: renames.dismiss_rename(w.gone, w.interface, by=BY),
    "plans.save": lambda w: plans.save(Plan(name="y", down_bps=10**6, up_bps=10**6), by=BY),
    "plans.delete": lambda w: plans.delete(w.plan, by=BY),
    "plans.change": lambda w: plans.change(w.reseller, plan=w.plan, by=BY),
    "resellers.create": lambda w: resellers.create("Chattogram Net", by=BY),
    "resellers.save": lambda w: resellers.save(w.reseller, by=BY),
    "resellers.delete": lambda w: resellers.delete(w.unmapped, by=BY),
}


# what the call above must leave: who, (action, kind of object) of each entry in its order
ENTRIES: dict[str, list[tuple[str, str]]] = {
    "accounts.create": [("create", "accounts.account")],
    "accounts.save": [("change", "accounts.account")],
    "accounts.set_password": [("change password", "accounts.account")],
    "api_logins.start": [("log in", "accounts.apilogin")],
    "api_logins.end": [("log out", "accounts.apilogin")],
    "api_logins.end_all": [("log out", "accounts.account")],
    "api_tokens.create": [("create", "accounts.apitoken")],
    "api_tokens.revoke": [("revoke", "accounts.apitoken")],
    "grants.replace": [("change grants", "accounts.account")],
    "matrix.change": [("change permission", "accounts.rolepermission")],
    "policies.save": [("change", "accounts.rolepolicy")],
    "resets.send_links": [("ask for password reset", "accounts.account")],
    "second_factors.note": [("add second factor", "accounts.account")],
    "second_factors.reset": [("reset second factor", "accounts.account")],
    "sessions.logged_in": [("log in", "accounts.account")],
    "sessions.end": [("end session", "accounts.account")],
    "sessions.end_all": [("end sessions", "accounts.account")],
    "alerts.acknowledge": [("acknowledge alert", "monitoring.alert")],
    "alerts.acknowledge_many": [("acknowledge alert", "monitoring.alert")] * 2,  # head and member
    "alerts.add_note": [("note alert", "monitoring.alert")],
    "alerts.resolve": [("resolve alert", "monitoring.alert")],
    "discovery.discover": [("discover", "routers.router")],
    "discovery.discover_many": [("discover", "routers.router")],
    "rule_edits.save": [("create", "monitoring.rule")],
    "routers.save": [("create", "routers.router")],
    "routers.delete": [("delete", "routers.router")],
    "mappings.add": [("map", "resellers.mapping")],
    "mappings.end": [("end mapping", "resellers.mapping")],
    "mappings.move": [
        ("end mapping", "resellers.mapping"),
        ("move mapping", "resellers.mapping"),
    ],
    "renames.confirm_rename": [("confirm rename", "routers.router")],
    "renames.dismiss_rename": [("dismiss rename", "routers.router")],
    "plans.save": [("create", "resellers.plan")],
    "plans.delete": [("delete", "resellers.plan")],
    "plans.change": [("change plan", "resellers.reseller")],
    "resellers.create": [("create", "resellers.reseller")],
    "resellers.save": [("change", "resellers.reseller")],
    "resellers.delete": [("delete", "resellers.reseller")],
}
FACTS |= provisioned.FACTS
CHANGES |= provisioned.PORTAL_CHANGES | provisioned.CHANGES
ENTRIES |= provisioned.PORTAL_ENTRIES | provisioned.ENTRIES
BY_A_JOB = {"resets.send_links"}  # whoever asks
# a whole ISP: entries of many kinds
DEMO = {"demo.load": "create", "demo.make_login": "create", "demo.remove": "delete"}
OF_A_LOADED_DEMO = {"demo.make_login", "demo.remove"}


def modules() -> Iterator[tuple[str, ModuleType]]:
    """Every module of operations of every app, by the name it has here."""
    for config in apps.get_app_configs():
        name = f"{config.name}.operations"
        if ".venv" in config.path or find_spec(name) is None:
            continue
        package = importlib.import_module(name)
        if not hasattr(package, "__path__"):
            yield config.label, package
            continue
        for info in pkgutil.iter_modules(package.__path__):
            yield info.name, importlib.import_module(f"{name}.{info.name}")


def found() -> dict[str, Callable[..., Any]]:
    return {
        f"{key}.{name}": each
        for key, module in modules()
        if key not in COLLECTING
        for name, each in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_") and each.__module__ == module.__name__
    }


def test_every_public_operation_is_called_here_or_named_as_a_fact() -> None:
    assert found().keys() - FACTS == CHANGES.keys()
    assert CHANGES.keys() == ENTRIES.keys() | DEMO.keys()
    assert found().keys() >= FACTS, "these are no operations any more"


def test_an_operation_that_is_recorded_says_by_whom() -> None:
    for key in CHANGES.keys() - DEMO.keys():
        by = inspect.signature(found()[key]).parameters["by"]
        assert by.kind is inspect.Parameter.KEYWORD_ONLY, key


@pytest.fixture
def world(db: None, noc: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(demo, "HISTORY", timedelta(hours=2))
    monkeypatch.setattr(targets, "SNMP_TIMEOUT_S", 1.0)
    router = Router.objects.create(name="x", address="10.0.0.1")
    interfaces = [
        Interface.objects.create(
            router=router, name=f"v{n}", index=n, first_seen_at=NOON, last_seen_at=NOON
        )
        for n in (1, 2, 3)
    ]
    InterfaceChange.objects.create(
        router=router, at=NOON, kind="renamed", interface=interfaces[2], other=interfaces[0]
    )
    reseller = resellers.create("Dhaka Fibre", by=BY)
    Account.objects.filter(pk=noc.pk).update(email="noc@example.net")
    soon = clock.now() + timedelta(days=1)
    machine = accounts.create("billing", role="viewer", password=None, by=BY)
    token, _ = api_tokens.create(
        machine, name="bss", scopes=["alerts:read"], expires_at=soon, by=BY
    )
    login = api_logins.of(str(api_logins.start(noc, address=None, by=BY)))
    with ExitStack() as running:
        yield World(
            account=noc,
            session=UserSession.objects.create(user=noc, ip="127.0.0.1", session_key="x"),
            api_login=login,
            machine=machine,
            soon=soon,
            token=token,
            alert=Alert.objects.create(
                fingerprint="x",
                subject_kind="routers.router",
                subject_id=router.pk,
                subject="x",
                severity="low",
                summary="x",
            ),
            empty_router=Router.objects.create(name="empty", address="10.0.0.3"),
            gone=interfaces[2],
            interface=interfaces[0],
            lab_router=lambda: _place(running).router,
            mapping=mappings.add(reseller, interface=interfaces[1], by=BY),
            plan=plans.save(Plan(name="x", down_bps=10**6, up_bps=10**6), by=BY),
            reseller=reseller,
            unmapped=resellers.create("Bare Net", by=BY),
            **provisioned.people(reseller.tenant),
        )
    shutil.rmtree(lab_dir(), ignore_errors=True)


def written_since(before: set[int]) -> list[AuditEntry]:
    return list(AuditEntry.objects.exclude(pk__in=before).order_by("pk"))


def entries_now() -> set[int]:
    return set(AuditEntry.objects.values_list("pk", flat=True))


def all_rows() -> dict[str, str]:
    """A digest of every table of the portal, the audit log and all."""
    tables = {m._meta.db_table for m in apps.get_models() if m._meta.app_label != "radius"}
    made: dict[str, str] = {}
    with connection.cursor() as cursor:
        for table in sorted(tables & set(connection.introspection.table_names())):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            rows = sorted(map(repr, cursor.fetchall()))
            made[table] = hashlib.sha256("".join(rows).encode()).hexdigest()
    return made


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_a_change_leaves_its_entry_with_its_author(world: World, name: str) -> None:
    call = _with_the_lab_running(world, name)
    before = entries_now()
    call(world)
    entries = written_since(before)
    assert [(entry.action, entry.object_kind) for entry in entries] == ENTRIES[name]
    for entry in entries:
        assert entry.actor == "noc"
        assert entry.surface == ("job" if name in BY_A_JOB else "command")
        assert entry.object_name
        assert entry.object_id or entry.members


@pytest.mark.parametrize("name", ["demo.load", "demo.remove"])
def test_the_demo_is_recorded_object_by_object(world: World, name: str) -> None:
    if name in OF_A_LOADED_DEMO:
        demo.load()
    before, there = entries_now(), set(Router.objects.filter(is_demo=True))
    CHANGES[name](world)
    about = {e.object_id for e in written_since(before) if e.action == DEMO[name]}
    demos = there or set(Router.objects.filter(is_demo=True))
    assert {str(router.pk) for router in demos} <= about
    assert {entry.actor for entry in written_since(before)} == {"demo"}


def test_the_login_of_a_demo_reseller_is_recorded(world: World) -> None:
    demo.load()
    before = entries_now()
    demo.make_login()
    found = [(e.actor, e.action, e.object_name) for e in written_since(before)]
    assert found == [("demo", "create", "meghna")]


@pytest.mark.parametrize("name", sorted(CHANGES.keys() - provisioned.CHANGES.keys()))
def test_what_dies_before_the_end_leaves_neither_change_nor_entry(world: World, name: str) -> None:
    """The process dies after the operation has done its work, before its commit."""
    if name in OF_A_LOADED_DEMO:
        demo.load()
    call = _with_the_lab_running(world, name)
    before = all_rows()
    with transaction.atomic():
        call(world)
        assert all_rows()["audit_log"] != before["audit_log"]
        transaction.set_rollback(True)
    assert all_rows() == before


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_without_its_entry_a_change_does_not_happen(world: World, name: str) -> None:
    """The database refuses the entry: the change goes with it, or it was in another transaction."""
    if name in OF_A_LOADED_DEMO:
        demo.load()
    call = _with_the_lab_running(world, name)
    before = all_rows()
    _refuse_entries()
    goes_on = name == "discovery.discover_many"  # one router's trouble is no other's
    with nullcontext() if goes_on else pytest.raises(DatabaseError, match="no entry today"):
        call(world)
    assert all_rows() == before


def _with_the_lab_running(world: World, name: str) -> Callable[[World], object]:
    """The row of the lab's router is there before we look."""
    if name.startswith("discovery."):
        router = world.lab_router()
        world.lab_router = lambda: router
    return CHANGES[name]


def _refuse_entries() -> None:
    """Until the end of the test's own transaction."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "CREATE TRIGGER no_entry BEFORE INSERT ON audit_log "
                "BEGIN SELECT RAISE(ABORT, 'no entry today'); END"
            )
            return
        cursor.execute(
            "CREATE FUNCTION no_entry() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'no entry today'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER no_entry BEFORE INSERT ON audit_log "
            "FOR EACH ROW EXECUTE FUNCTION no_entry()"
        )
