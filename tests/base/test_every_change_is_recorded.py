"""Every operation that changes what people decide leaves an entry in the audit log."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest

from ispcore.accounts import operations as account_modules
from ispcore.accounts.models import Account
from ispcore.accounts.operations import accounts
from ispcore.base.audit import Actor
from ispcore.base.models import AuditEntry
from monitoring import operations as monitoring_modules
from monitoring.models import Alert, Metric, Rule
from monitoring.operations import alerts, rule_edits
from resellers import operations as reseller_modules
from resellers.models import Plan
from resellers.operations import mappings, plans, resellers
from routers import operations as router_modules
from routers.models import Interface, InterfaceChange, Router
from routers.operations import renames, routers
from tests.conftest import NOON

BY = Actor("noc")
PACKAGES = (account_modules, monitoring_modules, router_modules, reseller_modules)
# what nobody decides: readings, what follows from them, and functions that write nothing
FACTS = {
    "accounts.generate_password",
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
}
# the way of a reading into the tables: nobody decides anything on it
COLLECTING = {
    *("advance", "collection", "collector", "collector_report", "counting", "plan"),
    *("poll_records", "polling_rounds", "reading", "spool"),
    *("states", "storing"),
}
ELSEWHERE = {"discovery.discover", "discovery.discover_many"}  # tests/routers: needs a router
World = SimpleNamespace
CHANGES: dict[str, Callable[[World], object]] = {
    "accounts.create": lambda w: accounts.create(
        "rahim", role="viewer", password="correct horse", by=BY
    ),
    "accounts.save": lambda w: accounts.save(w.account, by=BY),
    "accounts.set_password": lambda w: accounts.set_password(
        w.account, password="correct horse", by=BY
    ),
    "alerts.acknowledge": lambda w: alerts.acknowledge(w.alert, by=w.account),
    "alerts.acknowledge_many": lambda w: alerts.acknowledge_many([w.alert], by=w.account),
    "alerts.add_note": lambda w: alerts.add_note(w.alert, by=w.account, note="x"),
    "alerts.resolve": lambda w: alerts.resolve(w.alert, by=w.account),
    "rule_edits.save": lambda w: rule_edits.save(
        Rule(name="x", metric=Metric.ROUTER_UNREACHABLE_S, critical=1), by=BY
    ),
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


def modules() -> list[ModuleType]:
    return [
        importlib.import_module(f"{package.__name__}.{info.name}")
        for package in PACKAGES
        for info in pkgutil.iter_modules(package.__path__)
    ]


def test_every_public_operation_is_known_here() -> None:
    found = {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in modules()
        if module.__name__.rpartition(".")[2] not in COLLECTING
        for name, each in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_") and each.__module__ == module.__name__
    }
    assert found - FACTS == ELSEWHERE | CHANGES.keys()


def test_an_operation_that_is_recorded_says_by_whom() -> None:
    for module in modules():
        for name, each in inspect.getmembers(module, inspect.isfunction):
            key = f"{module.__name__.rpartition('.')[2]}.{name}"
            if key in ELSEWHERE | CHANGES.keys():
                by = inspect.signature(each).parameters["by"]
                assert by.kind is inspect.Parameter.KEYWORD_ONLY, key


@pytest.fixture
def world(db: None, noc: Account) -> World:
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
    return World(
        account=noc,
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
        mapping=mappings.add(reseller, interface=interfaces[1], by=BY),
        plan=plans.save(Plan(name="x", down_bps=10**6, up_bps=10**6), by=BY),
        reseller=reseller,
        unmapped=resellers.create("Bare Net", by=BY),
    )


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_change_leaves_one_entry_with_its_author(world: World, name: str) -> None:
    before = set(AuditEntry.objects.values_list("pk", flat=True))
    CHANGES[name](world)
    entry = AuditEntry.objects.exclude(pk__in=before).get()
    assert entry.actor == "noc"
    assert entry.object_name
