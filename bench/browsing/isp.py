"""An ISP of 1,000 routers and 2,000 resellers, made in bulk: what its pages have to show.

Every hundredth router is large (50 interfaces, others have 8), so that the first, the middle and
the last row of a model are of different sizes. All of it is the same in every run but the times.
"""

import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connection, models

from ispcore.accounts.models import Account, Tenant
from ispcore.base import clock
from ispcore.base.models import AuditEntry, Heartbeat
from ispcore.base.timeseries import partitions
from monitoring.models import Alert, AlertEvent, Rule, RuleState, Severity
from resellers.models import Mapping, Plan, PlanChange, Reseller, Usage
from routers.counter_states import CounterState, pack
from routers.models import (
    Collector,
    Interface,
    InterfaceChange,
    InterfaceUsage,
    Poll,
    Router,
    RouterCheck,
    RouterCounters,
)

if TYPE_CHECKING:
    from routers.counter_states import CounterState as State

ROUTERS, RESELLERS, AUDIT_ENTRIES, ALERTS = 1_000, 2_000, 100_000, 5_000
OPEN, ACKNOWLEDGED = 1_500, 500  # of the alerts; the others are resolved
LARGE, SMALL, LARGE_EVERY = 50, 8, 10  # interfaces of a router
MAPPED_LARGE, MAPPED_SMALL = 22, 2
STAFF, PLANS, SITES = 30, 20, 50
POLLS = 12  # of each router
MONTH, LATELY, SPARK = timedelta(days=35), timedelta(days=2), timedelta(hours=7)
BATCH = 5_000
VLAN = 135
# a curve per line over the day, in whole bit/s, as in bench/usage_query.py
LOAD = """
    INSERT INTO {table} ({key}, bucket, in_octets, out_octets, in_bps, out_bps, covered_s,
                         quality, source)
    SELECT line, at, up * 300 / 8, down * 300 / 8, up, down, 300, 0, 'snmp'
    FROM generate_series(%s::timestamptz, %s::timestamptz, '5 min') AS at,
         LATERAL (SELECT extract(epoch FROM at)::bigint / 300 AS slot) AS s,
         LATERAL (SELECT (1 - cos(2 * pi() * (slot + 72) / 288)) AS shape) AS c,
         unnest(%s::bigint[]) AS line,
         LATERAL (SELECT (shape * 1e6 * (line %% 97 + 3))::bigint
                         + slot * 7919 * line %% 900001 AS down) AS d,
         LATERAL (SELECT down / 6 + slot * 31 * line %% 100003 AS up) AS u
"""
Row = TypeVar("Row", bound=models.Model)


