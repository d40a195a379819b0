"""The MIB view of a lab router: system, interfaces, ifXTable and a few MikroTik objects."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from lab.ber import (
    COUNTER32,
    COUNTER64,
    END_OF_MIB_VIEW,
    GAUGE32,
    INTEGER,
    NO_SUCH_INSTANCE,
    NO_SUCH_OBJECT,
    OCTETS,
    OID,
    TIMETICKS,
    Oid,
    Plain,
)
from lab.interfaces import Counters, Interface
from lab.router import LabRouter
from lab.words import octets_of

Value = tuple[int, Plain]
Found = tuple[Oid, int, Plain]
LOW32 = 0xFFFFFFFF
IF_TABLE: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1)
IF_X_TABLE: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
DISCONTINUITY: Oid = (*IF_X_TABLE, 19)
MIKROTIK: Oid = (1, 3, 6, 1, 4, 1, 14988, 1)
_TYPES = {"ether": 6, "vlan": 135}


class View(Protocol):
    """What an agent answers from."""

    def get(self, oid: Oid) -> Value: ...
    def next(self, oid: Oid) -> Found: ...


@dataclass(frozen=True, slots=True)
class Cell:
    """One interface at one instant."""

    router: LabRouter
    interface: Interface
    counters: Counters


def _oper_status(interface: Interface) -> int:
    """1 up, 2 down, 7 lowerLayerDown (RFC 2863)."""
    if interface.running:
        return 1
    below = interface.parent
    return 7 if below is not None and not below.running and not interface.disabled else 2


def _speed_mbps(interface: Interface) -> int:
    """RouterOS says 0 for a port without link; a VLAN has the speed of its port."""
    port = interface.parent or interface
    return port.speed_mbps if interface.running else 0


def _column(tag: int, read: Callable[[Cell], Plain]) -> Callable[[Cell], Value]:
    return lambda cell: (tag, read(cell))


_ZERO32 = _column(COUNTER32, lambda _: 0)
_ZERO64 = _column(COUNTER64, lambda _: 0)
_NAME = _column(OCTETS, lambda cell: octets_of(cell.interface.name))

COLUMNS: dict[Oid, Callable[[Cell], Value]] = {
    (*IF_TABLE, 1): _column(INTEGER, lambda cell: cell.interface.index),
    (*IF_TABLE, 2): _NAME,
    (*IF_TABLE, 3): _column(INTEGER, lambda cell: _TYPES[cell.interface.kind]),
    (*IF_TABLE, 4): _column(INTEGER, lambda cell: cell.interface.mtu),
    (*IF_TABLE, 5): _column(
        GAUGE32, lambda cell: min(_speed_mbps(cell.interface) * 1_000_000, LOW32)
    ),
    (*IF_TABLE, 6): _column(
        OCTETS, lambda cell: bytes.fromhex(cell.interface.mac.replace(":", ""))
    ),
    (*IF_TABLE, 7): _column(INTEGER, lambda cell: 2 if cell.interface.disabled else 1),
    (*IF_TABLE, 8): _column(INTEGER, lambda cell: _oper_status(cell.interface)),
    (*IF_TABLE, 9): _column(TIMETICKS, lambda cell: cell.router.ticks(cell.interface.changed_at)),
    (*IF_TABLE, 10): _column(COUNTER32, lambda cell: cell.counters.rx_octets & LOW32),
    (*IF_TABLE, 11): _column(COUNTER32, lambda cell: cell.counters.rx_packets & LOW32),
    (*IF_TABLE, 13): _ZERO32,
    (*IF_TABLE, 14): _ZERO32,
    (*IF_TABLE, 16): _column(COUNTER32, lambda cell: cell.counters.tx_octets & LOW32),
    (*IF_TABLE, 17): _column(COUNTER32, lambda cell: cell.counters.tx_packets & LOW32),
    (*IF_TABLE, 19): _ZERO32,
    (*IF_TABLE, 20): _ZERO32,
    (*IF_X_TABLE, 1): _NAME,
    (*IF_X_TABLE, 2): _ZERO32,
    (*IF_X_TABLE, 3): _ZERO32,
    (*IF_X_TABLE, 6): _column(COUNTER64, lambda cell: cell.counters.rx_octets),
    (*IF_X_TABLE, 7): _column(COUNTER64, lambda cell: cell.counters.rx_packets),
    (*IF_X_TABLE, 8): _ZERO64,
    (*IF_X_TABLE, 10): _column(COUNTER64, lambda cell: cell.counters.tx_octets),
    (*IF_X_TABLE, 11): _column(COUNTER64, lambda cell: cell.counters.tx_packets),
    (*IF_X_TABLE, 15): _column(GAUGE32, lambda cell: _speed_mbps(cell.interface)),
    (*IF_X_TABLE, 18): _column(OCTETS, lambda cell: octets_of(cell.interface.comment)),
    DISCONTINUITY: _column(TIMETICKS, lambda cell: cell.router.ticks(cell.router.discontinuity_at)),
}

SCALARS: dict[Oid, Callable[[LabRouter], Value]] = {
    (1, 3, 6, 1, 2, 1, 1, 1, 0): lambda one: (OCTETS, f"RouterOS {one.spec.board}".encode()),
    (1, 3, 6, 1, 2, 1, 1, 2, 0): lambda _: (OID, MIKROTIK),
    (1, 3, 6, 1, 2, 1, 1, 3, 0): lambda one: (TIMETICKS, one.ticks()),
    (1, 3, 6, 1, 2, 1, 1, 4, 0): lambda _: (OCTETS, b""),
    (1, 3, 6, 1, 2, 1, 1, 5, 0): lambda one: (OCTETS, octets_of(one.identity)),
    (1, 3, 6, 1, 2, 1, 1, 6, 0): lambda _: (OCTETS, b""),
    (1, 3, 6, 1, 2, 1, 1, 7, 0): lambda _: (INTEGER, 78),
    (1, 3, 6, 1, 2, 1, 2, 1, 0): lambda one: (INTEGER, len(one.interfaces)),
    (1, 3, 6, 1, 2, 1, 25, 3, 3, 1, 2, 1): lambda one: (INTEGER, one.cpu_load),
    (1, 3, 6, 1, 2, 1, 31, 1, 5, 0): lambda one: (TIMETICKS, one.ticks(one.table_changed_at)),
    (*MIKROTIK, 1, 4, 4, 0): lambda one: (OCTETS, one.spec.version.encode()),
    (*MIKROTIK, 1, 7, 3, 0): lambda one: (OCTETS, one.serial.encode()),
    (*MIKROTIK, 1, 7, 4, 0): lambda one: (OCTETS, one.spec.version.encode()),
    (*MIKROTIK, 1, 7, 8, 0): lambda one: (OCTETS, one.spec.board.encode()),
    (*MIKROTIK, 1, 7, 9, 0): lambda one: (OCTETS, one.spec.board.encode()),
}  # fmt: skip


@lru_cache(maxsize=4096)
def _layout(indexes: tuple[int, ...], discontinuity: bool) -> tuple[list[Oid], set[Oid]]:
    """Every instance in order, and the same as a set; routers of one shape share it."""
    columns = [column for column in COLUMNS if discontinuity or column != DISCONTINUITY]
    oids = [(*column, index) for column in columns for index in indexes]
    oids += SCALARS
    return sorted(oids), set(oids)


class RouterView:
    """One router at one instant: make a new one for each request."""

    def __init__(self, router: LabRouter) -> None:
        self.router = router
        self.now = router.now
        indexes = tuple(sorted(one.index for one in router.interfaces))
        self.oids, self.known = _layout(indexes, router.spec.discontinuity_time)
        self._cells: dict[int, Cell] = {}

    def get(self, oid: Oid) -> Value:
        """The value, or one of the two exceptions of RFC 3416."""
        if oid in self.known:
            return self._read(oid)
        is_object = any(oid[: len(column)] == column for column in COLUMNS) or any(
            oid[:-1] == scalar[:-1] for scalar in SCALARS
        )
        return (NO_SUCH_INSTANCE if is_object else NO_SUCH_OBJECT), None

    def next(self, oid: Oid) -> Found:
        """The first instance behind an OID, or endOfMibView under the same name."""
        position = bisect_right(self.oids, oid)
        if position == len(self.oids):
            return oid, END_OF_MIB_VIEW, None
        found = self.oids[position]
        return found, *self._read(found)

    def _read(self, oid: Oid) -> Value:
        scalar = SCALARS.get(oid)
        if scalar is not None:
            return scalar(self.router)
        return COLUMNS[oid[:-1]](self._cell(oid[-1]))

    def _cell(self, index: int) -> Cell:
        cell = self._cells.get(index)
        if cell is None:
            interface = self.router.by_index(index)
            if interface is None:
                raise KeyError(index)
            counters = self.router.counters(interface, self.now)
            cell = self._cells[index] = Cell(self.router, interface, counters)
        return cell
