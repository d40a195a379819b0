"""A small ISP on which every page is looked at: two resellers, three routers, some trouble."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection

from ispcore.base import clock
from tests import counter_states
from tests.conftest import NOON

if TYPE_CHECKING:
    from django.test import Client

    from ispcore.accounts.models import Account, Tenant
    from ispcore.base.audit import Actor
    from monitoring.models import Alert
    from resellers.models import Mapping, Plan, Reseller
    from routers.models import Interface, Router
    from subscribers.models import Package, Subscriber

HOSTILE = "<b>x</b>\"'><script>alert(1)</script>\x1b[31m"
_usage_rows: dict[str, dict[str, list[tuple[Any, ...]]]] = {}  # by the ISP's zone, then by table
GAP = (NOON - timedelta(hours=9), NOON - timedelta(hours=7, minutes=45))


@dataclass
class Isp:
    """What the pages show."""

    plan: "Plan"
    small_plan: "Plan"
    dhaka: "Reseller"
    ctg: "Reseller"
    edge: "Router"
    silent: "Router"
    interfaces: "dict[str, Interface]"
    dhaka_mapping: "Mapping"
    ctg_mapping: "Mapping"
    over_plan: "Alert"
    away: "Alert"
    home: "Package"
    rahim: "Subscriber"


@pytest.fixture
def isp(
    db: None,
    frozen_clock: Callable[[datetime], None],
    tenant_dhaka: "Tenant",
    tenant_ctg: "Tenant",
) -> Isp:
    """Noon: reseller_dhaka is over its plan, one router is silent."""
    from ispcore.base.audit import Actor
    from monitoring.models import Severity
    from resellers.models import Plan, Reseller
    from resellers.operations import mappings, plans

    by = Actor("test")
    plan = plans.save(Plan(name="Business 500", down_bps=500_000_000, up_bps=100_000_000), by=by)
    small = plans.save(Plan(name="Start 200", down_bps=200_000_000, up_bps=50_000_000), by=by)
    dhaka = Reseller.objects.create(tenant=tenant_dhaka, phone="+8801712345678", contact="Rahim")
    ctg = Reseller.objects.create(tenant=tenant_ctg)
    frozen_clock(NOON - timedelta(days=2))
    plans.change(dhaka, plan=plan, by=by)
    plans.change(ctg, plan=small, by=by)
    frozen_clock(NOON)
    edge, silent = _router("dhk-edge-01", 1, "10.0.0.1"), _router("ctg-edge-01", None, "fd00::2")
    interfaces = {
        name: _interface(edge, name, place, vlan_id)
        for place, (name, vlan_id) in enumerate(
            [("ether1", None), ("vlan-312", 312), ("vlan-401", 401), (HOSTILE, None)], start=1
        )
    }
    start = NOON - timedelta(days=2)
    first = mappings.add(
        dhaka, interface=interfaces["vlan-312"], vlan_id=312, by=by, started_at=start
    )
    second = mappings.add(
        ctg, interface=interfaces["vlan-401"], vlan_id=401, by=by, started_at=start
    )
    _rate(interfaces["vlan-312"], down=540_000_000, up=80_000_000)
    _rate(interfaces["vlan-401"], down=50_000_000, up=10_000_000)
    _usage_of(first, second)
    _token("crm", by=by)
    _journal()
    over = _alert("resellers.reseller", dhaka.pk, dhaka.name, Severity.CRITICAL, tenant_dhaka.pk)
    home = _package(tenant_dhaka, "Home 20")
    rahim = _subscriber(home, "line-rahim")
    return Isp(
        *(plan, small, dhaka, ctg, edge, silent, interfaces, first, second, over),
        _alert("routers.router", silent.pk, silent.name, Severity.CRITICAL, None),
        *(home, rahim),
    )


def _package(tenant: "Tenant", name: str) -> "Package":
    from subscribers.models import Package

    rates = {"down_bps": 20_000_000, "up_bps": 10_000_000}
    return Package.objects.create(tenant=tenant, name=name, ipv4_pool="home", **rates)


def _subscriber(package: "Package", username: str) -> "Subscriber":
    """In the portal alone: FreeRADIUS has no row of it, as its page says."""
    from subscribers.models import StatusChange, Subscriber

    row = Subscriber.objects.create(
        tenant=package.tenant,
        package=package,
        service=package.service,
        username=username,
        username_key=username,
        account_number=f"N-{username}",
        radius_password="marked-s3cret",
        full_name="Rahim Uddin",
        phone="+8801999000111",
        expires_at=NOON + timedelta(days=20),
    )
    StatusChange.objects.create(subscriber=row, new="active", by="noc", at=NOON)
    return row


def _journal() -> None:
    from ispcore.base.models import JournalEntry
    from ispcore.base.unit_of_work import Scope, journal

    undone = JournalEntry.Outcome.UNDONE
    scope = Scope("subscriber", ("ali@dhaka", HOSTILE))
    journal.entry(uuid4(), "rename", scope, outcome=undone, doubt="its writer ended").save()


@pytest.fixture
def as_noc(noc: "Account", client_for: Callable[["Account"], "Client"]) -> "Client":
    return client_for(noc)


@pytest.fixture
def as_admin(admin_account: "Account", client_for: Callable[["Account"], "Client"]) -> "Client":
    return client_for(admin_account)


@pytest.fixture
def as_viewer(viewer: "Account", client_for: Callable[["Account"], "Client"]) -> "Client":
    return client_for(viewer)


@pytest.fixture
def as_dhaka(reseller_dhaka: "Account", client_for: Callable[["Account"], "Client"]) -> "Client":
    return client_for(reseller_dhaka)


@pytest.fixture
def as_ctg(reseller_ctg: "Account", client_for: Callable[["Account"], "Client"]) -> "Client":
    return client_for(reseller_ctg)


def _token(account: str, *, by: "Actor") -> None:
    """An API token of a machine account of that name."""
    from ispcore.accounts.models import Account
    from ispcore.accounts.operations import api_tokens

    machine = Account.objects.create_user(account, role="viewer", is_machine=True)
    soon = NOON + timedelta(days=30)
    api_tokens.create(machine, name="billing", scopes=["alerts:read"], expires_at=soon, by=by)


def _router(name: str, read_minutes_ago: int | None, address: str) -> "Router":
    from routers.models import Poll, Router, RouterCheck

    read_at = None if read_minutes_ago is None else NOON - timedelta(minutes=read_minutes_ago)
    router = Router.objects.create(
        name=name,
        site="Uttara",
        address=address,
        snmp_community="s3cret-community",
        api_user="portal",
        api_password="s3cret-password",
        board="CCR2004",
        os_version="7.16",
        booted_at=NOON - timedelta(days=41),
        polled_at=NOON - timedelta(minutes=1),
        read_at=read_at,
        discovered_at=NOON - timedelta(hours=1),
        created_at=NOON - timedelta(days=90),
    )
    state = "ok" if read_at else "failed"
    for method in RouterCheck.Method.values:
        RouterCheck.objects.create(
            router=router,
            method=method,
            state=state,
            since=NOON - timedelta(minutes=12),
            checked_at=NOON - timedelta(seconds=30),
            took_ms=12.0 if read_at else None,
            error="" if read_at else "no answer in 2.0 s",
        )
    Poll.objects.create(
        router=router,
        at=NOON - timedelta(minutes=1),
        took_ms=112.0 if read_at else None,
        source="snmp",
        result="ok" if read_at else "unreachable",
        wanted=4,
        got=4 if read_at else 0,
        detail="" if read_at else "no answer in 2.0 s",
    )
    return router


def _interface(router: "Router", name: str, index: int, vlan_id: int | None) -> "Interface":
    from routers.models import Interface

    return Interface.objects.create(
        router=router,
        name=name,
        index=index,
        if_type=135 if vlan_id else 6,
        vlan_id=vlan_id,
        alias=f"alias of {name}",
        admin_state="up",
        oper_state="up",
        first_seen_at=NOON - timedelta(days=90),
        last_seen_at=NOON - timedelta(hours=1),
    )


def _rate(interface: "Interface", *, down: int, up: int) -> None:
    at_ms = int((NOON - timedelta(minutes=1)).timestamp() * 1000)
    counter_states.put(
        interface,
        at_ms=at_ms,
        uptime_ticks=1,
        in_bps=up,
        out_bps=down,
        rated_ms=at_ms,
        bucket_ms=at_ms // 300_000 * 300_000,
    )


def _usage_of(*mappings: "Mapping") -> None:
    """Two days of usage, summed up. Once that is done, the rows are simply put back."""
    keys = [mapping.pk for mapping in mappings]
    if rows_of := _usage_rows.get(clock.isp_zone().key):
        with connection.cursor() as cursor:
            for table, rows in rows_of.items():
                values = ", ".join(["%s"] * len(rows[0]))
                mine = [(*row, keys[place]) for *row, place in rows]
                cursor.executemany(f"INSERT INTO {table} VALUES ({values})", mine)  # noqa: S608
        return
    from resellers.models import Usage, UsageDaily, UsageHourly
    from resellers.operations.usage import roll_up

    _usage(mappings[0], 400_000_000, 60_000_000, gap=GAP)
    _usage(mappings[1], 40_000_000, 8_000_000)
    roll_up()
    tables = [series._meta.db_table for series in (Usage, UsageHourly, UsageDaily)]
    _usage_rows[clock.isp_zone().key] = {table: _rows(table, keys) for table in tables}


def _rows(table: str, keys: list[int]) -> list[tuple[Any, ...]]:
    """What the table holds, with the mapping's place in `keys` for the mapping."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")  # noqa: S608
        assert cursor.description[-1][0] == "mapping_id"
        return [(*row, keys.index(key)) for *row, key in cursor.fetchall()]