def build() -> None:
    """All of it, into an empty portal on PostgreSQL; about half a minute."""
    now = clock.now()
    resellers = _resellers(now)
    routers = _routers(now)
    interfaces = _interfaces(routers, now)
    mappings = _mappings(resellers, interfaces, now)
    _readings(routers, interfaces, now)
    _usage(mappings, interfaces, now)
    people = _people(resellers)
    _alerts(resellers, routers, mappings, people, now)
    _audit(resellers, routers, people, now)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def looked_at(rows: models.QuerySet[Row]) -> list[Row]:
    """The first, the middle and the last row: those whose pages are asked for."""
    keys = list(rows.order_by("pk").values_list("pk", flat=True))
    chosen = {keys[0], keys[len(keys) // 2], keys[-1]} if keys else set()
    return list(rows.filter(pk__in=chosen).order_by("pk"))


def _store(rows: Iterable[Row]) -> list[Row]:
    made = list(rows)
    kind = type(made[0])
    return list(kind._default_manager.bulk_create(made, batch_size=BATCH))


def _resellers(now: datetime) -> list[Reseller]:
    since = now - MONTH - timedelta(days=5)
    plans = _store(
        Plan(name=f"Business {100 * n}", down_bps=n * 10**8, up_bps=n * 10**8 // 4)
        for n in range(1, PLANS + 1)
    )
    tenants = _store(Tenant(name=f"Reseller {n:04} Broadband") for n in range(1, RESELLERS + 1))
    resellers = _store(
        Reseller(
            tenant=tenant,
            plan=plans[n % PLANS],
            contact=f"Contact {n}",
            phone=f"+8801700{n:06}",
            email=f"noc{n}@example.net",
            address=f"House {n}, Road {n % 30}, Dhaka",
            status="suspended" if n % 50 == 7 else "active",
            created_at=since,
        )
        for n, tenant in enumerate(tenants)
    )
    _store(
        PlanChange(
            reseller=reseller,
            plan_name=plans[(n + m) % PLANS].name,
            down_bps=plans[(n + m) % PLANS].down_bps,
            up_bps=plans[(n + m) % PLANS].up_bps,
            from_at=since + timedelta(days=9 * (2 - m)),
            by="noc",
        )
        for n, reseller in enumerate(resellers)
        for m in (2, 1, 0)
    )
    return resellers


def _routers(now: datetime) -> list[Router]:
    routers = _store(
        Router(
            name=f"edge-{n:04}",
            site=f"POP {n % SITES:02}",
            address=f"10.{n // 250}.{n % 250}.1",
            snmp_community="bench-community",
            api_user="portal",
            api_password="bench-password",  # noqa: S106 - nobody's
            vendor="MikroTik",
            board="CCR2004-1G-12S+2XS",
            os_name="RouterOS",
            os_version="7.16.2",
            booted_at=now - timedelta(days=41, minutes=n),
            polled_at=now - timedelta(minutes=1),
            read_at=now - timedelta(minutes=1 if n % 40 else 90),
            discovered_at=now - timedelta(hours=1),
        )
        for n in range(1, ROUTERS + 1)
    )
    _store(
        RouterCheck(
            router=router,
            method=method,
            state="ok" if n % 40 else "failed",
            since=now - timedelta(minutes=90),
            checked_at=now - timedelta(seconds=10),
            took_ms=3.5 if n % 40 else None,
            error="" if n % 40 else "no answer in 2.0 s",
        )
        for n, router in enumerate(routers, start=1)
        for method in RouterCheck.Method.values
    )
    _store(
        Poll(
            router=router,
            at=now - timedelta(minutes=1 + 5 * m),
            took_ms=112.0,
            source="snmp",
            result="ok",
            wanted=8,
            got=8,
        )
        for router in routers
        for m in range(POLLS)
    )
    _store(
        Heartbeat(
            name=name,
            node="bench",
            pid=1,
            started_at=now - timedelta(days=3),
            beat_at=now,
            stale_after_s=3_600,
        )
        for name in ("jobs", "watch", "collector")
    )
    _store([Collector(node="bench", share="1 of 1", routers=ROUTERS, answered=975, seen_at=now)])
    return routers


def _interfaces(routers: list[Router], now: datetime) -> list[Interface]:
    interfaces = _store(
        Interface(
            router=router,
            name=f"ether{place}" if place < 3 else f"vlan-{100 + place}",
            index=place + 1,
            alias=f"towards {router.site} {place}",
            if_type=6 if place < 3 else VLAN,
            speed_bps=10**10,
            admin_state="up",
            oper_state="up" if place % 9 else "down",
            vlan_id=None if place < 3 else 100 + place,
            mac=f"02:00:{n >> 8:02x}:{n & 255:02x}:00:{place:02x}",
            first_seen_at=now - timedelta(days=90),
            last_seen_at=now - timedelta(hours=1),
        )
        for n, router in enumerate(routers)
        for place in range(SMALL if n % LARGE_EVERY else LARGE)
    )
    _store(
        InterfaceChange(
            router_id=interface.router_id,
            at=now - timedelta(days=interface.index % 30),
            kind="new",
            interface=interface,
        )
        for interface in interfaces[::2]
    )
    return interfaces


def _mappings(
    resellers: list[Reseller], interfaces: list[Interface], now: datetime
) -> list[Mapping]:
    """One to three VLANs for each reseller, the third mostly."""
    per_router: dict[int, list[Interface]] = {}
    for interface in interfaces:
        if interface.vlan_id is not None:
            per_router.setdefault(interface.router_id, []).append(interface)
    free = [
        interface
        for theirs in per_router.values()
        for interface in theirs[: MAPPED_SMALL if len(theirs) < SMALL else MAPPED_LARGE]
    ]
    random.Random(7).shuffle(free)  # noqa: S311 - the same in every run
    places = iter(free)
    lines = (
        (reseller, next(places)) for n, reseller in enumerate(resellers) for _ in range(n % 3 + 1)
    )
    return _store(
        Mapping(
            reseller=reseller,
            router_id=interface.router_id,
            interface=interface,
            vlan_id=interface.vlan_id,
            side=Mapping.Side.UPLINK if n % 20 == 3 else Mapping.Side.RESELLER,
            started_at=now - MONTH,
        )
        for n, (reseller, interface) in enumerate(lines)
    )


def _readings(routers: list[Router], interfaces: list[Interface], now: datetime) -> None:
    now_ms = int(now.timestamp() * 1000)
    found: dict[int, list[State]] = {router.pk: [] for router in routers}
    for n, interface in enumerate(interfaces):
        rated = {"in_bps": 7_000_000 + n * 997, "out_bps": 42_000_000 + n * 9_973}
        found[interface.router_id].append(
            CounterState(interface.pk, now_ms, 1_000, n, n, 64, **rated, rated_ms=now_ms)
        )
    _store(RouterCounters(router_id=pk, states=pack(states)) for pk, states in found.items())


def _usage(mappings: list[Mapping], interfaces: list[Interface], now: datetime) -> None:
    """A month of the resellers that are looked at, the last days of all others."""
    whole = {reseller.pk for reseller in looked_at(Reseller.objects.all())}
    ours = [m.pk for m in mappings if m.reseller_id in whole]
    others = [m.pk for m in mappings if m.reseller_id not in whole]
    for model in (Usage, InterfaceUsage):
        partitions.ensure(model.series, now - MONTH, now)
    _load(Usage, "mapping_id", now - MONTH, now, ours)
    _load(Usage, "mapping_id", now - LATELY, now, others)
    _load(InterfaceUsage, "interface_id", now - SPARK, now, [each.pk for each in interfaces])


def _load(
    model: type[models.Model], key: str, start: datetime, now: datetime, lines: list[int]
) -> None:
    at = datetime.fromtimestamp(int(start.timestamp()) // 300 * 300, start.tzinfo)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            LOAD.format(table=model._meta.db_table, key=key),
            [at, now - timedelta(minutes=6), lines],
        )


def _people(resellers: list[Reseller]) -> list[Account]:
    people = [Account(username="bench", role="super_user", email="bench@example.net")]
    people += [Account(username=f"noc{n}", role="operator") for n in range(1, STAFF)]
    people += [
        Account(username=f"reseller{n}", role="client", tenant_id=reseller.tenant_id)
        for n, reseller in enumerate(resellers, start=1)
    ]
    for person in people:
        person.set_unusable_password()
    return _store(people)


def _alerts(
    resellers: list[Reseller],
    routers: list[Router],
    mappings: list[Mapping],
    people: list[Account],
    now: datetime,
) -> None:
    subjects = _subjects(resellers, routers)
    rules = list(Rule.objects.all())
    alerts = []
    for n in range(ALERTS):
        kind, pk, name, tenant_id = next(subjects)
        state = "open" if n < OPEN else "acknowledged" if n < OPEN + ACKNOWLEDGED else "resolved"
        opened_at = now - timedelta(minutes=n)
        alerts.append(
            Alert(
                fingerprint=f"{n}:{kind}:{pk}",
                rule=rules[n % len(rules)],
                subject_kind=kind,
                subject_id=pk,
                subject=name,
                tenant_id=tenant_id,
                severity=Severity.values[n % 4],
                state=state,
                summary=f"Something is wrong with {name}, for the {n}th time",
                impact="over plan" if tenant_id else "no answer",
                value=108.0,
                opened_at=opened_at,
                acknowledged_at=opened_at if state == "acknowledged" else None,
                acknowledged_by=people[n % STAFF] if state == "acknowledged" else None,
                resolved_at=opened_at + timedelta(seconds=30) if state == "resolved" else None,
            )
        )
    stored = _store(alerts)
    _store(
        AlertEvent(
            alert=alert, kind=kind, severity=alert.severity, at=at, by=by, text=alert.summary
        )
        for alert in stored
        for kind, at, by in _events(alert)
    )
    _store(
        RuleState(
            rule=rules[0], subject_kind="resellers.mapping", subject_id=mapping.pk, clear_since=now
        )
        for mapping in mappings
    )


def _subjects(
    resellers: list[Reseller], routers: list[Router]
) -> Iterator[tuple[str, int, str, int | None]]:
    for n in count():
        if n % 2:
            reseller = resellers[n // 2 % RESELLERS]
            yield "resellers.reseller", reseller.pk, str(reseller), reseller.tenant_id
        else:
            router = routers[n // 2 % ROUTERS]
            yield "routers.router", router.pk, router.name, None


def _events(alert: Alert) -> list[tuple[str, datetime, str]]:
    steps = [("opened", alert.opened_at, ""), ("note", alert.opened_at, "noc1")]
    if alert.acknowledged_at:
        steps.append(("acknowledged", alert.acknowledged_at, "noc1"))
    if alert.resolved_at:
        steps.append(("resolved", alert.resolved_at, ""))
    return steps


def _audit(
    resellers: list[Reseller], routers: list[Router], people: list[Account], now: datetime
) -> None:
    """Over a quarter of a year, newest last; half about resellers, half about routers."""
    subjects = _subjects(resellers, routers)
    step = timedelta(days=90) / AUDIT_ENTRIES
    _store(
        AuditEntry(
            at=now - step * (AUDIT_ENTRIES - n),
            actor=people[n % STAFF].username,
            actor_id=people[n % STAFF].pk,
            surface=("admin", "api", "command")[n % 3],
            address=f"10.9.{n % 200}.{n % 250}",
            action=("change", "create", "map", "change plan")[n % 4],
            object_kind=kind,
            object_id=str(pk),
            object_name=name,
            tenant_id=tenant_id,
            old={"notes": f"before {n}", "warning_percent": 80},
            new={"notes": f"after {n}", "warning_percent": 85},
        )
        for n, (kind, pk, name, tenant_id) in zip(range(AUDIT_ENTRIES), subjects, strict=False)
    )


def person(username: str) -> Any:
    """One of the ISP's people: bench may do all, reseller1 is of the first reseller."""
    return Account.objects.get(username=username)
