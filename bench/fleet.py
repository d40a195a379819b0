"""Routers, interfaces and mappings in bulk, for benchmarks; nothing behind them answers."""

from datetime import datetime

from ispcore.accounts.models import Tenant
from ispcore.base import clock
from resellers.models import Mapping, Reseller
from routers.models import Interface, Router

PER_ROUTER = 50


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
