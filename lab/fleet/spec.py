"""What a fleet is, as plain values: addresses, faults, and the law its counters follow."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from zlib import crc32

from lab.spec import BadSpec

FIRST_VLAN_ID = 101
START_OCTETS = 2**56  # so that every Counter64 has eight octets on the wire, for ever
START_TICKS = 100 * 86_400 * 100  # sysUpTime when the fleet starts: a hundred days
LEAST_RATE, RATES = 1_250, 248_750  # octets per tick of 1/100 s: 1 to 200 Mbit/s
PACKET_OCTETS = 1_000  # per packet, counted with the whole octets of a tick
LOOPBACK = ipaddress.IPv4Network("127.0.0.0/8")


@dataclass(frozen=True, slots=True)
class Faults:
    """Which share of the routers is silent, and which share (others) answers late."""

    dead_share: float = 0.0
    slow_share: float = 0.0
    slow_ms: float = 300.0

    def check(self) -> None:
        """Raises BadSpec."""
        if not (0 <= self.dead_share <= 1 and 0 <= self.slow_share <= 1 - self.dead_share):
            raise BadSpec("fleet: the shares of dead and slow routers are from 0 to 1 together")
        if self.slow_ms < 0:
            raise BadSpec("fleet: slow-ms is negative")

    def is_dead(self, number: int) -> bool:
        """Dead routers stand evenly among the others."""
        return _hit(number, self.dead_share)

    def is_slow(self, number: int) -> bool:
        """Among those that are not dead, evenly too."""
        if not self.slow_share or self.is_dead(number):
            return False
        alive_before = number - 1 - int((number - 1) * self.dead_share + 1e-9)
        return _hit(alive_before + 1, self.slow_share / (1 - self.dead_share))


def _hit(number: int, share: float) -> bool:
    """Whether the running total of the share reaches a new whole at this number (from 1)."""
    return int(number * share + 1e-9) > int((number - 1) * share + 1e-9)


@dataclass(frozen=True, slots=True)
class FleetSpec:
    """Router n (from 1) is the n-th address from `first_address` on, all on one port; or with
    `ports`, the n-th port from `port` on, all on one address. Port 0 takes a free one."""

    routers: int
    vlans: int = 50
    port: int = 16161
    first_address: str = "127.100.0.1"
    ports: bool = False
    community: str = "lab-community"
    seed: int = 1
    faults: Faults = Faults()

    def check(self) -> None:
        """Raises BadSpec with the option that cannot be."""
        if self.routers < 1:
            raise BadSpec("fleet: no routers")
        if not 1 <= self.vlans <= 4094 - FIRST_VLAN_ID:
            raise BadSpec(f"fleet: vlans is not from 1 to {4094 - FIRST_VLAN_ID}")
        self.faults.check()
        try:
            ends = [ipaddress.IPv4Address(self.address(n)) for n in (1, self.routers)]
        except ValueError as error:
            raise BadSpec(f"fleet: first-address: {error}") from None
        if not all(end in LOOPBACK for end in ends):
            raise BadSpec(f"fleet: {ends[0]} to {ends[1]} leaves the loopback network")
        if self.ports and self.port == 0:
            raise BadSpec("fleet: a range of ports needs its first one")
        if not 0 <= self.port <= self.port_of(self.routers) <= 65_535:
            raise BadSpec(f"fleet: ports up to {self.port_of(self.routers)} do not exist")

    def address(self, number: int) -> str:
        """Where router `number` answers."""
        first = ipaddress.IPv4Address(self.first_address)
        return str(first if self.ports else first + (number - 1))

    def port_of(self, number: int) -> int:
        return self.port + number - 1 if self.ports else self.port

    def name(self, number: int) -> str:
        """sysName."""
        return f"fleet-{number:05d}"


def vlan_name(vlan: int) -> str:
    """ifName of VLAN `vlan` (from 1), whose ifIndex is `vlan` too."""
    return f"vlan{FIRST_VLAN_ID + vlan - 1}"


def octets_per_tick(seed: int, number: int, vlan: int, direction: str) -> int:
    """The constant rate of a VLAN `in` or `out`: between 1 and 200 Mbit/s, by chance of the seed."""
    return LEAST_RATE + crc32(f"{seed}/{number}/{vlan}/{direction}".encode()) % RATES


def octets_at(seed: int, number: int, vlan: int, direction: str, ticks: int) -> int:
    """What the octet counter shows when sysUpTime shows `ticks` (before that wraps)."""
    return START_OCTETS + octets_per_tick(seed, number, vlan, direction) * ticks
