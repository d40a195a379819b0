"""Every row that is somebody's is seen by its tenant and by staff, and by nobody else."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.db import models

from ispcore.accounts import scope
from ispcore.accounts.models import Account, Grant
from monitoring.models import Alert, AlertEvent
from resellers.models import Mapping, PlanChange, Reseller, Usage, UsageDaily, UsageHourly
from routers.models import (
    Interface,
    InterfaceChange,
    InterfaceUsage,
    Poll,
    Router,
    RouterCheck,
    RouterCounters,
)
from subscribers.models import AccountNumbers, Package, StatusChange, Subscriber

if TYPE_CHECKING:
    from ispcore.accounts.models import Tenant

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
OURS = {
    *("base", "accounts", "live", "monitoring", "radius", "routers", "resellers", "subscribers"),
    "dashboards",
}
# whole tables that no tenant's person ever sees
STAFF_ONLY = {
    "accounts.apilogin",
    "accounts.apitoken",
    "accounts.liveticket",
    "accounts.knownnetwork",
    "accounts.loginbrake",
    "accounts.rolepolicy",
    "accounts.sharedcache",
    "base.auditentry",
    "base.heartbeat",
    "base.joblease",
    "base.journalentry",
    "base.sentpage",
    "base.stalehour",
    "live.liveevent",
    "accounts.rolepermission",
    "monitoring.rule",
    "monitoring.rulestate",
    # FreeRADIUS' own: tenants' people see them through their subscribers
    "radius.accounting",
    "radius.check",
    "radius.groupcheck",
    "radius.groupreply",
    "radius.marker",
    "radius.nas",
    "radius.nasreload",
    "radius.postauth",
    "radius.reply",
    "radius.usergroup",
    "resellers.plan",
    "routers.collector",
    "routers.radiusclient",
    "routers.uplink",
}
MODELS = [model for model in apps.get_models() if model._meta.app_label in OURS]
OWNED = [model for model in MODELS if hasattr(model, "tenant_path")]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_every_table_has_an_owner_or_is_for_staff_only(model: type[models.Model]) -> None:
    assert hasattr(model, "tenant_path") != (model._meta.label_lower in STAFF_ONLY)


@dataclass
class Isp:
    """One row of every owned table for each of two tenants."""

    dhaka: Account
    ctg: Account


def fill(account: Account, number: int) -> None:
    tenant = account.tenant
    assert tenant is not None
    router = Router.objects.create(name=f"r{number}", address=f"10.0.0.{number}", tenant=tenant)
    interface = Interface.objects.create(
        router=router, name="v", index=1, first_seen_at=NOON, last_seen_at=NOON
    )
    sample: dict[str, Any] = {"bucket": NOON, "covered_s": 300, "source": "snmp"}
    rollup = dict.fromkeys(
        ("in_octets", "out_octets", "covered_s", "samples", "in_bps_max", "out_bps_max"), 1
    )
    RouterCounters.objects.create(router=router)
    InterfaceUsage.objects.create(interface=interface, **sample)
    RouterCheck.objects.create(router=router, method="ping", since=NOON, checked_at=NOON)
    Poll.objects.create(router=router, at=NOON, source="snmp", result="ok")
    InterfaceChange.objects.create(router=router, at=NOON, kind="new", interface=interface)
    reseller = Reseller.objects.create(tenant=tenant)
    PlanChange.objects.create(reseller=reseller, plan_name="", by="x")
    mapping = Mapping.objects.create(reseller=reseller, router=router, interface=interface)
    Usage.objects.create(mapping=mapping, **sample)
    UsageHourly.objects.create(mapping=mapping, hour=NOON, **rollup)
    UsageDaily.objects.create(mapping=mapping, day=date(2026, 3, 2), **rollup)
    alert = Alert.objects.create(
        fingerprint=str(number),
        subject_kind="resellers.reseller",
        subject_id=reseller.pk,
        subject="x",
        tenant=tenant,
        severity="low",
        summary="x",
    )
    package = Package.objects.create(tenant=tenant, name="x", down_bps=10**6, up_bps=10**6)
    subscriber = Subscriber.objects.create(
        tenant=tenant,
        package=package,
        username=f"x{number}",
        username_key=f"x{number}",
        radius_password="let-me-in",
        account_number=f"X{number}-000001",
    )
    StatusChange.objects.create(subscriber=subscriber, new="active", by="x")
    AccountNumbers.objects.create(tenant=tenant, prefix=f"X{number}", last=1)
    Grant.objects.create(account=account, kind="routers.router", object_id=1, name="x")
    AlertEvent.objects.create(alert=alert, kind="opened", severity="low")


@pytest.fixture
def isp(reseller_dhaka: Account, reseller_ctg: Account) -> Isp:
    fill(reseller_dhaka, 1)
    fill(reseller_ctg, 2)
    return Isp(reseller_dhaka, reseller_ctg)


@pytest.mark.parametrize("model", OWNED, ids=lambda model: model._meta.label_lower)
def test_a_tenant_sees_its_own_rows_and_no_others(
    isp: Isp, viewer: Account, model: type[models.Model]
) -> None:
    rows = model._default_manager.all()
    seen = {who.username: set(scope.visible(rows, who)) for who in (isp.dhaka, isp.ctg, viewer)}
    assert len(seen["reseller_dhaka"]) == len(seen["reseller_ctg"]) == 1
    assert not seen["reseller_dhaka"] & seen["reseller_ctg"]
    assert seen["viewer"] >= seen["reseller_dhaka"] | seen["reseller_ctg"]


def test_rows_without_a_tenant_are_for_staff(isp: Isp, viewer: Account) -> None:
    shared = Router.objects.create(name="shared", address="10.0.0.9")
    assert shared not in scope.visible(Router.objects.all(), isp.dhaka)
    assert shared in scope.visible(Router.objects.all(), viewer)


def test_tables_without_an_owner_show_a_tenant_nothing(isp: Isp) -> None:
    from monitoring.models import Rule

    assert Rule.objects.exists()
    assert not scope.visible(Rule.objects.all(), isp.dhaka).exists()


def test_who_is_not_logged_in_or_not_active_sees_nothing(isp: Isp, viewer: Account) -> None:
    assert not scope.visible(Router.objects.all(), AnonymousUser()).exists()
    assert not scope.visible(Router.objects.all(), None).exists()
    viewer.is_active = isp.dhaka.is_active = False
    assert not scope.visible(Router.objects.all(), viewer).exists()
    assert not scope.visible(Router.objects.all(), isp.dhaka).exists()


def test_a_tenants_operator_is_no_staff(isp: Isp, tenant_dhaka: "Tenant") -> None:
    operator = Account.objects.create_user("op", role="operator", tenant=tenant_dhaka)
    assert {r.name for r in scope.visible(Router.objects.all(), operator)} == {"r1"}
