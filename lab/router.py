"""One lab router: the single source of what its API and its SNMP agent say."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

from lab.interfaces import COUNTER64, Counters, Interface, counters
from lab.meter import Meter
from lab.spec import RouterSpec
from lab.traffic import Level

Row = dict[str, str]
Watcher = Callable[[str, Row], None]
TICKS = 1 << 32


class NoSuchInterface(KeyError):
    """No interface of that name on this router."""

    def __str__(self) -> str:
        return f"no interface called {self.args[0]!r}"


class LabRouter:
    """State of one router. Only its event loop touches it; `clock` gives epoch seconds."""

    def __init__(self, spec: RouterSpec, *, clock: Callable[[], float] = time.time) -> None:
        self.spec = spec
        self.clock = clock
        now = clock()
        self.boot_at = now - spec.uptime_s
        self.engine_boots = 1
        self.identity = spec.name
        self.structure = 0  # grows whenever interfaces come, go, move or change their names
        self.table_changed_at = self.boot_at
        self.discontinuity_at = 0.0
        self.tables: dict[str, dict[str, Row]] = {}
        self.interfaces: list[Interface] = []
        self.watchers: list[Watcher] = []
        self.on_change: Callable[[], None] = lambda: None
        self.next_index = 1
        self._build()

    def _build(self) -> None:
        for port in self.spec.ethers:
            self._append(
                name=port.name,
                kind="ether",
                comment=port.comment,
                speed_mbps=port.speed_mbps,
                link=port.link,
                wan=port.wan,
            )
        for vlan in self.spec.vlans:
            self._append(
                name=vlan.name,
                kind="vlan",
                comment=vlan.comment,
                parent=self.interface(vlan.parent),
                vlan_id=vlan.vlan_id,
                meter=Meter(vlan.profile, self.boot_at),
            )
        self.retune()

    def _append(self, **properties: Any) -> Interface:
        index = self.next_index
        self.next_index += 1
        made = Interface(index=index, mac=self._mac(index), changed_at=self.boot_at, **properties)
        if made.parent is not None:
            made.mac = made.parent.mac
        self.interfaces.append(made)
        self.structure += 1
        return made

    def _mac(self, index: int) -> str:
        digest = hashlib.sha256(self.spec.name.encode("utf-8", "replace")).digest()
        octets = bytes([0x2C, 0xC8, 0x1B, digest[0], digest[1], (digest[2] + index) & 0xFF])
        return octets.hex(":").upper()

    # what is

    @property
    def now(self) -> float:
        return self.clock()

    @property
    def uptime_s(self) -> float:
        return max(0.0, self.now - self.boot_at)

    @property
    def version(self) -> tuple[int, int]:
        """(major, minor) of RouterOS."""
        major, _, rest = self.spec.version.partition(".")
        return int(major), int(rest.partition(".")[0] or 0)

    @property
    def serial(self) -> str:
        digest = hashlib.sha256(self.spec.name.encode("utf-8", "replace")).hexdigest()
        return f"HF{digest[:9].upper()}"

    @property
    def cpu_load(self) -> int:
        """Percent; follows the traffic of the physical ports."""
        now = self.now
        load = sum(
            self.counters(port, now).tx_bps / (port.speed_mbps or 1)
            for port in self.interfaces
            if port.parent is None
        )
        return min(100, 3 + int(load / 20_000))

    def ticks(self, at: float | None = None) -> int:
        """sysUpTime, hundredths of a second, at an instant of the epoch (default: now)."""
        at = self.now if at is None else at
        return int(max(0.0, at - self.boot_at) * 100) % TICKS

    def interface(self, name: str) -> Interface:
        """Raises NoSuchInterface."""
        for interface in self.interfaces:
            if interface.name == name:
                return interface
        raise NoSuchInterface(name)

    def by_index(self, index: int) -> Interface | None:
        return next((one for one in self.interfaces if one.index == index), None)

    def meters_of(self, interface: Interface) -> list[Meter]:
        """The meters whose octets pass through an interface."""
        if interface.meter is not None:
            return [interface.meter]
        return [
            vlan.meter
            for vlan in self.interfaces
            if vlan.meter is not None and (interface.wan or vlan.parent is interface)
        ]

    def counters(self, interface: Interface, now: float | None = None) -> Counters:
        """Counters and rates at an instant; API and SNMP both ask here."""
        return counters(interface, self.meters_of(interface), self.now if now is None else now)

    # what happens to it

    def changed(self, path: str, row: Row) -> None:
        """Tell listeners of a menu and keep the state."""
        for watcher in list(self.watchers):
            watcher(path, row)
        self.on_change()

    def retune(self) -> None:
        """Stop the meters of VLANs that do not run, start those that do."""
        now = self.now
        for vlan in self.interfaces:
            if vlan.meter is not None and vlan.meter.flowing != vlan.running:
                vlan.meter.tune(now, flowing=vlan.running)

    def set_level(self, name: str, level: Level) -> None:
        """Traffic of one VLAN from now on; raises NoSuchInterface."""
        meter = self.interface(name).meter
        if meter is None:
            raise NoSuchInterface(name)
        meter.tune(self.now, level=level)
        self.on_change()

    def set_state(
        self, interface: Interface, *, disabled: bool | None = None, link: bool | None = None
    ) -> None:
        """Enable or disable, plug or unplug; VLANs on a port follow it."""
        before = {one.index: one.running for one in self.interfaces}
        interface.disabled = interface.disabled if disabled is None else disabled
        interface.link = interface.link if link is None else link
        for one in self.interfaces:
            if one.running != before[one.index]:
                one.changed_at = self.now
                one.link_downs += not one.running
        self.retune()
        self.on_change()

    def add_vlan(self, name: str, *, vlan_id: int, parent: str, **properties: Any) -> Interface:
        """A new VLAN on a port; raises NoSuchInterface for the port."""
        port = self.interface(parent)
        meter = Meter(properties.pop("profile", None), self.now)
        made = self._append(
            name=name, kind="vlan", parent=port, vlan_id=vlan_id, meter=meter, **properties
        )
        made.changed_at = self.table_changed_at = self.now
        self.retune()
        self.on_change()
        return made

    def remove(self, interface: Interface) -> None:
        """Take an interface (and the VLANs on it) away; ports keep what they have counted."""
        for vlan in [one for one in self.interfaces if one.parent is interface]:
            self.remove(vlan)
        if interface.meter is not None:
            self._fold(interface)
        self.interfaces.remove(interface)
        self.structure += 1
        self.table_changed_at = self.now
        self.on_change()

    def _fold(self, vlan: Interface) -> None:
        if vlan.meter is None:
            return
        down, up = vlan.meter.read(self.now)
        for port in self.interfaces:
            if port.wan:
                port.rx_offset, port.tx_offset = port.rx_offset + down, port.tx_offset + up
            elif vlan.parent is port:
                port.rx_offset, port.tx_offset = port.rx_offset + up, port.tx_offset + down

    def move(self, vlan: Interface, port: Interface) -> None:
        """Put a VLAN on another port; both ports keep what they have counted."""
        if vlan.meter is None or vlan.parent is port or port is vlan:
            return
        down, up = vlan.meter.read(self.now)
        old = vlan.parent
        if old is not None and not old.wan:
            old.rx_offset, old.tx_offset = old.rx_offset + up, old.tx_offset + down
        if not port.wan:
            port.rx_offset, port.tx_offset = port.rx_offset - up, port.tx_offset - down
        vlan.parent = port
        self.retune()
        self.on_change()

    def rename(self, interface: Interface, name: str) -> None:
        interface.name = name
        self.structure += 1
        self.on_change()

    def reboot(self, *, renumber: bool = False) -> None:
        """Uptime and counters start at zero; indexes may move, as on real devices."""
        now = self.now
        self.boot_at = self.table_changed_at = now
        self.discontinuity_at = 0.0
        self.engine_boots += 1
        for interface in self.interfaces:
            interface.rx_offset = interface.tx_offset = interface.link_downs = 0
            interface.changed_at = now
            if interface.meter is not None:
                interface.meter.restart(now)
        if renumber:
            self.renumber()
        self.on_change()

    def renumber(self, *, by: int = 7) -> None:
        """Every ifIndex moves: the order is turned round and shifted by some numbers."""
        for position, interface in enumerate(reversed(self.interfaces), start=1):
            interface.index = by + position
        self.interfaces.sort(key=lambda one: one.index)
        self.next_index = by + len(self.interfaces) + 1
        self.structure += 1
        self.table_changed_at = self.now
        self.on_change()

    def preset(self, interface: Interface, *, rx: int | None = None, tx: int | None = None) -> None:
        """Make the octet counters show these values now, and grow from there."""
        shown = self.counters(interface)
        if rx is not None:
            interface.rx_offset += (rx - shown.rx_octets) % COUNTER64
        if tx is not None:
            interface.tx_offset += (tx - shown.tx_octets) % COUNTER64
        self.discontinuity_at = self.now
        self.on_change()
