"""Routers, interfaces and mappings in bulk, for benchmarks; nothing behind them answers."""

from datetime import UTC, datetime, timedelta

from django.db import transaction

from ispcore.accounts.models import Tenant
from ispcore.base import clock
from resellers.models import Mapping, Reseller
from resellers.operations import usage
from routers.models import CounterState, Interface, Router

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


def reseller_with_rate(number: int) -> tuple[int, int]:
    """A reseller with one interface that has a current rate and 30 days of 5-minute samples;
    the primary keys of reseller and interface."""
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
    CounterState.objects.create(
        interface=interface, at_ms=0, uptime_ticks=0, in_octets=0, out_octets=0, bits=64,
        bucket_ms=0, in_bps=0, out_bps=0, rated_at=now,
    )  # fmt: skip
    return reseller.pk, interface.pk


def _sample(mapping_id: int, at_s: int) -> tuple[object, ...]:
    into, out = at_s % 86_400 * 1_000, at_s % 3_600 * 30_000
    rates = (into, out, into * 8 // 300, out * 8 // 300)
    return (mapping_id, datetime.fromtimestamp(at_s, UTC), *rates, 300, 0, "snmp")
