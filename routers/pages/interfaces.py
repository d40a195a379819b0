"""The interfaces of a router as tables: states, rates, who is behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from ispcore.base import clock
from ispcore.base.units import utilisation_percent
from routers.counter_states import CounterState
from routers.hooks import Carried
from routers.models import Interface, Router, RouterCounters
from routers.pages.states import carried_by
from routers.queries import LOOPBACK, fresh_after, is_fresh, sparks

MOST_ROWS = 400
VLAN = 135  # ifType l2vlan (IANAifType-MIB)
SHOW = {"use": "In use", "all": "All", "unmapped": "Not mapped"}
_KINDS = {
    1: "other",
    6: "port",
    23: "PPP",
    LOOPBACK: "loopback",
    53: "virtual",
    71: "wireless",
    131: "tunnel",
    161: "bond",
    209: "bridge",
}


@dataclass(frozen=True, slots=True)
class InterfaceRow:
    """An interface with its present rates. Down is what goes out of it, towards the customer,
    unless its mapping says that it faces the uplink."""

    key: int
    name: str
    kind_words: str
    alias: str
    state: str
    state_kind: str
    reseller: str
    reseller_url: str
    spark: Sequence[int | None]
    down_bps: int | None
    up_bps: int | None
    speed_bps: int | None
    percent: float | None
    last_seen_at: datetime
    url: str
    unknown_reason: str


@dataclass(frozen=True, slots=True)
class MappedRow:
    """A reseller behind an interface."""

    key: int
    reseller: str
    reseller_url: str
    interface: str
    vlan: int | None
    carries: str
    down_bps: int | None
    up_bps: int | None
    url: str
    is_gone: bool


@dataclass(frozen=True, slots=True)
class ShowFilter:
    label: str
    url: str
    current: bool


def interface_spots(router: Router, *, show: str = "use") -> dict[str, Any]:
    """Interfaces (those in use, all, or those that nobody is mapped to) and mappings."""
    interfaces = list(router.interfaces.order_by("index", "pk"))
    carried = carried_by([interface.pk for interface in interfaces])
    chosen = [i for i in interfaces if _is_shown(i, carried.get(i.pk), show)][:MOST_ROWS]
    lines = sparks([interface.pk for interface in chosen])
    now = clock.now()
    rows = [_row(router, i, carried.get(i.pk), lines.get(i.pk, []), now) for i in chosen]
    base = reverse("admin:routers_router_page", args=[router.pk])
    urls = {key: base if key == "use" else f"{base}?show={key}" for key in SHOW}
    return {
        "interfaces": rows,
        "interfaces_total": len(interfaces),
        "filters": [ShowFilter(label, urls[key], key == show) for key, label in SHOW.items()],
        "filtered": show != "use",
        "mappings": [_mapped(i, carried[i.pk], now) for i in interfaces if i.pk in carried],
    }


def _is_shown(interface: Interface, carried: Carried | None, show: str) -> bool:
    if show == "all":
        return True
    if show == "unmapped":
        return carried is None and interface.gone_at is None and interface.if_type != LOOPBACK
    return carried is not None or (interface.gone_at is None and interface.oper_state == "up")


def _row(
    router: Router,
    interface: Interface,
    carried: Carried | None,
    line: Sequence[tuple[int | None, int | None]],
    now: datetime,
) -> InterfaceRow:
    down_bps, up_bps = current_rate(interface, carried, now)
    limit = carried.capacity_bps if carried and carried.capacity_bps else interface.speed_bps
    busier = max((v for v in (down_bps, up_bps) if v is not None), default=None)
    state_kind, word = state_of(interface, carried, now)
    return InterfaceRow(
        key=interface.pk,
        name=interface.name,
        kind_words=kind_words(interface),
        alias=interface.alias,
        state=word,
        state_kind=state_kind,
        reseller=carried.name if carried else "",
        reseller_url=carried.url if carried else "",
        spark=[_turned(carried, *values)[0] for values in line],
        down_bps=down_bps,
        up_bps=up_bps,
        speed_bps=limit,
        percent=utilisation_percent(busier, limit),
        last_seen_at=interface.last_seen_at,
        url=reverse("admin:routers_interface_change", args=[interface.pk]),
        unknown_reason="" if down_bps is not None else why_unknown(router, interface),
    )


def _mapped(interface: Interface, carried: Carried, now: datetime) -> MappedRow:
    down_bps, up_bps = current_rate(interface, carried, now)
    return MappedRow(
        key=interface.pk,
        reseller=carried.name,
        reseller_url=carried.url,
        interface=interface.name,
        vlan=carried.vlan_id or interface.vlan_id,
        carries=carried.carries,
        down_bps=down_bps,
        up_bps=up_bps,
        url=carried.url,
        is_gone=interface.gone_at is not None,
    )


def state_of(interface: Interface, carried: Carried | None, now: datetime) -> tuple[str, str]:
    """(kind, word) of an interface: gone, disabled, up, or down; down matters where it carries.

    What was read too long ago is unknown: a router that does not answer may have any state.
    """
    if interface.gone_at is not None:
        return "unknown", "Gone"
    read_at = interface.router.read_at
    if max(interface.last_seen_at, read_at or interface.last_seen_at) < fresh_after(now):
        return "unknown", "Unknown"
    if interface.admin_state == "down":
        return "low", "Disabled"
    if interface.oper_state == "up":
        return "ok", "Up"
    if interface.oper_state in {"", "unknown"}:
        return "unknown", "Unknown"
    return ("critical", "Down") if carried else ("low", "Down")


def kind_words(interface: Interface) -> str:
    if interface.vlan_id is not None:
        return f"VLAN {interface.vlan_id}"
    if interface.vlan_by_name is not None:
        return f"VLAN {interface.vlan_by_name} by its name"
    return "VLAN" if interface.if_type == VLAN else _KINDS.get(interface.if_type, "interface")


def current_rate(
    interface: Interface, carried: Carried | None, now: datetime
) -> tuple[int | None, int | None]:
    """(down, up) in bit/s; None where there is no current rate."""
    counters = _counters(interface)
    if counters is None or counters.rated_at is None or not is_fresh(counters.rated_at, now):
        return None, None
    return _turned(carried, counters.in_bps, counters.out_bps)


def why_unknown(router: Router, interface: Interface) -> str:
    """Why an interface has no current rate, in a few words."""
    counters = _counters(interface)
    if interface.gone_at is not None:
        return "not there any more"
    if interface.admin_state == "down":
        return ""
    if interface.counter_bits == 0:
        return "not counted"
    if not router.is_polled:
        return "polling is off"
    if counters is None:
        return "not read yet"
    if counters.rated_at is None:
        return "second reading awaited"
    read_at = datetime.fromtimestamp(counters.at_ms / 1000, clock.isp_zone())
    return f"last reading {read_at:%H:%M}"


def _counters(interface: Interface) -> CounterState | None:
    try:
        return interface.router.counters.by_interface.get(interface.pk)
    except RouterCounters.DoesNotExist:
        return None


def _turned(
    carried: Carried | None, in_bps: int | None, out_bps: int | None
) -> tuple[int | None, int | None]:
    """(in, out) as the router counts, turned into (down, up)."""
    if carried is not None and carried.faces_uplink:
        return in_bps, out_bps
    return out_bps, in_bps
