"""/interface and /interface/vlan: views of the router's interfaces."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from lab.interfaces import Interface
from lab.menus import (
    ARGUMENT,
    GENERAL,
    MISSING,
    AddressMenu,
    IdentityMenu,
    Menu,
    QueueMenu,
    ResourceMenu,
    Trap,
    only_known,
    require,
    shown,
    truth,
)
from lab.router import LabRouter, NoSuchInterface, Row

_COMMON = ("name", "comment", "disabled", "mtu")
_VLAN = ("vlan-id", "interface", "arp", "use-service-tag")


class InterfaceMenu:
    """/interface: every interface, with counters; names and states can be set."""

    path = "/interface"
    single = False

    def __init__(self, router: LabRouter) -> None:
        self.router = router

    def rows(self) -> list[Row]:
        now = self.router.now
        return [self.row(interface, now) for interface in self.router.interfaces]

    def row(self, interface: Interface, now: float) -> Row:
        """One interface as `print` gives it."""
        seen = self.router.counters(interface, now)
        row = {".id": interface.id, "name": interface.name}
        if interface.kind == "ether":
            row["default-name"] = interface.name
        row |= {
            "type": interface.kind,
            "mtu": str(interface.mtu),
            "actual-mtu": str(interface.mtu),
            "mac-address": interface.mac,
            "link-downs": str(interface.link_downs),
            "rx-byte": str(seen.rx_octets),
            "tx-byte": str(seen.tx_octets),
            "rx-packet": str(seen.rx_packets),
            "tx-packet": str(seen.tx_packets),
        }
        row |= dict.fromkeys(("rx-drop", "tx-drop", "tx-queue-drop", "rx-error", "tx-error"), "0")
        if interface.running:
            row["last-link-up-time"] = self._date(interface.changed_at)
        row |= {"running": shown(interface.running), "disabled": shown(interface.disabled)}
        return row | ({"comment": interface.comment} if interface.comment else {})

    def _date(self, at: float) -> str:
        moment = datetime.fromtimestamp(at, UTC)
        if self.router.version >= (7, 10):
            return moment.strftime("%Y-%m-%d %H:%M:%S")
        return moment.strftime("%b/%d/%Y %H:%M:%S").lower()

    def item(self, item_id: str) -> Interface:
        """Raises Trap where the handle is nobody's."""
        for interface in self.router.interfaces:
            if interface.id == item_id:
                return interface
        raise Trap("no such item", MISSING)

    def add(self, given: Mapping[str, str]) -> str:
        raise Trap("no such command", MISSING)

    def change(self, item_id: str, given: Mapping[str, str]) -> None:
        interface = self.item(item_id)
        only_known(given, _COMMON)
        self._apply(interface, given)

    def _apply(self, interface: Interface, given: Mapping[str, str]) -> None:
        self._check_name(given, interface)
        mtu = _whole(given.get("mtu", str(interface.mtu)), "mtu", 68, 65535)
        disabled = truth(given.get("disabled", shown(interface.disabled)), "disabled")
        interface.mtu = mtu
        interface.comment = given.get("comment", interface.comment)
        self.router.set_state(interface, disabled=disabled)
        if given.get("name", interface.name) != interface.name:
            self.router.rename(interface, given["name"])
        self.announce(interface)

    def announce(self, interface: Interface) -> None:
        """Both menus tell their listeners."""
        now = self.router.now
        self.router.changed("/interface", InterfaceMenu(self.router).row(interface, now))
        if interface.kind == "vlan":
            self.router.changed("/interface/vlan", VlanMenu(self.router).row(interface, now))

    def _check_name(self, given: Mapping[str, str], own: Interface | None) -> None:
        for interface in self.router.interfaces:
            if interface is not own and interface.name == given.get("name"):
                raise Trap("failure: already have interface with such name", GENERAL)

    def remove(self, item_id: str) -> None:
        raise Trap("failure: can not remove physical interface", GENERAL)


class VlanMenu(InterfaceMenu):
    """/interface/vlan: the same interfaces by their VLAN properties."""

    path = "/interface/vlan"

    def rows(self) -> list[Row]:
        now = self.router.now
        return [self.row(one, now) for one in self.router.interfaces if one.kind == "vlan"]

    def row(self, interface: Interface, now: float) -> Row:
        row = {
            ".id": interface.id,
            "name": interface.name,
            "mtu": str(interface.mtu),
            "mac-address": interface.mac,
            "arp": "enabled",
            "vlan-id": str(interface.vlan_id),
            "interface": interface.parent.name if interface.parent else "",
            "use-service-tag": "false",
            "running": shown(interface.running),
            "disabled": shown(interface.disabled),
        }
        return row | ({"comment": interface.comment} if interface.comment else {})

    def add(self, given: Mapping[str, str]) -> str:
        only_known(given, _COMMON + _VLAN)
        require(given, ("name", "vlan-id", "interface"))
        self._check_name(given, None)
        vlan_id = self._vlan_id(given["vlan-id"])
        mtu = _whole(given.get("mtu", "1500"), "mtu", 68, 65535)
        disabled = truth(given.get("disabled", "no"), "disabled")
        self._port(given["interface"])
        made = self.router.add_vlan(
            given["name"],
            vlan_id=vlan_id,
            parent=given["interface"],
            comment=given.get("comment", ""),
            mtu=mtu,
            disabled=disabled,
        )
        self.announce(made)
        return made.id

    def change(self, item_id: str, given: Mapping[str, str]) -> None:
        interface = self.item(item_id)
        only_known(given, _COMMON + _VLAN)
        vlan_id = self._vlan_id(given.get("vlan-id", str(interface.vlan_id)))
        if "interface" in given:
            self.router.move(interface, self._port(given["interface"]))
        self._apply(interface, {name: given[name] for name in _COMMON if name in given})
        interface.vlan_id = vlan_id

    def remove(self, item_id: str) -> None:
        interface = self.item(item_id)
        self.router.remove(interface)
        for path in ("/interface", "/interface/vlan"):
            self.router.changed(path, {".id": item_id, ".dead": "true"})

    def _port(self, name: str) -> Interface:
        try:
            return self.router.interface(name)
        except NoSuchInterface:
            raise Trap("input does not match any value of interface", ARGUMENT) from None

    def _vlan_id(self, given: str) -> int:
        return _whole(given, "vlan-id", 1, 4094)


def _whole(given: str, name: str, low: int, high: int) -> int:
    if not given.isdecimal():
        raise Trap(f"invalid value for argument {name}", ARGUMENT)
    if not low <= int(given) <= high:
        raise Trap(f"value of {name} out of range ({low}..{high})", ARGUMENT)
    return int(given)


def menus_of(router: LabRouter) -> dict[str, Menu]:
    """Every menu of a router by its path."""
    menus: list[Menu] = [
        InterfaceMenu(router),
        VlanMenu(router),
        QueueMenu(router),
        AddressMenu(router),
        IdentityMenu(router),
        ResourceMenu(router),
    ]
    return {menu.path: menu for menu in menus}
