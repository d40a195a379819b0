"""Interfaces over SNMP: what a device has (IF-MIB), and their octet counters."""

import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from ispcore.protocols.errors import Nonsense
from ispcore.protocols.interfaces import (
    COUNTER64,
    HIGHEST_INDEX,
    LONGEST_NAME,
    CounterReading,
    CounterRow,
    DiscoveredInterface,
    Discovery,
    check_table,
    mac,
)
from ispcore.protocols.snmp import oids
from ispcore.protocols.snmp.conversation import Answer, Conversation, Engine
from ispcore.protocols.snmp.device_models import DeviceModel, DeviceModels, SpeedSource, shipped
from ispcore.protocols.snmp.values import SnmpTarget, Value, Wanted
from ispcore.protocols.text import printable, suffix, unique_names

COLUMNS = (
    oids.IF_DESCR,
    oids.IF_TYPE,
    oids.IF_SPEED,
    oids.IF_PHYS_ADDRESS,
    oids.IF_ADMIN_STATUS,
    oids.IF_OPER_STATUS,
    oids.IF_IN_OCTETS,
    oids.IF_NAME,
    oids.IF_HIGH_SPEED,
    oids.IF_ALIAS,
    oids.IF_HC_IN_OCTETS,
)
SCALARS = (oids.SYS_NAME, oids.SYS_DESCR, oids.SYS_OBJECT_ID, oids.IF_NUMBER)
_OTHER_UPTIMES = {
    "hrSystemUptime": oids.HR_SYSTEM_UPTIME,
    "snmpEngineTime": oids.SNMP_ENGINE_TIME,
}
GAUGE32_FULL = 2**32 - 1
OTHER = 1  # ifType
TICKS_WRAP = 2**32  # TimeTicks
Columns = Mapping[str, Mapping[int, Value]]


async def discover(
    engine: Engine, target: SnmpTarget, models: DeviceModels | None = None
) -> Discovery:
    """Identity and all interfaces of a device: one GET and a walk of eleven columns.

    What the device says it is chooses one of `models` (None: those that we ship), and that how the
    rest is asked and read. An interface is one that has ifDescr or ifName. Raises a ProtocolError;
    Nonsense if the agent does not report sysUpTime, or counts interfaces (ifNumber) that it does
    not list.
    """
    started = time.monotonic()
    async with engine.converse(target) as conversation:
        (answer,) = await conversation.read([oids.SYS_UPTIME], [SCALARS])
        sys_descr = _text(answer.values.get(oids.SYS_DESCR))
        sys_object_id = _oid(answer.values.get(oids.SYS_OBJECT_ID))
        model = (models or shipped()).choose(sys_object_id, sys_descr)
        conversation.model = model
        own = await _own(conversation, model)
        columns = {root: await _column(conversation, root) for root in COLUMNS}
    interfaces = _interfaces(model, columns)
    if_number = _small(answer.values.get(oids.IF_NUMBER))
    if if_number and not interfaces:
        raise Nonsense(f"the SNMP agent counts {if_number} interfaces and lists none")
    name, os_version = model.facts_of(sys_descr)
    uptime = uptime_ticks(model, own if oids.SYS_UPTIME in own else answer.values)
    return Discovery(
        sys_name=_text(answer.values.get(oids.SYS_NAME)),
        sys_descr=sys_descr,
        sys_object_id=sys_object_id,
        uptime_ticks=uptime,
        if_number=if_number,
        interfaces=interfaces,
        took_ms=(time.monotonic() - started) * 1000,
        taken_at=answer.taken_at,
        vendor=model.vendor,
        model=_text(own.get(model.model_oid)) or name,
        os=model.os,
        os_version=_text(own.get(model.version_oid)) or os_version,
    )


async def _own(conversation: Conversation, model: DeviceModel) -> dict[str, Value]:
    """What only devices of this model are asked for: another uptime, and what they are."""
    names = [[oid] for oid in (model.model_oid, model.version_oid) if oid]
    if not names and model.uptime_from == "sysUpTime":
        return {}
    answers = await conversation.read((), [uptime_oids(model), *names])
    return {oid: value for answer in answers for oid, value in answer.values.items()}


async def _column(conversation: Conversation, root: str) -> dict[int, Value]:
    rows = await conversation.walk(root)
    indexes = ((oid[len(root) + 1 :], value) for oid, value in rows)
    return {int(index): value for index, value in indexes if index.isdecimal()}


def _interfaces(model: DeviceModel, columns: Columns) -> tuple[DiscoveredInterface, ...]:
    indexes = sorted({*columns[oids.IF_DESCR], *columns[oids.IF_NAME]})
    check_table(len(indexes), max(indexes, default=0))
    first, second = (columns[root] for root in _name_roots(model))
    names = unique_names(
        {at: interface_name(first.get(at), second.get(at), index=at) for at in indexes}
    )
    return tuple(_interface(model, columns, index, names[index]) for index in indexes)


