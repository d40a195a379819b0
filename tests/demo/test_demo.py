"""The demo comes whole, is marked as such, and leaves nothing behind."""

import json
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.utils.module_loading import import_string

from ispcore.accounts.models import Account, Tenant
from ispcore.base.audit import Actor
from ispcore.demo import lab_dir, operations, processes
from ispcore.demo.history import RESTARTED_ROUTER
from ispcore.environment import var_dir
from lab.scenarios import TroubleNames, day_of_trouble
from lab.spec import network_from_dict
from monitoring.models import Alert, Rule
from radius.models import Accounting, Check, PostAuth
from resellers.models import Mapping, Plan, Reseller, Usage, UsageDaily
from resellers.operations import mappings, plans, resellers
from resellers.usage_queries import five_minutes
from routers.models import Interface, InterfaceUsage, Router
from routers.operations import routers, status
from subscribers.models import Subscriber
from subscribers.operations import reconciling
from tests.conftest import NOON

BY = Actor("noc")
# the record of what was done stays; what pages were told is forgotten by itself after minutes
KEPT = {"base.auditentry", "base.journalentry", "live.liveevent"}


def rows() -> dict[str, int]:
    """How many rows each table of the portal has."""
    return {
        model._meta.label_lower: model._default_manager.count()
        for model in apps.get_models()
        if model._meta.app_label != "radius" and model._meta.label_lower not in KEPT
    }


