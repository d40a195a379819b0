"""All resellers at once: the same percentiles as one by one, and who carried most."""

import random
from datetime import date, datetime, timedelta

import pytest
from django.test import override_settings

from ispcore.base import clock
from resellers.models import Mapping, Reseller
from resellers.operations import resellers
from resellers.usage_queries import percentile, percentiles, points, top
from routers.models import Router
from tests.resellers.conftest import BY, NOON, Clock, five, mapped, sample, store

START = NOON - timedelta(days=2)


def one_by_one(start: datetime, end: datetime) -> dict[int, object]:
    each = {reseller.pk: percentile(reseller, start, end) for reseller in Reseller.objects.all()}
    return {pk: found for pk, found in each.items() if found.expected or found.received}


@pytest.mark.parametrize("seed", range(4))
def test_percentiles_of_all_are_those_of_each(
    dhaka: Reseller, router: Router, seed: int, noon: Clock
) -> None:
    """Mappings that begin and end within the period, on both sides, with gaps and half samples."""
    chance = random.Random(seed)
    owners = [dhaka, resellers.create("Chattogram Net", by=BY), resellers.create("Bare", by=BY)]
    rows = []
    for n in range(7):
        line = mapped(
            owners[n % 2],
            router,
            f"vlan-{n}",
            side=chance.choice(Mapping.Side.values),
            started_at=START + timedelta(minutes=chance.choice((-900, 0, 7, 613))),
        )
        if chance.random() < 0.4:
            ended_at = START + timedelta(minutes=chance.randrange(1_000, 2_900))
            Mapping.objects.filter(pk=line.pk).update(ended_at=ended_at)
        rows += [
            sample(
                line,
                START + five(slot),
                chance.randrange(10**12),
                chance.randrange(10**12),
                covered_s=chance.choice((300, 300, 300, 149, 150)),
            )
            for slot in range(576)
            if chance.random() < 0.97
        ]
    store(rows)
    for later in (0, 7, 12, 40):  # the newest buckets are pending, then overdue
        noon(NOON + timedelta(minutes=later))
        for start, end in ((START, NOON + timedelta(hours=1)), (START + five(9), NOON - five(99))):
            found = percentiles(start, end)
            assert found == one_by_one(start, end)
    assert any(each.received for each in found.values())


def test_a_period_to_come_has_no_percentiles(dhaka: Reseller, router: Router) -> None:
    mapped(dhaka, router, "vlan-1")
    assert percentiles(NOON + timedelta(days=1), NOON + timedelta(days=2)) == {}
    assert percentiles(NOON - timedelta(days=900), NOON - timedelta(days=800)) == {}


def test_nobody_has_percentiles_without_mappings(dhaka: Reseller) -> None:
    assert percentiles(START, NOON) == {}


def test_the_points_of_one_mapping_are_its_own(dhaka: Reseller, router: Router) -> None:
    line, other = mapped(dhaka, router, "vlan-1"), mapped(dhaka, router, "vlan-2")
    store([sample(line, START, 1, 10), sample(other, START, 2, 20)])
    assert [(p.down_bps, p.up_bps) for p in points([line], START, START + five(1))] == [(10, 1)]


def test_the_top_are_those_with_most_octets_in_both_directions(
    dhaka: Reseller, router: Router
) -> None:
    ctg, bare = resellers.create("Chattogram Net", by=BY), resellers.create("Bare", by=BY)
    lines = [
        mapped(dhaka, router, "vlan-1"),
        mapped(dhaka, router, "vlan-2", side=Mapping.Side.UPLINK),
        mapped(ctg, router, "vlan-3"),
        mapped(bare, router, "vlan-4"),
    ]
    with override_settings(TIME_ZONE="Asia/Dhaka"):
        start = clock.day_start(date(2026, 3, 1))
        store([sample(line, start + five(n), 8, 80) for line in lines[:2] for n in range(400)])
        store([sample(lines[2], start + five(n), 800, 8) for n in range(400)])
        store([sample(lines[3], start - five(1), 10**9, 10**9)])  # the last of February
        found = top(20, start, NOON)
        assert [(each.reseller_id, each.down_octets, each.up_octets) for each in found] == [
            (ctg.pk, 400 * 300, 400 * 30_000),
            (dhaka.pk, 400 * (3_000 + 300), 400 * (300 + 3_000)),
        ]
        assert [each.reseller_id for each in top(1, start, NOON)] == [ctg.pk]
        assert top(1, start - five(1), NOON)[0].reseller_id == bare.pk
    assert found[0].octets == 400 * 30_300
