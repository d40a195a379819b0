"""The interfaces of a lab router and their counters."""

from __future__ import annotations

from dataclasses import dataclass

from lab.meter import Meter

COUNTER64 = 1 << 64
DOWN_PACKET_OCTETS = 1100
UP_PACKET_OCTETS = 260


@dataclass(slots=True, eq=False)
class Interface:
    """One interface. `rx` and `tx` are seen from the router, as RouterOS and IF-MIB do.

    A VLAN owns a meter; a port carries those of its VLANs, a WAN port those of all VLANs with the
    directions swapped. Offsets are what a counter shows beyond its meters.
    """

    index: int
    name: str
    kind: str  # ether or vlan, RouterOS' word
    mac: str
    mtu: int = 1500
    comment: str = ""
    speed_mbps: int = 0
    link: bool = True
    disabled: bool = False
    wan: bool = False
    parent: Interface | None = None
    vlan_id: int = 0
    meter: Meter | None = None
    rx_offset: int = 0
    tx_offset: int = 0
    changed_at: float = 0.0  # of the last change of state, for ifLastChange
    link_downs: int = 0

    @property
    def id(self) -> str:
        """RouterOS' handle of the item."""
        return f"*{self.index:X}"

    @property
    def running(self) -> bool:
        """Enabled, with link, on a running port."""
        if self.disabled or not self.link:
            return False
        return self.parent is None or self.parent.running

    @property
    def octet_direction(self) -> tuple[int, int]:
        """Mean octets of a packet received and sent."""
        pair = (UP_PACKET_OCTETS, DOWN_PACKET_OCTETS)
        return pair[::-1] if self.wan else pair


@dataclass(frozen=True, slots=True)
class Counters:
    """One interface at one instant: 64-bit counters and present rates."""

    rx_octets: int
    tx_octets: int
    rx_packets: int
    tx_packets: int
    rx_bps: int
    tx_bps: int


def counters(interface: Interface, meters: list[Meter], now: float) -> Counters:
    """Counters of an interface that carries these meters."""
    down = up = down_bps = up_bps = 0
    for meter in meters:
        meter_down, meter_up = meter.read(now)
        rate_down, rate_up = meter.rate_bps(now)
        down += meter_down
        up += meter_up
        down_bps += rate_down
        up_bps += rate_up
    received, sent, rx_bps, tx_bps = up, down, up_bps, down_bps
    if interface.wan:
        received, sent, rx_bps, tx_bps = down, up, down_bps, up_bps
    rx_mean, tx_mean = interface.octet_direction
    return Counters(
        rx_octets=(interface.rx_offset + received) % COUNTER64,
        tx_octets=(interface.tx_offset + sent) % COUNTER64,
        rx_packets=received // rx_mean,
        tx_packets=sent // tx_mean,
        rx_bps=rx_bps,
        tx_bps=tx_bps,
    )
