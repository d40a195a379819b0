"""A reseller with a plan, mapped to interfaces of a router that nobody asks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ispcore.base.audit import Actor
from resellers.models import Mapping, Plan, Reseller
from resellers.operations import mappings, plans, resellers, usage
from routers.models import Interface, Router
from tests import counter_states

BY = Actor("noc")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
M = 1_000_000
Clock = Callable[[datetime], None]


@pytest.fixture
def noon(frozen_clock: Clock) -> Clock:
    """The clock stands at noon; noon(at) moves it."""
    frozen_clock(NOON)
    return frozen_clock


@pytest.fixture
def router(db: None) -> Router:
    return Router.objects.create(name="utt-edge-01", address="10.88.4.1")


@pytest.fixture
def plan(db: None) -> Plan:
    return plans.save(Plan(name="Dedicated 200", down_bps=200 * M, up_bps=100 * M), by=BY)


@pytest.fixture
def dhaka(noon: Clock, plan: Plan) -> Reseller:
    return resellers.create("Dhaka Fibre", plan=plan, by=BY)


def an_interface(router: Router, name: str, vlan_id: int | None = None) -> Interface:
    return Interface.objects.create(
        router=router,
        name=name,
        index=Interface.objects.count() + 1,
        vlan_id=vlan_id,
        first_seen_at=NOON,
        last_seen_at=NOON,
    )


def mapped(
    reseller: Reseller, router: Router, name: str, *, days: float = 60, **given: Any
) -> Mapping:
    """An interface that carries the reseller since some days."""
    started_at = given.pop("started_at", NOON - timedelta(days=days))
    interface = an_interface(router, name)
    return mappings.add(reseller, interface=interface, started_at=started_at, by=BY, **given)


def rate(mapping: Mapping, *, in_bps: int, out_bps: int, at: datetime = NOON) -> None:
    """The current rate of the mapping's interface."""
    rated_ms = round(at.timestamp() * 1000)
    counter_states.put(mapping.interface, in_bps=in_bps, out_bps=out_bps, rated_ms=rated_ms)


def sample(
    mapping: Mapping,
    at: datetime,
    in_bps: int | None,
    out_bps: int | None,
    *,
    covered_s: int = 300,
    quality: int = 0,
) -> tuple[Any, ...]:
    """A row of usage_5m."""
    octets = [None if bps is None else bps * covered_s // 8 for bps in (in_bps, out_bps)]
    return (mapping.pk, at, *octets, in_bps, out_bps, covered_s, quality, "snmp")


def five(minutes: int) -> timedelta:
    return timedelta(minutes=5 * minutes)


def store(rows: list[tuple[Any, ...]]) -> int:
    """Stored and rolled up, as a collection does it."""
    new = usage.insert(rows)
    usage.roll_up()
    return new
