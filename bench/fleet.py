"""Routers, interfaces, resellers and mappings in bulk, as discovery and people would have made them."""

from datetime import UTC, datetime, timedelta

from django.db import transaction

from ispcore.accounts.models import Tenant
from ispcore.base import clock
from lab.fleet.spec import FIRST_VLAN_ID, FleetSpec, vlan_name
from resellers.models import Mapping, Plan, Reseller
from resellers.operations import usage
from routers.models import Interface, Router

PER_ROUTER = 50
VLAN, VLAN_BPS, PLAN_BPS = 135, 10_000_000_000, 100_000_000_000


def mapped_interfaces(
    count: int, *, per_reseller: int = 0, started_at: datetime | None = None
) -> list[int]:
    """Make `count` mappings, 50 on each router; returns their primary keys.

    They are of one reseller, or of one for every `per_reseller` of them, and began now or then.
    """
    now = started_at or clock.now()
    per_reseller = per_reseller or count
    tenants = Tenant.objects.bulk_create(
        Tenant(name=f"bench-{n}") for n in range(-(-count // per_reseller))
    )
    resellers = Reseller.objects.bulk_create(Reseller(tenant=tenant) for tenant in tenants)
    routers = Router.objects.bulk_create(
        Router(name=f"bench-{n}", address=f"127.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}")
        for n in range(1, -(-count // PER_ROUTER) + 1)
    )
    interfaces = Interface.objects.bulk_create(
        (
            Interface(
                router=routers[n // PER_ROUTER],
                name=f"vlan{n % PER_ROUTER + 1}",
                index=n % PER_ROUTER + 1,
                first_seen_at=now,
                last_seen_at=now,
            )
            for n in range(count)
        ),
        batch_size=2_000,
    )
    mappings = Mapping.objects.bulk_create(
        (
            Mapping(
                reseller=resellers[n // per_reseller],
                router=interface.router,
                interface=interface,
                vlan_id=interface.index,
                started_at=now,
            )
            for n, interface in enumerate(interfaces)
        ),
        batch_size=2_000,
    )
    return [mapping.pk for mapping in mappings]


def reseller_with_history(number: int) -> tuple[int, int]:
    """A reseller with one interface and 30 days of its 5-minute samples; their primary keys."""
    now = clock.now()
    name = f"Live {number}"
    reseller = Reseller.objects.create(tenant=Tenant.objects.create(name=name))
    router = Router.objects.create(name=f"live-{number}", address=f"127.200.0.{number + 1}")
    interface = Interface.objects.create(
        router=router, name="vlan1", index=1, first_seen_at=now, last_seen_at=now
    )
    mapping = Mapping.objects.create(
        reseller=reseller,
        router=router,
        interface=interface,
        vlan_id=1,
        started_at=now - timedelta(days=40),
    )
    last_ms = int(now.timestamp()) // 300 * 300
    with transaction.atomic():
        usage.insert([_sample(mapping.pk, last_ms - 300 * n) for n in range(30 * 288, 0, -1)])
    usage.roll_up()
    return reseller.pk, interface.pk


def _sample(mapping_id: int, at_s: int) -> tuple[object, ...]:
    into, out = at_s % 86_400 * 1_000, at_s % 3_600 * 30_000
    rates = (into, out, into * 8 // 300, out * 8 // 300)
    return (mapping_id, datetime.fromtimestamp(at_s, UTC), *rates, 300, 0, "snmp")


def polled_fleet(spec: FleetSpec) -> None:
    """The routers of a lab's fleet, already discovered, each VLAN mapped; a reseller has the VLANs
    of one router, on a plan that it does not exceed."""
    now = clock.now()
    routers = Router.objects.bulk_create(_router(spec, n) for n in range(1, spec.routers + 1))
    plan = Plan.objects.create(name="Bench", down_bps=PLAN_BPS, up_bps=PLAN_BPS)
    tenants = Tenant.objects.bulk_create(Tenant(name=router.name) for router in routers)
    resellers = Reseller.objects.bulk_create(Reseller(tenant=one, plan=plan) for one in tenants)
    interfaces = Interface.objects.bulk_create(
        (
            Interface(
                router=router,
                name=vlan_name(vlan),
                index=vlan,
                if_type=VLAN,
                speed_bps=VLAN_BPS,
                oper_state="up",
                first_seen_at=now,
                last_seen_at=now,
            )
            for router in routers
            for vlan in range(1, spec.vlans + 1)
        ),
        batch_size=2_000,
    )
    Mapping.objects.bulk_create(
        (
            Mapping(
                reseller=resellers[n // spec.vlans],
                router=interface.router,
                interface=interface,
                vlan_id=FIRST_VLAN_ID + interface.index - 1,
                started_at=now - timedelta(days=1),
            )
            for n, interface in enumerate(interfaces)
        ),
        batch_size=2_000,
    )


def _router(spec: FleetSpec, number: int) -> Router:
    return Router(
        name=spec.name(number),
        address=spec.address(number),
        snmp_port=spec.port_of(number),
        snmp_community=spec.community,
        os_version="7.16.2",
        interface_count=spec.vlans,
        discovered_at=clock.now(),
    )
