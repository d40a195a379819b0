"""Readings put into the database, in any order and under any clock."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ispcore.base import clock
from ispcore.protocols.errors import Nonsense, Refused, Unreachable
from ispcore.protocols.interfaces import CounterReading, CounterRow
from resellers.models import Usage, UsageDaily, UsageHourly
from resellers.operations import mappings, resellers, usage
from routers.models import Interface, InterfaceUsage, Poll, Router
from routers.operations import plan, poll_records
from routers.operations.poll_records import PollRecord
from routers.operations.reading import Attempt
from routers.operations.storing import store_records
from tests.counter_states import states
from tests.routers.conftest import BY

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
T0 = NOON.timestamp()
Clock = Callable[[datetime], None]


@dataclass
class Fleet:
    """A router with two interfaces, and the reading that it would give."""

    router: Router
    interfaces: list[Interface]

    def read(self, after_s: float, octets: int, *, up_s: float | None = None) -> CounterReading:
        uptime = round(((10**6 + after_s) if up_s is None else up_s) * 100)
        row = CounterRow("v0", octets, octets * 2, 64, "up", None, uptime, T0 + after_s)
        rows = tuple(row._replace(name=each.name) for each in self.interfaces)
        return CounterReading(uptime, 2, T0 + after_s, 12.5, rows, renumbered=False)

    def store(self, reading: CounterReading | None, **more: Any) -> None:
        (work,) = plan.load([self.router.pk])
        attempt = Attempt(work, reading, "snmp", snmp_asked=True, **more)
        at_s = reading.taken_at if reading else clock.now().timestamp()
        record = poll_records.of(attempt, at_s=at_s)
        store_records([PollRecord.from_json(record.to_json())])
        usage.roll_up()


@pytest.fixture
def fleet(db: None, frozen_clock: Clock) -> Fleet:
    router = Router.objects.create(name="utt-edge-01", address="10.88.4.1")
    interfaces = [
        Interface.objects.create(
            router=router, name=f"v{n}", index=n + 1, first_seen_at=NOON, last_seen_at=NOON
        )
        for n in range(2)
    ]
    reseller = resellers.create("Dhaka Fibre", by=BY)
    mappings.add(
        reseller, interface=interfaces[0], by=BY, started_at=datetime(2020, 1, 1, tzinfo=UTC)
    )
    return Fleet(router, interfaces)


def in_buckets(interface: Interface) -> int:
    rows = InterfaceUsage.objects.filter(interface=interface)
    open_one = states()[interface.pk].bucket_in_octets
    return open_one + sum(row.in_octets or 0 for row in rows)


def test_usage_of_a_mapping_is_that_of_its_interface(fleet: Fleet) -> None:
    for minute in range(32):
        fleet.store(fleet.read(minute * 60, minute * 1_000))
    of_interface = InterfaceUsage.objects.filter(interface=fleet.interfaces[0])
    assert list(of_interface.order_by("bucket").values_list("bucket", "in_octets", "out_bps")) == (
        list(Usage.objects.order_by("bucket").values_list("bucket", "in_octets", "out_bps"))
    )
    assert of_interface.count() == 6
    assert in_buckets(fleet.interfaces[0]) == 31_000
    assert UsageHourly.objects.get().in_octets == UsageDaily.objects.get().in_octets == 30_000


def test_a_late_or_repeated_reading_changes_nothing(fleet: Fleet) -> None:
    fleet.store(fleet.read(0, 0))
    fleet.store(fleet.read(120, 2_000))
    before = states()
    fleet.store(fleet.read(60, 1_000))
    fleet.store(fleet.read(120, 2_000))
    assert states() == before


def test_a_missing_counter_is_not_zero(fleet: Fleet) -> None:
    fleet.store(fleet.read(0, 0))
    reading = fleet.read(60, 1_000)
    empty = reading.rows[0]._replace(in_octets=None)
    fleet.store(replace(reading, rows=(empty, reading.rows[1])))
    poll = Poll.objects.latest("pk")
    assert (poll.result, poll.got, poll.wanted, poll.detail) == ("partial", 1, 2, "v0 missing")
    fleet.store(fleet.read(120, 2_000))
    assert in_buckets(fleet.interfaces[0]) == 2_000
    state = states()[fleet.interfaces[0].pk]
    assert state.in_bps == 2_000 * 8 // 120


def test_the_state_of_an_interface_follows_the_readings(fleet: Fleet) -> None:
    reading = fleet.read(0, 0)
    fleet.store(replace(reading, rows=tuple(r._replace(oper_state="down") for r in reading.rows)))
    assert set(Interface.objects.values_list("oper_state", flat=True)) == {"down"}


@pytest.mark.parametrize("error", [Unreachable("away"), Refused("no"), Nonsense("what")])
def test_a_failed_attempt_is_a_poll_with_its_kind(fleet: Fleet, error: Any) -> None:
    fleet.store(None, snmp_error=error)
    poll = Poll.objects.get()
    assert (poll.result, poll.got, poll.wanted) == (error.kind, 0, 2)
    assert str(error) in poll.detail
    assert str(poll) == f"12:00:00 {error.kind}"
    fleet.router.refresh_from_db()
    assert (fleet.router.polled_at, fleet.router.read_at) == (NOON, None)


def test_a_clock_that_was_a_year_ahead_does_not_stop_the_usage(fleet: Fleet) -> None:
    year = 365 * 86_400
    fleet.store(fleet.read(year, 0, up_s=10**6))
    fleet.store(fleet.read(year + 60, 1_000, up_s=10**6 + 60))
    for minute in range(2, 14):
        fleet.store(fleet.read(minute * 60, minute * 1_000))
    buckets = set(Usage.objects.values_list("bucket", flat=True))
    assert datetime(2026, 3, 2, 12, 5, tzinfo=UTC) in buckets
    assert in_buckets(fleet.interfaces[0]) == 13_000


def test_time_that_was_folded_into_a_bucket_is_usage_too(fleet: Fleet) -> None:
    """Our clock went back an hour: the bucket that waits for it holds more than five minutes."""
    fleet.store(fleet.read(0, 0))
    fleet.store(fleet.read(240, 4_000))
    for minute in range(5, 70):
        fleet.store(fleet.read(minute * 60 - 3_600, minute * 1_000, up_s=10**6 + minute * 60))
    folded = Usage.objects.get(bucket=NOON)
    assert folded.in_octets == 65_000
    assert (folded.in_bps, folded.covered_s) == (133, 300)


def test_counters_beyond_63_bits_are_kept_exactly(fleet: Fleet) -> None:
    fleet.store(fleet.read(0, 2**63 - 500))
    state = states()[fleet.interfaces[0].pk]
    assert (state.in_octets, state.out_octets) == (2**63 - 500, 2**64 - 1_000)


@pytest.mark.parametrize("seed", range(4))
def test_any_sequence_leaves_unique_buckets_and_rollups_in_step(fleet: Fleet, seed: int) -> None:
    """Steps of hours, restarts, repeats, late arrivals, days of silence: nothing is raised."""
    chance = random.Random(seed)
    true_s = offset_s = 0.0
    booted_s, octets, last = -(10.0**6), 10**6, fleet.read(0, 0)
    for _ in range(100):
        event = chance.choice(("poll", "poll", "poll", "restart", "step", "repeat", "silence"))
        if event == "restart":
            booted_s, octets = true_s, 0
        elif event == "step":
            offset_s += chance.choice((-90_000, -4_000, -70, 70, 4_000, 90_000))
        elif event == "silence":
            true_s += chance.randrange(1, 5 * 86_400)
        elif event == "repeat":
            fleet.store(last)
        true_s += chance.randrange(1, 400)
        octets += chance.randrange(0, 10**8)
        last = fleet.read(true_s + offset_s, octets, up_s=true_s - booted_s)
        fleet.store(last)
    rows = list(Usage.objects.exclude(in_bps=None))
    assert rows
    assert all(0 <= row.covered_s <= 300 for row in rows)
    assert all((row.in_octets or 0) >= 0 for row in rows)
    for rollup in (UsageHourly, UsageDaily):
        summed = sum(rollup._default_manager.values_list("in_octets", flat=True))
        assert summed == sum(row.in_octets or 0 for row in rows)
    assert 2 * Usage.objects.count() == InterfaceUsage.objects.count()