def _usage(
    mapping: "Mapping",
    down_bps: int,
    up_bps: int,
    *,
    gap: tuple[datetime, datetime] | None = None,
) -> None:
    """Two days of samples, a little higher in each; in the gap the router restarted."""
    from ispcore.base.timeseries.quality import Quality
    from resellers.operations.usage import insert

    rows: list[tuple[object, ...]] = []
    for n in range(2 * 288):
        at = NOON - timedelta(days=2) + timedelta(minutes=5 * n)
        if gap and gap[0] <= at < gap[1]:
            rows.append((mapping.pk, at, None, None, None, None, 0, int(Quality.RESTARTED), "snmp"))
            continue
        down, up = down_bps + n * 1000, up_bps + n * 100
        octets = (up * 300 // 8, down * 300 // 8)
        rows.append((mapping.pk, at, *octets, up, down, 300, 0, "snmp"))
    insert(rows)


def _alert(kind: str, pk: int, name: str, severity: str, tenant_id: int | None) -> "Alert":
    from monitoring.models import Alert, AlertEvent

    alert = Alert.objects.create(
        fingerprint=f"1:{kind}:{pk}",
        subject_kind=kind,
        subject_id=pk,
        subject=name,
        tenant_id=tenant_id,
        severity=severity,
        summary=f"Something is wrong with {name}",
        impact="over plan",
        value=108.0,
        opened_at=NOON - timedelta(minutes=17),
    )
    AlertEvent.objects.create(
        alert=alert, kind="opened", severity=severity, at=alert.opened_at, text=alert.summary
    )
    return alert
