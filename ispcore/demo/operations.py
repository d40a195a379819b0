"""Load the demo's data, and remove every trace of it."""

import json
import secrets
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError, Q, QuerySet

from ispcore.accounts.models import Account, Tenant
from ispcore.accounts.operations import accounts
from ispcore.accounts.roles import Role
from ispcore.base import audit, clock
from ispcore.base.audit import Actor
from ispcore.demo import history, lab_dir, network
from ispcore.environment import var_dir
from monitoring.models import Alert, Rule, RuleState
from resellers.models import Mapping, Plan, PlanChange, Reseller
from resellers.operations import mappings, plans, resellers
from routers.models import Interface, Router
from routers.operations import routers

BY = Actor("demo")
HISTORY = timedelta(days=30)
RULE = "Reseller over its plan"
PATIENT = {"for_s": 600, "clear_for_s": 300}  # as monitoring's first migration sets it
AT_ONCE = {"for_s": 0, "clear_for_s": 0}  # a demo's visitor does not wait ten minutes


class DemoInUse(Exception):
    """Something that is not the demo's hangs on it; nothing was changed."""


def is_loaded() -> bool:
    return Tenant.objects.filter(is_demo=True).exists()


def load() -> int:
    """Write the demo's ISP with 30 days of usage; returns the number of samples."""
    keys = {r.name: (secrets.token_urlsafe(12), secrets.token_urlsafe(12)) for r in network.ROUTERS}
    since = clock.now() - HISTORY
    with transaction.atomic():
        by_plan = {name: _plan(name) for name in network.PLANS}
        by_name = {each.name: _reseller(each, by_plan) for each in network.RESELLERS}
        by_router = {each.name: _router(each, *keys[each.name]) for each in network.ROUTERS}
        made = [
            _mapping(vlan, by_name[vlan.reseller], by_router[vlan.router]) for vlan in network.VLANS
        ]
        Mapping.objects.filter(pk__in=[m.pk for m in made]).update(started_at=since)
        Reseller.objects.filter(pk__in=[r.pk for r in by_name.values()]).update(created_at=since)
        PlanChange.objects.filter(reseller__in=by_name.values()).update(from_at=since)
        Rule.objects.filter(name=RULE).update(**AT_ONCE)
        samples = history.write(list(zip(made, network.VLANS, strict=True)), since)
    write_network(keys)
    return samples


def make_login() -> str | None:
    """The account of a reseller's owner; returns its new password, None where it is there.

    Raises ValidationError where somebody has that name already.
    """
    tenant = Tenant.objects.filter(is_demo=True, name=network.LOGIN_OF).first()
    if tenant is None or Account.objects.filter(username=network.LOGIN, tenant=tenant).exists():
        return None
    password = accounts.generate_password()
    accounts.create(network.LOGIN, role=Role.CLIENT, tenant=tenant, password=password, by=BY)
    return password


def remove() -> dict[str, int]:
    """Delete all that the demo made, and what was collected of it; counts by what it was.

    Raises DemoInUse where somebody tied an account or a router of his own to a demo reseller.
    """
    try:
        counts = _remove()
    except ProtectedError as error:
        names = ", ".join(sorted(str(each) for each in error.protected_objects)[:5])
        raise DemoInUse(f"still tied to the demo: {names}. Nothing was changed.") from error
    shutil.rmtree(lab_dir(), ignore_errors=True)
    (var_dir() / "demo.env").unlink(missing_ok=True)
    return counts


def _remove() -> dict[str, int]:
    counts = {}
    with transaction.atomic():
        tenants, routers_ = Tenant.objects.filter(is_demo=True), Router.objects.filter(is_demo=True)
        _record_removal(tenants, routers_)
        of_tenants = Reseller.objects.filter(tenant__in=tenants)
        subjects = {
            "resellers.reseller": list(of_tenants.values_list("pk", flat=True)),
            "routers.router": list(routers_.values_list("pk", flat=True)),
        }
        counts["alerts"] = 0
        for kind, keys in subjects.items():
            about = {"subject_kind": kind, "subject_id__in": keys}
            counts["alerts"] += Alert.objects.filter(**about).count()
            Alert.objects.filter(**about).delete()
            RuleState.objects.filter(**about).delete()
        Account.objects.filter(username=network.LOGIN, tenant__in=tenants).delete()
        theirs = Q(router__in=routers_) | Q(reseller__tenant__in=tenants)
        counts["mappings"] = _delete(Mapping.objects.filter(theirs))
        counts["resellers"] = _delete(Reseller.objects.filter(tenant__in=tenants))
        _delete(tenants)
        counts["plans"] = _delete(Plan.objects.filter(is_demo=True, resellers=None))
        counts["routers"] = _delete(routers_)
        Rule.objects.filter(name=RULE, **AT_ONCE).update(**PATIENT)
    return counts


def _record_removal(tenants: QuerySet[Tenant], routers_: QuerySet[Router]) -> None:
    """One entry for all that goes, with what it was."""
    of_tenants = Reseller.objects.filter(tenant__in=tenants).select_related("tenant")
    plans_ = Plan.objects.filter(is_demo=True).exclude(resellers__tenant__is_demo=False)
    theirs = Q(router__in=routers_) | Q(reseller__tenant__in=tenants)
    mappings_ = Mapping.objects.filter(theirs).select_related("router", "interface")
    for rows in (mappings_, of_tenants, routers_, plans_):
        gone = list(rows)
        nothing: dict[str, Any] = {}
        changes = {row.pk: (audit.snapshot(row), nothing) for row in gone}
        audit.record_batch("delete", gone, by=BY, changes=changes, scope="the demo")


def write_network(keys: dict[str, tuple[str, str]]) -> None:
    """The lab's files; they hold the demo routers' credentials, so only we may read them."""
    lab_dir().mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(lab_dir() / "network.json", network.lab_config(keys))
    _write(lab_dir() / "trouble.json", network.trouble())


def _write(path: Path, content: object) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, indent=1))


def _delete(rows: QuerySet[Any]) -> int:
    count = rows.count()
    rows.delete()
    return count


def _plan(name: str) -> Plan:
    down_bps, up_bps = network.PLANS[name]
    found = Plan.objects.filter(name=name).first()
    return found or plans.save(
        Plan(name=name, down_bps=down_bps, up_bps=up_bps, is_demo=True), by=BY
    )


def _reseller(each: network.DemoReseller, by_plan: dict[str, Plan]) -> Reseller:
    return resellers.create(
        each.name,
        by=BY,
        plan=by_plan[each.plan],
        is_demo=True,
        contact=each.contact,
        phone=each.phone,
        address=each.address,
    )


def _router(each: network.DemoRouter, password: str, community: str) -> Router:
    return routers.save(
        Router(
            name=each.name,
            site=each.site,
            address=each.address,
            ping_method=Router.PingMethod.TCP,
            api_port=network.API_PORT,
            api_user="ispcore",
            api_password=password,
            snmp_port=network.SNMP_PORT,
            snmp_community=community,
            is_demo=True,
        ),
        by=BY,
    )


def _mapping(vlan: network.DemoVlan, reseller: Reseller, router: Router) -> Mapping:
    now = clock.now()
    interface = Interface.objects.create(
        router=router,
        name=vlan.interface,
        index=0,  # the first discovery finds the real one
        vlan_id=vlan.vlan_id,
        if_type=135,
        first_seen_at=now,
        last_seen_at=now,
    )
    return mappings.add(
        reseller, interface=interface, vlan_id=vlan.vlan_id, carries=vlan.carries, by=BY
    )
