"""Interfaces over SNMP: what a device has (IF-MIB), and their octet counters."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ispcore.protocols.errors import Nonsense
from ispcore.protocols.interfaces import (
    HIGHEST_INDEX,
    LONGEST_NAME,
    CounterReading,
    CounterRow,
    DiscoveredInterface,
    Discovery,
    check_table,
    counter,
    mac,
)
from ispcore.protocols.snmp import oids
from ispcore.protocols.snmp.conversation import Answer, Conversation, Engine
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
GAUGE32_FULL = 2**32 - 1
OTHER = 1  # ifType
TICKS_WRAP = 2**32  # TimeTicks
Columns = Mapping[str, Mapping[int, Value]]


async def discover(engine: Engine, target: SnmpTarget) -> Discovery:
    """Identity and all interfaces of a device: one GET and a walk of eleven columns.

    An interface is one that has ifDescr or ifName. Raises a ProtocolError; Nonsense if the agent
    does not report sysUpTime, or counts interfaces (ifNumber) that it does not list.
    """
    started = time.monotonic()
    scalars = [oids.SYS_NAME, oids.SYS_DESCR, oids.SYS_OBJECT_ID, oids.IF_NUMBER]
    async with engine.converse(target) as conversation:
        (answer,) = await conversation.read([oids.SYS_UPTIME], [scalars])
        columns = {root: await _column(conversation, root) for root in COLUMNS}
    interfaces, if_number = _interfaces(columns), _small(answer.values.get(oids.IF_NUMBER))
    if if_number and not interfaces:
        raise Nonsense(f"the SNMP agent counts {if_number} interfaces and lists none")
    return Discovery(
        sys_name=_text(answer.values.get(oids.SYS_NAME)),
        sys_descr=_text(answer.values.get(oids.SYS_DESCR)),
        sys_object_id=str(answer.values.get(oids.SYS_OBJECT_ID, "")),
        uptime_ticks=_uptime(answer),
        if_number=if_number,
        interfaces=interfaces,
        took_ms=(time.monotonic() - started) * 1000,
    )


async def _column(conversation: Conversation, root: str) -> dict[int, Value]:
    rows = await conversation.walk(root)
    indexes = ((oid[len(root) + 1 :], value) for oid, value in rows)
    return {int(index): value for index, value in indexes if index.isdecimal()}


def _interfaces(columns: Columns) -> tuple[DiscoveredInterface, ...]:
    indexes = sorted({*columns[oids.IF_DESCR], *columns[oids.IF_NAME]})
    check_table(len(indexes), max(indexes, default=0))
    names = unique_names({index: _name(columns, index) for index in indexes})
    return tuple(_interface(columns, index, names[index]) for index in indexes)


def _name(columns: Columns, index: int) -> str:
    if_name = columns[oids.IF_NAME].get(index)
    return interface_name(if_name, columns[oids.IF_DESCR].get(index), index=index)


def interface_name(if_name: Value | None, if_descr: Value | None, *, index: int) -> str:
    """ifName, else ifDescr, else `if<index>`."""
    return (_text(if_name) or _text(if_descr))[:LONGEST_NAME] or f"if{index}"


def _interface(columns: Columns, index: int, name: str) -> DiscoveredInterface:
    def value(root: str) -> Value | None:
        return columns[root].get(index)

    return DiscoveredInterface(
        index=index,
        name=name,
        descr=_text(value(oids.IF_DESCR)),
        alias=_text(value(oids.IF_ALIAS)),
        if_type=_small(value(oids.IF_TYPE)) or OTHER,
        speed_bps=speed_bps(
            if_speed=_count(value(oids.IF_SPEED)), high_speed=_count(value(oids.IF_HIGH_SPEED))
        ),
        mac=_mac(value(oids.IF_PHYS_ADDRESS)),
        admin_state=_state(value(oids.IF_ADMIN_STATUS)),
        oper_state=_state(value(oids.IF_OPER_STATUS)),
        counter_bits=_counter_bits(value(oids.IF_HC_IN_OCTETS), value(oids.IF_IN_OCTETS)),
    )


def speed_bps(*, if_speed: int | None, high_speed: int | None) -> int | None:
    """ifSpeed (bit/s, full at 4.29 Gb/s) below 20 Mb/s, where ifHighSpeed (Mb/s) is too coarse;
    else ifHighSpeed. Zero means unknown (a port without link on RouterOS)."""
    if high_speed is not None and high_speed > GAUGE32_FULL:
        high_speed = None
    if high_speed and high_speed >= 20:
        return high_speed * 1_000_000
    if if_speed and if_speed < GAUGE32_FULL:
        return if_speed
    return high_speed * 1_000_000 if high_speed else None


def _counter_bits(hc_octets: Value | None, octets: Value | None) -> int:
    if isinstance(hc_octets, int):
        return 64
    return 32 if isinstance(octets, int) else 0


@dataclass(frozen=True, slots=True)
class _Row:
    """A wanted interface and the answer that should hold it."""

    wanted: Wanted
    answer: Answer
    uptime_ticks: int

    def value(self, root: str) -> Value | None:
        return self.answer.values.get(f"{root}.{self.wanted.index}")


async def read_counters(
    engine: Engine, target: SnmpTarget, wanted: Sequence[Wanted]
) -> CounterReading:
    """Octet counters of the wanted interfaces; see `CounterReading` for what renumbering does.

    About 60 OIDs per PDU, each with its own sysUpTime. Raises a ProtocolError; a device of which
    some answers are lost fails as a whole (a half reading would look like vanished interfaces).
    """
    started = time.monotonic()
    groups: Sequence[Sequence[str]] = [_asked(one) for one in wanted] or [[]]
    async with engine.converse(target) as conversation:
        answers = await conversation.read([oids.SYS_UPTIME, oids.IF_NUMBER], groups)
        rows = _pair(wanted, answers)
        descrs = await _descrs(conversation, rows)
    named = [(row, _is_wanted(row, descrs)) for row in rows]
    first = _first_whole(answers)
    return CounterReading(
        uptime_ticks=_uptime(first),
        if_number=_small(first.values.get(oids.IF_NUMBER)),
        taken_at=first.taken_at,
        took_ms=(time.monotonic() - started) * 1000,
        rows=tuple(_counter_row(row, right=right) for row, right in named),
        renumbered=not all(right for _, right in named),
    )


def _asked(wanted: Wanted) -> list[str]:
    roots = [oids.IF_NAME, *_octet_roots(wanted), oids.IF_OPER_STATUS]
    if wanted.discontinuity:
        roots.append(oids.IF_COUNTER_DISCONTINUITY_TIME)
    return [f"{root}.{wanted.index}" for root in roots]


def _octet_roots(wanted: Wanted) -> tuple[str, str]:
    if wanted.bits == 64:
        return oids.IF_HC_IN_OCTETS, oids.IF_HC_OUT_OCTETS
    return oids.IF_IN_OCTETS, oids.IF_OUT_OCTETS


def _pair(wanted: Sequence[Wanted], answers: Sequence[Answer]) -> list[_Row]:
    """Each wanted interface with the answer that was asked for it. An answer without sysUpTime
    (the agent refused that one request) takes over the uptime of the one before: its rows are
    empty anyway."""
    rows: list[_Row] = []
    uptime_ticks = _uptime(_first_whole(answers))
    for answer in answers:
        uptime_ticks = _uptime(answer) if answer.values else uptime_ticks
        ones = wanted[len(rows) : len(rows) + answer.groups]
        rows.extend(_Row(one, answer, uptime_ticks) for one in ones)
    return rows


def _first_whole(answers: Sequence[Answer]) -> Answer:
    """The first that is more than an error; `read` raises if there is none."""
    return next(answer for answer in answers if answer.values)


async def _descrs(conversation: Conversation, rows: Sequence[_Row]) -> dict[int, Value]:
    """ifDescr of the rows that have no ifName: those were named by it."""
    nameless = [row.wanted.index for row in rows if not _text(row.value(oids.IF_NAME))]
    present = [f"{oids.IF_DESCR}.{index}" for index in nameless]
    answers = await conversation.read((), [[oid] for oid in present])
    values = {oid: value for answer in answers for oid, value in answer.values.items()}
    return {int(oid.rpartition(".")[2]): value for oid, value in values.items()}


def _is_wanted(row: _Row, descrs: Mapping[int, Value]) -> bool:
    """Does the interface at this index still bear the wanted name? Gone counts as no."""
    index = row.wanted.index
    roots = (oids.IF_NAME, oids.IF_OPER_STATUS, *_octet_roots(row.wanted))
    if index not in descrs and all(row.value(root) is None for root in roots):
        return False
    found = interface_name(row.value(oids.IF_NAME), descrs.get(index), index=index)
    wanted = row.wanted.name
    while wanted != found and wanted.endswith(suffix(index)):
        wanted = wanted.removesuffix(suffix(index))
    return wanted == found


def _counter_row(row: _Row, *, right: bool) -> CounterRow:
    in_root, out_root = _octet_roots(row.wanted)
    return CounterRow(
        name=row.wanted.name,
        in_octets=_count(row.value(in_root)) if right else None,
        out_octets=_count(row.value(out_root)) if right else None,
        bits=row.wanted.bits,
        oper_state=_state(row.value(oids.IF_OPER_STATUS)) if right else "unknown",
        discontinuity_ticks=_ticks(row.value(oids.IF_COUNTER_DISCONTINUITY_TIME)),
        uptime_ticks=row.uptime_ticks,
        taken_at=row.answer.taken_at,
    )


def _uptime(answer: Answer) -> int:
    ticks = _ticks(answer.values.get(oids.SYS_UPTIME))
    if ticks is None:
        raise Nonsense("the SNMP agent does not report sysUpTime")
    return ticks


def _count(value: Value | None) -> int | None:
    return counter(value) if isinstance(value, int) else None


def _ticks(value: Value | None) -> int | None:
    return value if isinstance(value, int) and 0 <= value < TICKS_WRAP else None


def _small(value: Value | None) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= HIGHEST_INDEX else None


def _text(value: Value | None) -> str:
    return printable(value) if isinstance(value, bytes) else ""


def _state(value: Value | None) -> str:
    return oids.STATES.get(value, "unknown") if isinstance(value, int) else "unknown"


def _mac(value: Value | None) -> str:
    return mac(value.hex(":")) if isinstance(value, bytes) else ""
