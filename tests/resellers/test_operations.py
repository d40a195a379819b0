"""Resellers, their plans and their mappings, and the record of each change."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from ispcore.accounts.models import Account, Tenant
from ispcore.base.models import AuditEntry
from monitoring.models import Alert
from resellers.models import Mapping, Plan, PlanChange, Reseller
from resellers.operations import mappings, plans, resellers
from resellers.operations.mappings import MappingEnded
from resellers.operations.plans import PlanInUse
from resellers.operations.resellers import ResellerInUse
from routers.models import Router
from tests.resellers.conftest import BY, NOON, Clock, M, an_interface, mapped


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


# ---- plans


@pytest.mark.parametrize("bps", [-1, 0, 999, 100_000_000_000_001])
def test_an_impossible_plan_is_refused(db: None, bps: int) -> None:
    plan = Plan(name="Odd", down_bps=bps, up_bps=M)
    with pytest.raises(ValidationError) as refused:
        plans.save(plan, by=BY)
    assert "down_bps" in refused.value.message_dict
    with pytest.raises(IntegrityError), transaction.atomic():
        plan.save()
    assert actions() == []


def test_a_plan_of_a_taken_name_is_refused(plan: Plan) -> None:
    with pytest.raises(ValidationError, match="already exists"):
        plans.save(Plan(name=plan.name, down_bps=M, up_bps=M), by=BY)


def test_a_changed_bandwidth_enters_the_history_of_all_who_are_on_it(
    dhaka: Reseller, plan: Plan, noon: Clock
) -> None:
    noon(NOON + timedelta(days=1))
    plan.down_bps = 300 * M
    plans.save(plan, by=BY)
    latest, first = PlanChange.objects.all()
    assert (latest.down_bps, latest.from_at, latest.by) == (
        300 * M,
        NOON + timedelta(days=1),
        "noc",
    )
    assert (first.down_bps, first.plan_name) == (200 * M, "Dedicated 200")
    assert str(latest).replace("\u00a0", " ") == "Dedicated 200 (300 Mbps)"


def test_another_name_of_a_plan_leaves_history_as_it_was(dhaka: Reseller, plan: Plan) -> None:
    plan.name = "Business 200"
    plans.save(plan, by=BY)
    assert [change.plan_name for change in PlanChange.objects.all()] == ["Dedicated 200"]
    entry = AuditEntry.objects.latest("pk")
    assert (entry.old, entry.new) == ({"name": "Dedicated 200"}, {"name": "Business 200"})


def test_a_plan_that_somebody_is_on_is_not_removed(dhaka: Reseller, plan: Plan) -> None:
    with pytest.raises(PlanInUse, match="Dedicated 200 is the plan of Dhaka Fibre"):
        plans.delete(plan, by=BY)
    assert Plan.objects.exists()
    assert "delete" not in actions()
    plans.change(dhaka, plan=None, by=BY)
    plans.delete(plan, by=BY)
    assert not Plan.objects.exists()
    assert actions()[-1] == "delete"


def test_a_change_of_plan_is_history_and_audit_with_its_reason(dhaka: Reseller, plan: Plan) -> None:
    bigger = plans.save(Plan(name="Dedicated 500", down_bps=500 * M, up_bps=500 * M), by=BY)
    plans.change(dhaka, plan=bigger, by=BY, reason="asked by phone")
    dhaka.refresh_from_db()
    assert dhaka.plan == bigger
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.reason) == ("change plan", "asked by phone")
    assert (entry.old, entry.new) == ({"plan": "Dedicated 200"}, {"plan": "Dedicated 500"})
    assert entry.tenant_id == dhaka.tenant_id
    before = PlanChange.objects.count()
    plans.change(dhaka, plan=bigger, by=BY)
    assert PlanChange.objects.count() == before


def test_going_without_a_plan_is_history_too(dhaka: Reseller) -> None:
    plans.change(dhaka, plan=None, by=BY)
    latest = PlanChange.objects.first()
    assert latest is not None
    assert (latest.plan_name, latest.down_bps, str(latest)) == ("", None, "no plan (unknown)")


# ---- resellers


def test_a_reseller_is_a_tenant_with_a_plan(dhaka: Reseller, plan: Plan) -> None:
    assert Tenant.objects.get().name == dhaka.name == str(dhaka) == "Dhaka Fibre"
    assert dhaka.plan == plan
    assert (dhaka.warning_percent, dhaka.critical_percent) == (80, 100)
    assert actions() == ["create", "create", "change plan"]
    assert AuditEntry.objects.filter(tenant_id=dhaka.tenant_id).count() == 2


@pytest.mark.parametrize(
    ("name", "fields", "field"),
    [
        ("", {}, "name"),
        ("X", {"phone": "01712345678"}, "phone"),
        ("X", {"phone": "+8801712345678901"}, "phone"),
        ("X", {"email": "nobody"}, "email"),
        ("X", {"warning_percent": 0}, "warning_percent"),
        ("X", {"warning_percent": 90, "critical_percent": 80}, "__all__"),
        ("X", {"status": "unknown"}, "status"),
    ],
)
def test_an_impossible_reseller_is_refused_by_field_and_leaves_no_tenant(
    db: None, name: str, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        resellers.create(name, by=BY, **fields)
    assert field in refused.value.message_dict
    assert not Tenant.objects.exists()
    assert actions() == []


def test_two_resellers_of_one_name_are_refused(dhaka: Reseller) -> None:
    with pytest.raises(ValidationError, match="already exists"):
        resellers.create("Dhaka Fibre", by=BY)


def test_changes_of_a_reseller_are_audited_and_leave_its_plan(dhaka: Reseller, plan: Plan) -> None:
    old_form = Reseller.objects.get()
    plans.change(dhaka, plan=None, by=BY)
    old_form.contact = "Rahim"
    resellers.save(old_form, name="Dhaka Fibre Ltd", by=BY)
    stored = Reseller.objects.get()
    assert (stored.name, stored.contact, stored.plan) == ("Dhaka Fibre Ltd", "Rahim", None)
    entry = AuditEntry.objects.latest("pk")
    assert entry.old == {"contact": "", "name": "Dhaka Fibre"}
    assert entry.new == {"contact": "Rahim", "name": "Dhaka Fibre Ltd"}


def test_a_reseller_is_not_renamed_to_another(dhaka: Reseller) -> None:
    other = resellers.create("Chattogram Net", by=BY)
    with pytest.raises(ValidationError):
        resellers.save(other, name="Dhaka Fibre", by=BY)
    assert set(Tenant.objects.values_list("name", flat=True)) == {"Dhaka Fibre", "Chattogram Net"}


def test_a_reseller_that_never_had_a_mapping_is_removed_with_its_tenant(dhaka: Reseller) -> None:
    resellers.delete(dhaka, by=BY)
    assert not Reseller.objects.exists()
    assert not Tenant.objects.exists()
    assert not PlanChange.objects.exists()
    assert actions()[-1] == "delete"


def test_a_reseller_with_usage_is_not_removed(dhaka: Reseller, router: Router) -> None:
    mappings.end(mapped(dhaka, router, "vlan-1"), by=BY)
    with pytest.raises(ResellerInUse, match="set its status to ended instead"):
        resellers.delete(dhaka, by=BY)
    with pytest.raises(ProtectedError):
        dhaka.tenant.delete()
    with pytest.raises(ProtectedError):
        dhaka.delete()
    assert Mapping.objects.exists()


def test_a_reseller_whose_people_can_log_in_is_not_removed(dhaka: Reseller) -> None:
    Account.objects.create_user("rahim", role="client", tenant=dhaka.tenant)
    with pytest.raises(ResellerInUse, match="Dhaka Fibre still has: rahim"):
        resellers.delete(dhaka, by=BY)
    assert Reseller.objects.exists()
    assert "delete" not in actions()


def test_a_removed_reseller_leaves_its_alerts_resolved(dhaka: Reseller) -> None:
    Alert.objects.create(
        fingerprint="x",
        subject_kind="resellers.reseller",
        subject_id=dhaka.pk,
        subject="Dhaka Fibre",
        tenant=dhaka.tenant,
        severity="medium",
        summary="x",
    )
    resellers.delete(dhaka, by=BY)
    alert = Alert.objects.get()
    assert (alert.state, alert.tenant_id) == ("resolved", None)


# ---- mappings


def test_a_mapping_takes_the_vlan_of_its_interface(dhaka: Reseller, router: Router) -> None:
    mapping = mappings.add(dhaka, interface=an_interface(router, "v", 312), by=BY)
    assert (mapping.vlan_id, mapping.router, mapping.is_live) == (312, router, True)
    assert str(mapping) == "utt-edge-01 v"
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.tenant_id, entry.new["vlan_id"]) == ("map", dhaka.tenant_id, 312)


@pytest.mark.parametrize("vlan_id", [0, 4_095, 70_000])
def test_an_impossible_vlan_is_refused(dhaka: Reseller, router: Router, vlan_id: int) -> None:
    with pytest.raises(ValidationError) as refused:
        mappings.add(dhaka, interface=an_interface(router, "v"), vlan_id=vlan_id, by=BY)
    assert "vlan_id" in refused.value.message_dict
    assert not Mapping.objects.exists()


def test_an_interface_is_mapped_once_and_the_refusal_says_to_whom(
    dhaka: Reseller, router: Router
) -> None:
    mapping = mapped(dhaka, router, "vlan-312")
    other = resellers.create("Chattogram Net", by=BY)
    with pytest.raises(ValidationError) as refused:
        mappings.add(other, interface=mapping.interface, by=BY)
    assert refused.value.message_dict == {
        "interface": [
            "vlan-312 is already mapped on utt-edge-01 to Dhaka Fibre. Nothing was changed."
        ]
    }


def test_a_router_of_one_tenant_carries_no_other_tenant(dhaka: Reseller, router: Router) -> None:
    router.tenant = Tenant.objects.create(name="Chattogram Net")
    router.save()
    with pytest.raises(ValidationError) as refused:
        mapped(dhaka, router, "vlan-312")
    assert refused.value.message_dict == {
        "interface": [
            "utt-edge-01 belongs to Chattogram Net, not to Dhaka Fibre. Nothing was changed."
        ]
    }
    router.tenant = dhaka.tenant
    router.save()
    mapped(dhaka, router, "vlan-313")


def test_a_vlan_is_mapped_once_per_router(dhaka: Reseller, router: Router) -> None:
    mapped(dhaka, router, "a", vlan_id=312)
    with pytest.raises(ValidationError) as refused:
        mapped(dhaka, router, "b", vlan_id=312)
    assert "VLAN 312 is already mapped on utt-edge-01" in str(refused.value.message_dict["vlan_id"])
    another = Router.objects.create(name="mir-edge-01", address="10.88.5.1")
    mapped(dhaka, another, "c", vlan_id=312)


def test_the_database_refuses_what_slipped_past_the_form(dhaka: Reseller, router: Router) -> None:
    mapped(dhaka, router, "a", vlan_id=312)
    taken = Mapping.objects.values().get() | {"id": None}
    for clash in ({"vlan_id": 9}, {"interface_id": an_interface(router, "b").pk}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Mapping.objects.create(**taken | clash)
    with pytest.raises(IntegrityError), transaction.atomic():
        Mapping.objects.create(
            **taken | {"interface_id": an_interface(router, "c").pk, "vlan_id": 4_095}
        )


def test_an_ended_mapping_frees_interface_and_vlan_and_keeps_its_usage(
    dhaka: Reseller, router: Router, noon: Clock
) -> None:
    mapping = mapped(dhaka, router, "a", vlan_id=312)
    noon(NOON + timedelta(hours=1))
    mappings.end(mapping, by=BY, reason="moved")
    stored = Mapping.objects.get()
    assert (stored.ended_at, stored.is_live) == (NOON + timedelta(hours=1), False)
    assert AuditEntry.objects.latest("pk").reason == "moved"
    with pytest.raises(MappingEnded):
        mappings.end(mapping, by=BY)
    mappings.add(dhaka, interface=mapping.interface, vlan_id=312, by=BY)
    assert Mapping.objects.count() == 2


def test_of_two_who_map_an_interface_at_once_one_is_refused_in_words(
    transactional_db: None,
) -> None:
    router = Router.objects.create(name="utt-edge-01", address="10.88.4.1")
    interface = an_interface(router, "vlan-312")
    both = [resellers.create(name, by=BY) for name in ("Dhaka Fibre", "Chattogram Net")]
    start = threading.Barrier(2)
    refusals: list[Any] = []

    def add(reseller: Reseller) -> None:
        start.wait()
        try:
            mappings.add(reseller, interface=interface, by=BY)
        except ValidationError as error:
            refusals.append(error.message_dict)
        finally:
            connection.close()

    threads = [threading.Thread(target=add, args=(reseller,)) for reseller in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Mapping.objects.count() == 1
    assert len(refusals) == 1
    assert "vlan-312 is already mapped" in str(refusals)
