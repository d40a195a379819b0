"""Identity, interfaces and counters over the RouterOS API, in the same values as over SNMP."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ispcore.protocols.errors import Nonsense
from ispcore.protocols.interfaces import (
    LONGEST_NAME,
    CounterReading,
    CounterRow,
    DiscoveredInterface,
    check_table,
    counter,
    mac,
)
from ispcore.protocols.routeros.session import Session
from ispcore.protocols.routeros.uptime import parse_uptime
from ispcore.protocols.text import unique_names, visible

DISCOVERED = (
    ".id",
    "name",
    "default-name",
    "type",
    "mac-address",
    "comment",
    "running",
    "disabled",
)
COUNTED = (".id", "name", "rx-byte", "tx-byte", "running", "disabled")
TICKS_PER_S = 100
COUNTER_BITS = 64
COUNTER_DIGITS = 20
# RouterOS' word for a type to IANA's ifType; prefixes, because tunnels come as pppoe-in, pppoe-out.
IF_TYPES = {
    "ether": 6,
    "vlan": 135,
    "bridge": 209,
    "bond": 161,
    "loopback": 24,
    "ppp": 23,
    "l2tp": 23,
    "pptp": 23,
    "sstp": 23,
    "ovpn": 23,
    "wlan": 71,
    "wifi": 71,
    "wg": 131,
    "gre": 131,
    "eoip": 131,
    "ipip": 131,
    "6to4": 131,
}
OTHER = 1
_ID = re.compile(r"\*([0-9A-Fa-f]{1,8})")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the router says it is; `uptime_s` in whole seconds, as RouterOS counts."""

    name: str
    version: str
    board: str
    uptime_s: float


def identity(session: Session) -> Identity:
    """Two commands. Raises a ProtocolError."""
    names = session.rows("/system/identity", proplist=["name"])
    resource = _resource(session, "uptime", "version", "board-name")
    return Identity(
        name=visible(names[0].get("name", "")) if names else "",
        version=visible(resource.get("version", "")),
        board=visible(resource.get("board-name", "")),
        uptime_s=parse_uptime(resource.get("uptime", "")),
    )


def _resource(session: Session, *properties: str) -> dict[str, str]:
    rows = session.rows("/system/resource", proplist=properties)
    if not rows:
        raise Nonsense("the router reports no /system/resource")
    return rows[0]


def read_interfaces(session: Session) -> tuple[DiscoveredInterface, ...]:
    """All interfaces by index. The index is the number in RouterOS' `.id` (`*1F` is 31), which its
    SNMP agent uses as ifIndex too [to be verified on hardware]. Speeds are not in this menu."""
    rows = _by_index(session.rows("/interface", proplist=DISCOVERED))
    names = _names(rows)
    return tuple(_interface(index, names[index], row) for index, row in sorted(rows.items()))


def _by_index(rows: Sequence[Mapping[str, str]]) -> dict[int, Mapping[str, str]]:
    found = {_index(row): row for row in rows}
    check_table(len(rows), max(found, default=0))
    return found


def _index(row: Mapping[str, str]) -> int:
    found = _ID.fullmatch(row.get(".id", ""))
    if not found:
        raise Nonsense(f"the router sent an interface without a valid .id: {row.get('.id', '')!r}")
    return int(found[1], 16)


def _names(rows: Mapping[int, Mapping[str, str]]) -> dict[int, str]:
    return unique_names(
        {
            index: visible(row.get("name", "")[:LONGEST_NAME]) or f"if{index}"
            for index, row in rows.items()
        }
    )


def _interface(index: int, name: str, row: Mapping[str, str]) -> DiscoveredInterface:
    return DiscoveredInterface(
        index=index,
        name=name,
        descr=visible(row.get("default-name", "")),
        alias=visible(row.get("comment", "")),
        if_type=_if_type(row.get("type", "")),
        speed_bps=None,
        mac=mac(row.get("mac-address", "")),
        admin_state="down" if _yes(row, "disabled") else "up",
        oper_state=_oper_state(row),
        counter_bits=COUNTER_BITS,
    )


def _if_type(word: str) -> int:
    return next((code for start, code in IF_TYPES.items() if word.startswith(start)), OTHER)


def _oper_state(row: Mapping[str, str]) -> str:
    if "running" not in row and not _yes(row, "disabled"):
        return "unknown"
    return "up" if _yes(row, "running") and not _yes(row, "disabled") else "down"


def _yes(row: Mapping[str, str], name: str) -> bool:
    return row.get(name) in {"true", "yes"}


def read_counters(session: Session, names: Sequence[str]) -> CounterReading:
    """Octet counters of the named interfaces, in that order: rx-byte is in, tx-byte is out.

    An interface that the router does not have gets a row without octets, notPresent, and
    `renumbered` is set. The uptime has a resolution of one second (`uptime_step_ticks` 100): over
    short intervals `taken_at` is the better clock. Raises a ProtocolError.
    """
    started = time.monotonic()
    uptime_s = parse_uptime(_resource(session, "uptime").get("uptime", ""))
    rows = _by_index(session.rows("/interface", proplist=COUNTED))
    taken_at = time.time()
    uptime_ticks = round(uptime_s * TICKS_PER_S)
    named = {name: rows[index] for index, name in _names(rows).items()}
    return CounterReading(
        uptime_ticks=uptime_ticks,
        if_number=len(rows),
        taken_at=taken_at,
        took_ms=(time.monotonic() - started) * 1000,
        rows=tuple(_counter_row(name, named.get(name), uptime_ticks, taken_at) for name in names),
        renumbered=not named.keys() >= set(names),
        uptime_step_ticks=TICKS_PER_S,
    )


def _counter_row(
    name: str, row: Mapping[str, str] | None, uptime_ticks: int, taken_at: float
) -> CounterRow:
    return CounterRow(
        name=name,
        in_octets=_octets(row, "rx-byte"),
        out_octets=_octets(row, "tx-byte"),
        bits=COUNTER_BITS,
        oper_state=_oper_state(row) if row is not None else "notPresent",
        discontinuity_ticks=None,
        uptime_ticks=uptime_ticks,
        taken_at=taken_at,
    )


def _octets(row: Mapping[str, str] | None, name: str) -> int | None:
    """None where the router gave nothing or no number: never zero."""
    text = row.get(name, "") if row is not None else ""
    plausible = text.isascii() and text.isdecimal() and len(text) <= COUNTER_DIGITS
    return counter(int(text)) if plausible else None
