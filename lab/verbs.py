"""The control verbs: what a scenario can do to a router."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from lab import faults as fault
from lab.interface_menus import VlanMenu
from lab.router import LabRouter, NoSuchInterface
from lab.traffic import Level, Profile

if TYPE_CHECKING:
    from lab.device import Device
    from lab.network import Lab

Answer = dict[str, Any]
Verb = Callable[..., Awaitable[Answer]]
VERBS: dict[str, Verb] = {}

# Bytes that a careless reader chokes on: latin-1, control characters, HTML, and a long one.
HOSTILE_NAMES = (
    b"caf\xe9-100%\xff",
    b"ctl-\x01\x07\x1b[31m-\x7f",
    b"<script>alert(1)</script>",
    b'"><img src=x onerror=alert(2)>',
    b"tab\tand\nnewline",
    b"=ret=!done .tag=9",
    b"\xf0\x9f\x90\x99-\xd8\xb1\xd8\xa8\xe2\x80\xae-rtl",
    b"x" * 255,
)


class BadControl(ValueError):
    """A request that the lab cannot carry out; the message says why."""


def verb(function: Verb) -> Verb:
    """Register a verb under its name with dashes."""
    VERBS[function.__name__.replace("_", "-")] = function
    return function


async def perform(lab: Lab, name: str, given: dict[str, Any]) -> Answer:
    """Find the verb, its router, and check the arguments; raises BadControl."""
    function = VERBS.get(name)
    if function is None:
        raise BadControl(f"unknown verb {name!r}; there are: {', '.join(sorted(VERBS))}")
    arguments = dict(given)
    if name == "status":
        return await function(lab, **arguments)
    device = _device(lab, arguments.pop("router", None))
    try:
        inspect.signature(function).bind(device, **arguments)
    except TypeError as error:
        raise BadControl(f"{name}: {error}") from None
    try:
        return await function(device, **arguments)
    except NoSuchInterface as error:
        raise BadControl(f"{device.spec.name}: {error}") from None


def _device(lab: Lab, name: object) -> Device:
    if name is None and len(lab.devices) == 1:
        return next(iter(lab.devices.values()))
    device = lab.devices.get(str(name))
    if device is None:
        raise BadControl(f"no router called {name!r}; there are: {', '.join(lab.devices)}")
    return device


@verb
async def status(lab: Lab, router: str | None = None) -> Answer:
    """Every router, or one: mode, ports, uptime, interfaces with counters and rates."""
    chosen = [_device(lab, router)] if router else list(lab.devices.values())
    return {"routers": {device.spec.name: _describe(device) for device in chosen}}


def _describe(device: Device) -> Answer:
    router = device.router
    now = router.now
    return {
        "address": device.spec.address,
        "api_port": device.api_port,
        "api_tls_port": device.api_tls_port,
        "snmp_port": device.snmp_port,
        "mode": device.faults.mode,
        "delay_ms": round(device.faults.delay_s * 1000),
        "loss": device.faults.loss,
        "uptime_s": round(now - router.boot_at, 6),
        "api_connections": device.api.statistics.connections,
        "api_logins": device.api.statistics.logins,
        "snmp_requests": device.agent.requests,
        "interfaces": _interfaces(router, now),
    }


def _interfaces(router: LabRouter, now: float) -> list[Answer]:
    rows = []
    for interface in router.interfaces:
        seen = router.counters(interface, now)
        row = {
            "name": interface.name,
            "index": interface.index,
            "type": interface.kind,
            "running": interface.running,
            "rx_octets": seen.rx_octets,
            "tx_octets": seen.tx_octets,
            "rx_bps": seen.rx_bps,
            "tx_bps": seen.tx_bps,
        }
        rows.append(row)
    return rows


@verb
async def level(
    device: Device,
    interface: str,
    multiplier: float = 1.0,
    down_bps: int | None = None,
    up_bps: int | None = None,
) -> Answer:
    """Traffic of one VLAN: times a multiplier, or fixed rates; nothing given: as usual."""
    if multiplier < 0 or (down_bps or 0) < 0 or (up_bps or 0) < 0:
        raise BadControl("level: traffic cannot be negative")
    device.router.set_level(interface, Level(multiplier, down_bps, up_bps))
    return {}


@verb
async def reboot(device: Device, renumber: bool = False) -> Answer:
    """Uptime and counters to zero, connections broken; indexes move if asked."""
    device.router.reboot(renumber=renumber)
    device.api.hang_up()
    return {}


@verb
async def renumber(device: Device, by: int = 7) -> Answer:
    """Every ifIndex moves, without a reboot."""
    device.router.renumber(by=by)
    return {}


@verb
async def preset(
    device: Device, interface: str, rx: int | None = None, tx: int | None = None
) -> Answer:
    """Counters of an interface to given octets, for instance just below 2^32 or 2^64."""
    device.router.preset(device.router.interface(interface), rx=rx, tx=tx)
    return {}


@verb
async def slow(device: Device, delay_ms: float) -> Answer:
    """Every answer so much later; 0 ends it."""
    device.faults.delay_s = max(0.0, delay_ms / 1000)
    return {}


@verb
async def loss(device: Device, share: float) -> Answer:
    """This share (0 to 1) of datagrams and new connections is lost; 0 ends it."""
    if not 0 <= share <= 1:
        raise BadControl("loss: the share is from 0 to 1")
    device.faults.loss = share
    return {}


@verb
async def mode(device: Device, mode: str) -> Answer:
    """Normal, dead, blackhole, refuse or nonsense."""
    if mode not in fault.MODES:
        raise BadControl(f"unknown mode {mode!r}; there are: {', '.join(fault.MODES)}")
    await device.set_mode(mode)
    return {}


@verb
async def dead(device: Device) -> Answer:
    """UDP silent, TCP connections refused."""
    return await mode(device, fault.DEAD)


@verb
async def blackhole(device: Device) -> Answer:
    """Nothing answers, connects time out."""
    return await mode(device, fault.BLACKHOLE)


@verb
async def refuse(device: Device) -> Answer:
    """Every password and community is wrong."""
    return await mode(device, fault.REFUSE)


@verb
async def nonsense(device: Device) -> Answer:
    """Garbage on both protocols."""
    return await mode(device, fault.NONSENSE)


@verb
async def alive(device: Device) -> Answer:
    """As if nothing had been: no mode, delay or loss."""
    device.faults.delay_s = device.faults.loss = 0.0
    return await mode(device, fault.NORMAL)


@verb
async def link(device: Device, interface: str, up: bool) -> Answer:
    """Plug a port in or out."""
    device.router.set_state(device.router.interface(interface), link=up)
    return {}


@verb
async def add_interface(
    device: Device,
    name: str,
    vlan_id: int,
    parent: str,
    profile: dict[str, Any] | None = None,
    comment: str = "",
) -> Answer:
    """A new VLAN on a port."""
    if any(one.name == name for one in device.router.interfaces):
        raise BadControl(f"add-interface: there is an interface called {name!r}")
    made = device.router.add_vlan(
        name,
        vlan_id=vlan_id,
        parent=parent,
        profile=Profile(**profile) if profile else None,
        comment=comment,
    )
    VlanMenu(device.router).announce(made)
    return {"index": made.index}


@verb
async def remove_interface(device: Device, interface: str) -> Answer:
    """Take a VLAN or port away."""
    found = device.router.interface(interface)
    device.router.remove(found)
    for path in ("/interface", "/interface/vlan"):
        device.router.changed(path, {".id": found.id, ".dead": "true"})
    return {}


@verb
async def rename(device: Device, interface: str, to: str) -> Answer:
    """Another name, any text."""
    found = device.router.interface(interface)
    device.router.rename(found, to)
    VlanMenu(device.router).announce(found)
    return {}


@verb
async def hostile(device: Device, interface: str, kind: int = 0) -> Answer:
    """One of the hostile names (see HOSTILE_NAMES) as name and comment; returns it."""
    name = HOSTILE_NAMES[kind % len(HOSTILE_NAMES)].decode("utf-8", "surrogateescape")
    found = device.router.interface(interface)
    device.router.rename(found, name)
    found.comment = name
    VlanMenu(device.router).announce(found)
    return {"name": name}
