"""Random traces of a router's counters through the database: readings in, usage out.

The plain model says what must be stored; the database must hold that and nothing else, in
interface usage, in the reseller's usage and in its roll-ups.
"""

import random
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from django.db.models import Sum

from ispcore.protocols.interfaces import CounterReading, CounterRow
from resellers.models import Mapping, Reseller, Usage, UsageDaily, UsageHourly
from resellers.operations import usage
from routers.models import Interface, InterfaceUsage, Router
from routers.operations import plan, poll_records
from routers.operations.reading import Attempt
from routers.operations.states import Memory
from routers.operations.storing import store_records
from tests.base.plain_model import Line, Reading
from tests.counter_states import states
from tests.resellers.conftest import NOON, mapped

GIGABIT = 10**9
NOON_MS = round(NOON.timestamp() * 1000)
MINUTE_MS = 60_000
TICK_MS = 125  # times that are exact as seconds in a float


class Device:
    """A router with some lines; `read` is what one poll of it says."""

    def __init__(self, names: list[str]) -> None:
        self.now_ms, self.booted_ms, self.clock_off_ms = NOON_MS, NOON_MS - 10**9, 0
        self.octets = {name: [0, 0] for name in names}
        self.missing: set[str] = set()

    @property
    def at_ms(self) -> int:
        return self.now_ms + self.clock_off_ms

    @property
    def uptime_ticks(self) -> int:
        return (self.now_ms - self.booted_ms) // 10

    def flow(self, span_ms: int, dice: random.Random) -> None:
        self.now_ms += span_ms
        for pair in self.octets.values():
            for way in (0, 1):
                pair[way] += GIGABIT * span_ms // 8000 * dice.choice([0, 10, 99, 100]) // 100

    def restart(self) -> None:
        self.booted_ms = self.now_ms
        for pair in self.octets.values():
            pair[:] = [0, 0]

    def read(self) -> CounterReading:
        taken_at, ticks = self.at_ms / 1000, self.uptime_ticks
        rows = tuple(
            CounterRow(name, *self._seen(name), 64, "up", None, ticks, taken_at)
            for name in self.octets
        )
        return CounterReading(ticks, None, taken_at, 1.0, rows, renumbered=bool(self.missing))

    def _seen(self, name: str) -> tuple[int | None, int | None]:
        into, out = self.octets[name]
        return (None, None) if name in self.missing else (into, out)


class Place:
    """The device as the portal knows it, and the model of each of its lines."""

    def __init__(self, router: Router, interfaces: list[Interface]) -> None:
        self.router, self.interfaces = router, interfaces
        self.device = Device([interface.name for interface in interfaces])
        self.lines = {interface.name: Line(GIGABIT) for interface in interfaces}
        self.held: CounterReading | None = None
        self.memory = Memory()

    def store(self, reading: CounterReading) -> None:
        (work,) = plan.load([self.router.pk])
        attempt = Attempt(work, reading, "snmp", snmp_asked=True)
        store_records([poll_records.of(attempt, at_s=reading.taken_at)], memory=self.memory)
        for row in reading.rows:
            if row.in_octets is not None and row.out_octets is not None:
                octets = (row.in_octets, row.out_octets)
                at_ms = round(row.taken_at * 1000)
                self.lines[row.name].read(Reading(at_ms, row.uptime_ticks, octets))

    def poll(self, trick: str, dice: random.Random) -> None:
        self._play(trick, dice)
        span_ms = dice.choice([MINUTE_MS, MINUTE_MS, 17 * MINUTE_MS, MINUTE_MS + 11 * TICK_MS])
        self.device.flow(span_ms, dice)
        reading = self.device.read()
        if trick == "late":
            self.held = reading
            return
        self.store(reading)
        if self.held is not None:
            self.store(self.held)
            self.held = None
        if trick == "twice":
            self.store(reading)

    def _play(self, trick: str, dice: random.Random) -> None:
        self.device.missing = {dice.choice(list(self.lines))} if trick == "missing" else set()
        if trick == "restart":
            self.device.restart()
        elif trick == "clock":
            self.device.clock_off_ms = dice.choice([-3600, 0, 3600]) * 1000
        elif trick == "absurd":
            pair = self.device.octets[dice.choice(list(self.lines))]
            pair[dice.randrange(2)] = dice.choice([0, 2**63, 2**64 - 1])
            self.store(self.device.read())
            pair[:] = [1, 1]


@pytest.fixture
def place(dhaka: Reseller, router: Router) -> Place:
    """Three ports of a gigabit, all of them mapped."""
    lines = [mapped(dhaka, router, f"vlan-{number}").interface for number in (101, 102, 103)]
    Interface.objects.update(if_type=6, speed_bps=GIGABIT)
    return Place(router, [Interface.objects.get(pk=line.pk) for line in lines])


TRICKS = ("restart", "clock", "absurd", "missing", "twice", "late")


@pytest.mark.parametrize("seed", range(4))
def test_what_is_stored_of_any_trace_is_what_the_plain_model_says(place: Place, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(70):
        place.poll(dice.choice([*TRICKS, *[""] * 12]), dice)
    usage.roll_up()
    for interface in place.interfaces:
        _holds(interface, place.lines[interface.name])


def _holds(interface: Interface, line: Line) -> None:
    stored = list(InterfaceUsage.objects.filter(interface=interface).order_by("bucket"))
    mapping = Mapping.objects.get(interface=interface)
    assert [_values(row) for row in stored] == [
        _values(row) for row in Usage.objects.filter(mapping=mapping).order_by("bucket")
    ]
    assert [row.bucket for row in stored] == [
        datetime.fromtimestamp(share.start_ms / 1000, UTC) for share in line.finished
    ]
    state = states()[interface.pk]
    pending = (state.bucket_in_octets, state.bucket_out_octets)
    for way, name in enumerate(("in_octets", "out_octets")):
        assert pending[way] + sum(getattr(row, name) or 0 for row in stored) == line.counted[way]
        for model in (UsageHourly, UsageDaily):
            rolled = model.objects.filter(mapping=mapping).aggregate(sum=Sum(name))["sum"]
            assert rolled == sum(getattr(row, name) or 0 for row in stored)
    for row, share in zip(stored, line.finished, strict=True):
        _is(row, share)


def _is(row: InterfaceUsage, share: Any) -> None:
    assert (row.in_octets is None) == (row.in_bps is None) == (share.covered_ms == 0)
    assert row.in_octets is not None or row.reasons, "a gap without a reason"
    assert row.covered_s == pytest.approx(min(300, share.covered_ms / 1000), abs=1)
    for octets, bps, exact in (
        (row.in_octets, row.in_bps, share.octets[0]),
        (row.out_octets, row.out_bps, share.octets[1]),
    ):
        if octets is not None and bps is not None:
            assert abs(octets - exact) <= share.cuts * (GIGABIT // 8000 + 1)
            assert bps <= Fraction(GIGABIT) * 11 / 10 + Fraction(8000 * share.cuts, 1) / (
                share.covered_ms
            )


def _values(row: InterfaceUsage | Usage) -> tuple[Any, ...]:
    return (row.bucket, row.in_octets, row.out_octets, row.in_bps, row.out_bps, row.quality)