def demo(*arguments: str) -> str:
    out = StringIO()
    call_command("demo", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def _short_history(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three days instead of thirty: the same, sooner."""
    monkeypatch.setattr(operations, "HISTORY", timedelta(days=3))
    yield
    if lab_dir().exists():
        shutil.rmtree(lab_dir())


@pytest.fixture
def loaded(db: None, frozen_clock: Any) -> str:
    return demo("--load")


def test_a_small_isp_comes_whole_and_is_marked(loaded: str) -> None:
    assert loaded.startswith("demo loaded: ")
    assert (Reseller.objects.count(), Router.objects.count(), Mapping.objects.count()) == (5, 3, 12)
    assert Plan.objects.count() == 5
    for model in (Tenant, Router, Plan):
        assert not model.objects.filter(is_demo=False).exists()
    owner = Account.objects.get()
    assert (owner.username, owner.role, str(owner.tenant)) == ("meghna", "client", "Meghna Online")
    said = re.search(r"user name  meghna\n    password   (\S{20})\n", loaded)
    assert said is not None
    assert owner.check_password(said[1])


def test_a_demo_of_before_gets_its_login_and_says_so_once(loaded: str) -> None:
    Account.objects.all().delete()
    assert "user name  meghna" in demo("--load")
    assert demo("--load") == ""
    assert all(reseller.plan for reseller in Reseller.objects.all())


def test_its_history_has_a_daily_curve_and_a_gap_with_a_reason(loaded: str) -> None:
    reseller = Reseller.objects.get(tenant__name="Meghna Online")
    points = five_minutes(reseller, NOON - timedelta(days=2), NOON)
    known = [p.down_bps for p in points if p.down_bps is not None]
    assert max(known) > 2 * min(known) > 0
    lost = [p for p in points if p.down_bps is None]
    assert len(lost) == 15
    assert all("the router restarted" in p.quality.reasons for p in lost)
    rows_of = Usage.objects.filter(mapping__router__name=RESTARTED_ROUTER)
    assert rows_of.filter(in_bps=None).count() == 5 * 15
    assert set(Usage.objects.values_list("source", flat=True)) == {"demo"}
    assert UsageDaily.objects.exists()
    assert InterfaceUsage.objects.exists()


def test_no_sample_is_of_the_future(loaded: str) -> None:
    assert Usage.objects.latest("bucket").bucket == NOON - timedelta(minutes=5)


def test_its_files_are_for_our_eyes_only_and_make_a_network(loaded: str) -> None:
    network = lab_dir() / "network.json"
    assert network.stat().st_mode & 0o777 == 0o600
    assert lab_dir().stat().st_mode & 0o777 == 0o700
    specs = {spec.name: spec for spec in network_from_dict(json.loads(network.read_text()))}
    for router in Router.objects.all():
        spec = specs[router.name]
        assert (spec.address, spec.api_port, spec.snmp_port) == (
            router.address,
            router.api_port,
            router.snmp_port,
        )
        assert (spec.password, spec.community) == (router.api_password, router.snmp_community)
        names = {vlan.name for vlan in spec.vlans}
        assert names == set(Interface.objects.filter(router=router).values_list("name", flat=True))
    sufferers = TroubleNames.from_dict(json.loads((lab_dir() / "trouble.json").read_text()))
    within_two_minutes = [step for step in day_of_trouble(sufferers).steps if step.at_s <= 120]
    assert {step.verb for step in within_two_minutes} >= {"level", "dead"}


def test_its_processes_name_the_files_it_wrote(loaded: str) -> None:
    assert [name for name, _ in processes()] == ["lab", "trouble"]
    paths = [Path(word) for _, line in processes() for word in line if word.endswith(".json")]
    assert len(paths) == 2
    assert all(path.is_file() for path in paths)


def test_its_subscribers_stand_in_both_databases(loaded: str) -> None:
    """One has rows that were changed by hand, and FreeRADIUS a name that the portal does not know."""
    found = reconciling.plan(reconciling.Extent())
    assert found.usernames == {"sumaiya": "differs"}
    assert found.foreign == ["test-technician"]
    assert {row.status for row in Subscriber.objects.all()} == set(Subscriber.Status.values)
    assert Accounting.objects.filter(stopped_at=None).exists()
    assert PostAuth.objects.filter(reason="wrong password").exists()
    for session in Accounting.objects.filter(stopped_at=None):
        logins = PostAuth.objects.filter(username=session.username, reply="Access-Accept")
        assert session.started_at in logins.values_list("answered_at", flat=True)


def test_sessions_that_are_online_go_on(loaded: str, frozen_clock: Any) -> None:
    frozen_clock(NOON + timedelta(hours=8))
    job = import_string("ispcore.demo.tasks.report")
    assert job() == "15 sessions reported on"
    heard = Accounting.objects.filter(stopped_at=None, updated_at=NOON + timedelta(hours=8))
    assert heard.count() == 15
    assert Accounting.objects.filter(stopped_at=None).count() == 16  # one line has gone silent


def test_loading_twice_changes_nothing(loaded: str) -> None:
    before, network = rows(), (lab_dir() / "network.json").read_text()
    assert demo("--load") == ""
    assert rows() == before
    assert (lab_dir() / "network.json").read_text() == network


def test_removing_leaves_nothing_behind(db: None, frozen_clock: Any) -> None:
    """Also not the rows that collection, watch and rules made of it, nor a changed rule."""
    own = resellers.create("Own Reseller", by=BY)
    rule_before = Rule.objects.filter(name=operations.RULE).values("for_s", "clear_for_s").get()
    before = rows()
    demo("--load")
    router = Router.objects.latest("pk")
    status.record([status.Checked(router, "ping", ok=False, error="x")])
    frozen_clock(NOON + timedelta(minutes=5))
    status.evaluate([router])
    assert Alert.objects.filter(subject_id=router.pk).exists()
    mappings.add(own, interface=_another_interface(router), by=BY)
    (var_dir() / "demo.env").write_text("ISPCORE_DEMO=1\n")
    said = demo("--remove")
    counts = "24 subscribers, 1 alerts, 13 mappings, 5 resellers, 5 plans, 3 routers"
    assert said == f"demo removed: {counts}\n"
    assert not Check.objects.exists()
    assert rows() == before
    rule = Rule.objects.filter(name=operations.RULE).values("for_s", "clear_for_s").get()
    assert rule == rule_before
    assert not lab_dir().exists()
    assert not (var_dir() / "demo.env").exists()
    assert "0 alerts, 0 mappings, 0 resellers" in demo("--remove")


def _another_interface(router: Router) -> Interface:
    return Interface.objects.create(
        router=router, name="own", index=99, first_seen_at=NOON, last_seen_at=NOON
    )


def test_removing_keeps_what_is_not_the_demos(loaded: str) -> None:
    plan = Plan.objects.first()
    own = resellers.create("Own Reseller", plan=plan, by=BY)
    own_router = routers.save(Router(name="own-edge", address="10.0.0.1"), by=BY)
    demo("--remove")
    assert [r.pk for r in Reseller.objects.all()] == [own.pk]
    assert [r.pk for r in Router.objects.all()] == [own_router.pk]
    assert [p.pk for p in Plan.objects.all()] == [plan.pk if plan else None]


def test_a_patient_rule_that_somebody_changed_stays_changed(loaded: str) -> None:
    Rule.objects.filter(name=operations.RULE).update(for_s=42, clear_for_s=7)
    demo("--remove")
    assert Rule.objects.get(name=operations.RULE).for_s == 42


def test_removing_stops_where_somebody_hangs_on_it(loaded: str) -> None:
    tenant = Tenant.objects.get(name="Meghna Online")
    Account.objects.create_user("rahim", role="client", tenant=tenant)
    before = rows()
    with pytest.raises(CommandError, match="still tied to the demo: rahim"):
        demo("--remove")
    assert rows() == before
    assert lab_dir().exists()


def test_a_demo_that_does_not_fit_changes_nothing(db: None, frozen_clock: Any) -> None:
    routers.save(Router(name="utt-edge-01", address="10.0.0.1"), by=BY)
    plans.save(Plan(name="Dedicated 500", down_bps=10**9, up_bps=10**9), by=BY)
    before = rows()
    with pytest.raises(CommandError, match="the demo does not fit into this portal"):
        demo("--load")
    assert rows() == before
    assert not lab_dir().exists()