def _name_roots(model: DeviceModel) -> tuple[str, str]:
    """The column that names interfaces, and the one for those it leaves nameless."""
    roots = oids.IF_NAME, oids.IF_DESCR
    return roots if model.name_from == "ifName" else roots[::-1]


def interface_name(first: Value | None, second: Value | None, *, index: int) -> str:
    """The first (ifName of most devices), else the second (ifDescr), else `if<index>`."""
    return (_text(first) or _text(second))[:LONGEST_NAME] or f"if{index}"


def _interface(model: DeviceModel, columns: Columns, index: int, name: str) -> DiscoveredInterface:
    def value(root: str) -> Value | None:
        return columns[root].get(index)

    descr = _text(value(oids.IF_DESCR))
    return DiscoveredInterface(
        index=index,
        name=name,
        descr=descr,
        alias=_text(value(oids.IF_ALIAS)),
        if_type=_small(value(oids.IF_TYPE)) or OTHER,
        speed_bps=speed_bps(
            if_speed=_count(value(oids.IF_SPEED)),
            high_speed=_count(value(oids.IF_HIGH_SPEED)),
            source=model.speed_from,
        ),
        mac=_mac(value(oids.IF_PHYS_ADDRESS)),
        admin_state=_state(value(oids.IF_ADMIN_STATUS)),
        oper_state=_state(value(oids.IF_OPER_STATUS)),
        counter_bits=_counter_bits(model, value(oids.IF_HC_IN_OCTETS), value(oids.IF_IN_OCTETS)),
        vlan_by_name=model.vlan_of(name, descr),
    )


def speed_bps(
    *, if_speed: int | None, high_speed: int | None, source: SpeedSource = "both"
) -> int | None:
    """ifSpeed (bit/s, full at 4.29 Gb/s) below 20 Mb/s, where ifHighSpeed (Mb/s) is too coarse;
    else ifHighSpeed. Zero means unknown (a port without link on RouterOS)."""
    if high_speed is not None and (high_speed > GAUGE32_FULL or source == "ifSpeed"):
        high_speed = None
    if source in {"ifHighSpeed", "none"}:
        if_speed = None
    if source == "none":
        return None
    if high_speed and high_speed >= 20:
        return high_speed * 1_000_000
    if if_speed and if_speed < GAUGE32_FULL:
        return if_speed
    return high_speed * 1_000_000 if high_speed else None


def _counter_bits(model: DeviceModel, hc_octets: Value | None, octets: Value | None) -> int:
    if isinstance(hc_octets, int) and model.counters == "best":
        return 64
    return 32 if isinstance(octets, int) else 0


async def read_counters(
    engine: Engine, target: SnmpTarget, wanted: Sequence[Wanted]
) -> CounterReading:
    """Octet counters of the wanted interfaces; see `CounterReading` for what renumbering does.

    As many OIDs per PDU as the target's model takes (60 of most), each with its own uptime. Raises
    a ProtocolError; a device of which some answers are lost fails as a whole (a half reading would
    look like vanished interfaces).
    """
    started, model = time.monotonic(), target.model
    name_root, other_root = _name_roots(model)
    groups: Sequence[Sequence[str]] = _groups(wanted, name_root) or [[]]
    async with engine.converse(target) as conversation:
        answers = await conversation.read([*uptime_oids(model), oids.IF_NUMBER], groups)
        rows, doubts = _rows(model, wanted, groups, answers)
        elsewhere = await _elsewhere(conversation, doubts, other_root)
    for at in elsewhere:
        rows[at] = rows[at]._replace(in_octets=None, out_octets=None, oper_state="unknown")
    first = _first_whole(answers)
    return CounterReading(
        uptime_ticks=uptime_ticks(model, first.values),
        if_number=_small(first.values.get(oids.IF_NUMBER)),
        taken_at=first.taken_at,
        took_ms=(time.monotonic() - started) * 1000,
        rows=tuple(rows),
        renumbered=bool(elsewhere),
        uptime_step_ticks=100 if model.uptime_from == "snmpEngineTime" else 1,
    )


def _groups(wanted: Sequence[Wanted], name_root: str) -> list[tuple[str, ...]]:
    return [_asked(one.index, one.bits, one.discontinuity, name_root) for one in wanted]


@lru_cache(maxsize=65_536)  # the same in every poll, and on every router of a kind
def _asked(index: int, bits: int, discontinuity: bool, name_root: str) -> tuple[str, ...]:
    """Name, octets in and out, state, and the discontinuity if it is wanted."""
    octets = (oids.IF_HC_IN_OCTETS, oids.IF_HC_OUT_OCTETS)
    if bits != 64:
        octets = (oids.IF_IN_OCTETS, oids.IF_OUT_OCTETS)
    roots = [name_root, *octets, oids.IF_OPER_STATUS]
    if discontinuity:
        roots.append(oids.IF_COUNTER_DISCONTINUITY_TIME)
    return tuple(f"{root}.{index}" for root in roots)


