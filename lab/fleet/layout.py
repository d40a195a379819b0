"""The MIB of a fleet's router: the same objects in all, with the values that differ left open."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from lab import ber
from lab.ber import COUNTER32, COUNTER64, GAUGE32, INTEGER, OCTETS, OID, TIMETICKS, Oid, Plain
from lab.fleet.spec import PACKET_OCTETS, Faults, FleetSpec, octets_per_tick, vlan_name
from lab.mib import IF_TABLE, IF_X_TABLE, LOW32, MIKROTIK

SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)
SPEED_BPS = 10_000_000_000
VERSION, BOARD = b"7.16.2", b"CCR2004-1G-12S+2XS"
L2VLAN, MTU, UP = 135, 1500, 1
MOST_OCTETS = {OCTETS: 11, COUNTER32: 5, TIMETICKS: 5}  # of values that differ: a sysName


class FleetRouter:
    """What differs from router to router. `rates` are growths per tick, by slot (see `slots`)."""

    __slots__ = ("ancillary", "dead", "delay_s", "first_ticks", "name", "number", "rates")

    def __init__(self, spec: FleetSpec, number: int) -> None:
        self.number = number
        self.name = spec.name(number).encode()
        self.first_ticks = number * 100  # a second apart, so that no two tell the same uptime
        self.ancillary: list[tuple[int, int, bytes]] = []
        self.rates = slots(spec, number)
        self.set_faults(spec.faults)

    def set_faults(self, faults: Faults) -> None:
        self.dead = faults.is_dead(self.number)
        self.delay_s = faults.slow_ms / 1000 if faults.is_slow(self.number) else 0.0


def slots(spec: FleetSpec, number: int) -> tuple[int, ...]:
    """Growth per tick: in octets, in packets, out octets, out packets, for one VLAN after another."""
    rates: list[int] = []
    for vlan in range(1, spec.vlans + 1):
        for direction in ("in", "out"):
            octets = octets_per_tick(spec.seed, number, vlan, direction)
            rates += (octets, octets // PACKET_OCTETS)
    return tuple(rates)


Read = Callable[[FleetRouter, int], Plain]


@dataclass(frozen=True, slots=True)
class Cell:
    """One object: a value that is always the same (`tlv`), a Counter64 (`slot`), or one to be read
    from the router and its ticks."""

    tlv: bytes = b""
    slot: int | None = None
    tag: int = 0
    read: Read | None = None

    @property
    def size(self) -> int:
        """Octets of the value on the wire, at most."""
        if self.slot is not None:
            return 10
        return 2 + MOST_OCTETS[self.tag] if self.read else len(self.tlv)


def _always(tag: int, plain: Plain) -> Cell:
    return Cell(tlv=ber.value(tag, plain))


def _counter32(slot: int) -> Cell:
    return Cell(tag=COUNTER32, read=lambda router, ticks: router.rates[slot] * ticks & LOW32)


NO_OBJECT = _always(ber.NO_SUCH_OBJECT, None)
NO_INSTANCE = _always(ber.NO_SUCH_INSTANCE, None)
END = _always(ber.END_OF_MIB_VIEW, None)


def _scalars(vlans: int) -> dict[Oid, Cell]:
    return {
        (*SYSTEM, 1, 0): _always(OCTETS, b"RouterOS " + BOARD),
        (*SYSTEM, 2, 0): _always(OID, MIKROTIK),
        (*SYSTEM, 3, 0): Cell(tag=TIMETICKS, read=lambda _, ticks: ticks & LOW32),
        (*SYSTEM, 4, 0): _always(OCTETS, b""),
        (*SYSTEM, 5, 0): Cell(tag=OCTETS, read=lambda router, _: router.name),
        (*SYSTEM, 6, 0): _always(OCTETS, b""),
        (*SYSTEM, 7, 0): _always(INTEGER, 78),
        (1, 3, 6, 1, 2, 1, 2, 1, 0): _always(INTEGER, vlans),
        (*MIKROTIK, 1, 4, 4, 0): _always(OCTETS, VERSION),
        (*MIKROTIK, 1, 7, 8, 0): _always(OCTETS, BOARD),
    }


def _interface(vlan: int) -> dict[Oid, Cell]:
    """Both tables' row of a VLAN; its counters' slots are those of `slots`."""
    slot = 4 * (vlan - 1)
    name = vlan_name(vlan).encode()
    if_table = {
        1: _always(INTEGER, vlan),
        2: _always(OCTETS, name),
        3: _always(INTEGER, L2VLAN),
        4: _always(INTEGER, MTU),
        5: _always(GAUGE32, LOW32),
        6: _always(OCTETS, b"\x02\x1a\x4d" + vlan.to_bytes(3, "big")),
        7: _always(INTEGER, UP),
        8: _always(INTEGER, UP),
        9: _always(TIMETICKS, 0),
        10: _counter32(slot),
        11: _counter32(slot + 1),
        16: _counter32(slot + 2),
        17: _counter32(slot + 3),
    } | {column: _always(COUNTER32, 0) for column in (13, 14, 19, 20)}
    if_x_table = {
        1: _always(OCTETS, name),
        2: _always(COUNTER32, 0),
        3: _always(COUNTER32, 0),
        6: Cell(slot=slot),
        7: Cell(slot=slot + 1),
        8: _always(COUNTER64, 0),
        10: Cell(slot=slot + 2),
        11: Cell(slot=slot + 3),
        15: _always(GAUGE32, SPEED_BPS // 1_000_000),
        18: _always(OCTETS, b""),
    }
    return {(*IF_TABLE, column, vlan): cell for column, cell in if_table.items()} | {
        (*IF_X_TABLE, column, vlan): cell for column, cell in if_x_table.items()
    }


class Layout:
    """All objects in order."""

    def __init__(self, vlans: int) -> None:
        self.cells = _scalars(vlans)
        for vlan in range(1, vlans + 1):
            self.cells |= _interface(vlan)
        self.oids = sorted(self.cells)
        self._objects = {oid[:-1] for oid in self.oids}

    def get(self, oid: Oid) -> Cell:
        """The object, or one of the two exceptions of RFC 3416."""
        found = self.cells.get(oid)
        if found is not None:
            return found
        return NO_INSTANCE if oid[:-1] in self._objects else NO_OBJECT

    def next(self, oid: Oid) -> tuple[Oid, Cell]:
        """The first object behind an OID, or endOfMibView under the same name."""
        position = bisect_right(self.oids, oid)
        if position == len(self.oids):
            return oid, END
        return self.oids[position], self.cells[self.oids[position]]
