"""What interfaces and their counters look like, whether SNMP or the RouterOS API told us."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from ispcore.protocols.errors import Nonsense

MOST_INTERFACES = 50_000
HIGHEST_INDEX = 2**31 - 1  # RFC 2863, InterfaceIndex; ifType has the same range
LONGEST_NAME = 255  # characters: ifName has 255 octets
COUNTER64 = 2**64
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def counter(value: int) -> int | None:
    """An octet counter; None for a number that does not fit in one."""
    return value if 0 <= value < COUNTER64 else None


def mac(text: str) -> str:
    """A MAC address; empty for link addresses of other kinds (InfiniBand, tunnels)."""
    return text.lower() if _MAC.fullmatch(text.lower()) else ""


def check_table(size: int, highest_index: int) -> None:
    """Raises Nonsense for a table of interfaces that no router has."""
    if size > MOST_INTERFACES:
        raise Nonsense(f"the router lists {size} interfaces: more than {MOST_INTERFACES}")
    if highest_index > HIGHEST_INDEX:
        raise Nonsense(f"the router has an interface with the impossible index {highest_index}")


@dataclass(frozen=True, slots=True)
class DiscoveredInterface:
    """One interface. `name` is unique on its device and is the key of its series; `index` moves
    after a restart. States: up, down, testing, unknown, dormant, notPresent, lowerLayerDown."""

    index: int
    name: str
    descr: str
    alias: str
    if_type: int  # IANA ifType: 6 ethernet, 135 VLAN, 209 bridge, 23 ppp, 1 other
    speed_bps: int | None  # None: unknown
    mac: str  # aa:bb:cc:dd:ee:ff, empty if none
    admin_state: str
    oper_state: str
    counter_bits: int  # of its octet counters: 64, 32, or 0 if it has none
    vlan_by_name: int | None = None  # what its name suggests; a person decides


@dataclass(frozen=True, slots=True)
class Discovery:
    """A device and its interfaces, by index. `uptime_ticks` in 1/100 s, as they were at `taken_at`
    (seconds since 1970); what it is (`vendor`,
    `model`, `os`, `os_version`) is empty where nobody knows."""

    sys_name: str
    sys_descr: str
    sys_object_id: str
    uptime_ticks: int
    if_number: int | None
    interfaces: tuple[DiscoveredInterface, ...]
    took_ms: float
    taken_at: float
    vendor: str = ""
    model: str = ""
    os: str = ""
    os_version: str = ""


class CounterRow(NamedTuple):
    """The octet counters of one interface, None where the device has or gave none.

    `uptime_ticks` (1/100 s) and `taken_at` (seconds since 1970) belong to the very answer that
    carried the counters. `discontinuity_ticks` is ifCounterDiscontinuityTime, None if not asked
    for or absent.
    """

    name: str
    in_octets: int | None
    out_octets: int | None
    bits: int
    oper_state: str
    discontinuity_ticks: int | None
    uptime_ticks: int
    taken_at: float


@dataclass(frozen=True, slots=True)
class CounterReading:
    """Counters of one device in the order they were wanted.

    `uptime_ticks` and `taken_at` are those of the first answer. `renumbered`: at least one wanted
    interface is no longer where discovery found it (another name there, or nothing): its octets
    are None, and the device should be discovered again. `uptime_step_ticks` is the resolution of
    the uptime: 1 over SNMP, 100 where whole
    seconds are counted (RouterOS' API, snmpEngineTime).
    """

    uptime_ticks: int
    if_number: int | None
    taken_at: float
    took_ms: float
    rows: tuple[CounterRow, ...]
    renumbered: bool
    uptime_step_ticks: int = 1