class _Doubt(NamedTuple):
    """A row, by its place, whose name is not at once the wanted one; and whether the device said
    anything of it."""

    at: int
    wanted: Wanted
    name: Value | None
    is_there: bool


def _rows(
    model: DeviceModel,
    wanted: Sequence[Wanted],
    groups: Sequence[Sequence[str]],
    answers: Sequence[Answer],
) -> tuple[list[CounterRow], list[_Doubt]]:
    """Each wanted interface as the answer says that was asked for it. An answer without sysUpTime
    (the agent refused that one request) takes over the uptime of the one before: its rows are
    empty anyway."""
    rows: list[CounterRow] = []
    doubts: list[_Doubt] = []
    ticks = uptime_ticks(model, _first_whole(answers).values)
    for answer in answers:
        ticks = uptime_ticks(model, answer.values) if answer.values else ticks
        value, taken_at, done = answer.values.get, answer.taken_at, len(rows)
        ones = wanted[done : done + answer.groups]
        for one, asked in zip(ones, groups[done:], strict=False):
            name, octets_in, octets_out, state = map(value, asked[:4])
            if name != one.octets_of_name:
                told = (name, octets_in, octets_out, state) != (None, None, None, None)
                doubts.append(_Doubt(len(rows), one, name, told))
            gap = _ticks(value(asked[4])) if one.discontinuity else None
            counted = _count(octets_in), _count(octets_out)
            rows.append(
                CounterRow(one.name, *counted, one.bits, _state(state), gap, ticks, taken_at)
            )
    return rows, doubts


def _first_whole(answers: Sequence[Answer]) -> Answer:
    """The first that is more than an error; `read` raises if there is none."""
    return next(answer for answer in answers if answer.values)


async def _elsewhere(
    conversation: Conversation, doubts: Sequence[_Doubt], other_root: str
) -> list[int]:
    """The places of rows whose interface is not where discovery found it."""
    if not doubts:
        return []
    others = await _other_names(conversation, doubts, other_root)
    return [doubt.at for doubt in doubts if not _is_wanted(doubt, others)]


async def _other_names(
    conversation: Conversation, doubts: Sequence[_Doubt], root: str
) -> dict[int, Value]:
    """The other name (ifDescr of most devices) of the rows that have none where names come from."""
    present = [f"{root}.{doubt.wanted.index}" for doubt in doubts if not _is_name(doubt.name)]
    answers = await conversation.read((), [[oid] for oid in present])
    values = {oid: value for answer in answers for oid, value in answer.values.items()}
    return {int(oid.rpartition(".")[2]): value for oid, value in values.items()}


def _is_wanted(doubt: _Doubt, others: Mapping[int, Value]) -> bool:
    """Does the interface at this index still bear the wanted name? Gone counts as no."""
    index, wanted = doubt.wanted.index, doubt.wanted.name
    if index not in others and not doubt.is_there:
        return False
    found = interface_name(doubt.name, others.get(index), index=index)
    while wanted != found and wanted.endswith(suffix(index)):
        wanted = wanted.removesuffix(suffix(index))
    return wanted == found


def uptime_oids(model: DeviceModel) -> tuple[str, ...]:
    """sysUpTime, and the other uptime of the device where its model says that it has one."""
    other = _OTHER_UPTIMES.get(model.uptime_from)
    return (oids.SYS_UPTIME, other) if other else (oids.SYS_UPTIME,)


def uptime_ticks(model: DeviceModel, values: Mapping[str, Value]) -> int:
    """1/100 s; sysUpTime where the device does not have the other one. Raises Nonsense."""
    other = _ticks(values.get(_OTHER_UPTIMES.get(model.uptime_from, "")))
    if other is not None:
        return other * 100 if model.uptime_from == "snmpEngineTime" else other
    ticks = _ticks(values.get(oids.SYS_UPTIME))
    if ticks is None:
        raise Nonsense("the SNMP agent does not report sysUpTime")
    return ticks


def _count(value: Value | None) -> int | None:
    return value if isinstance(value, int) and 0 <= value < COUNTER64 else None


def _ticks(value: Value | None) -> int | None:
    return value if isinstance(value, int) and 0 <= value < TICKS_WRAP else None


def _small(value: Value | None) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= HIGHEST_INDEX else None


def _oid(value: Value | None) -> str:
    """Without the dot that some libraries put before it."""
    return value.removeprefix(".") if isinstance(value, str) else ""


def _is_name(value: Value | None) -> bool:
    """Whether `_text` of it is more than nothing."""
    return isinstance(value, bytes) and bool(value.rstrip(b"\0"))


def _text(value: Value | None) -> str:
    return printable(value) if isinstance(value, bytes) else ""


def _state(value: Value | None) -> str:
    return oids.STATES.get(value, "unknown") if isinstance(value, int) else "unknown"


def _mac(value: Value | None) -> str:
    return mac(value.hex(":")) if isinstance(value, bytes) else ""
