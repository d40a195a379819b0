"""Routers, interfaces and mappings in bulk, for benchmarks; nothing behind them answers."""

from ispcore.accounts.models import Tenant
from ispcore.base import clock
from resellers.models import Mapping, Reseller
from routers.models import Interface, Router

PER_ROUTER = 50


def mapped_interfaces(count: int) -> list[int]:
    """Make `count` mappings of one reseller, 50 on each router; returns their primary keys."""
    now = clock.now()
    reseller = Reseller.objects.create(tenant=Tenant.objects.create(name="Bench"))
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
                reseller=reseller,
                router=interface.router,
                interface=interface,
                vlan_id=interface.index,
            )
            for interface in interfaces
        ),
        batch_size=2_000,
    )
    return [mapping.pk for mapping in mappings]
