"""What one attempt to poll a router brought, as plain values that a file can hold."""

import json
import struct
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ispcore.protocols.interfaces import CounterReading
from ispcore.protocols.text import visible
from routers.models import Poll
from routers.operations.advance import Row
from routers.operations.plan import PlannedInterface
from routers.operations.reading import Attempt

_encode = json.JSONEncoder(separators=(",", ":")).encode
MOST_NAMED = 3  # missing interfaces that a poll names
NOTHING = 2**64 - 1  # stands for None in the columns that may be empty
_PACKED = struct.Struct(f"<{len(Row._fields)}Q")
ROW_OCTETS = _PACKED.size


@dataclass(slots=True)
class PollRecord:
    """An attempt, made at `at_s` (seconds since 1970), and the rows it read (none if it failed).

    `taken_at_s` and `uptime_ticks` are those of the reading. `rows` are packed: see `pack`. `moved`
    are interfaces whose operational state is another than it was, with the new one.
    """

    router_id: int
    at_s: float
    source: str
    result: str
    wanted: int
    got: int = 0
    took_ms: float | None = None
    detail: str = ""
    taken_at_s: float | None = None
    uptime_ticks: int = 0
    uptime_step_ticks: int = 1
    rows: bytes = b""
    moved: list[tuple[int, str]] = field(default_factory=list)

    def to_json(self) -> bytes:
        """One line, without its end. As JSON the rows would take most of the time in which a
        reading is made safe."""
        *values, rows, moved = (getattr(self, name) for name in PollRecord.__slots__)
        return _encode([*values, b64encode(rows).decode(), moved]).encode()

    @classmethod
    def from_json(cls, line: bytes) -> "PollRecord":
        """Raises ValueError or TypeError for a line that `to_json` did not write."""
        *values, rows, moved = json.loads(line)
        record = cls(*values)
        record.rows = b64decode(rows, validate=True)
        if len(record.rows) % ROW_OCTETS:
            raise ValueError("rows are cut off")
        record.moved = [(key, state) for key, state in moved]
        return record


def of(attempt: Attempt, *, at_s: float) -> PollRecord:
    """The attempt as a record; `at_s` is when it was over."""
    router_id, wanted = attempt.work.router.pk, len(attempt.work.interfaces)
    reading = attempt.reading
    if reading is None:
        result = attempt.error.kind if attempt.error else Poll.Result.UNREACHABLE
        detail = _why(attempt)[:250]
        return PollRecord(router_id, at_s, attempt.source, result, wanted, detail=detail)
    record = PollRecord(
        router_id,
        at_s,
        attempt.source,
        Poll.Result.OK,
        wanted,
        took_ms=reading.took_ms,
        taken_at_s=reading.taken_at,
        uptime_ticks=reading.uptime_ticks,
        uptime_step_ticks=reading.uptime_step_ticks,
    )
    missing = _read_into(record, attempt.work.interfaces_by_name, reading)
    _judge(record, missing, attempt)
    return record


def _read_into(
    record: PollRecord, planned: Mapping[str, PlannedInterface], reading: CounterReading
) -> Sequence[str]:
    """Fill in rows and moved states; returns the names of the interfaces that are missing.

    An interface of which a counter is missing has no row.
    """
    moved, found = record.moved, planned.get
    rows: list[bytes] = []
    for name, in_octets, out_octets, bits, oper_state, gap_ticks, uptime_ticks, at in reading.rows:
        interface = found(name)
        if interface is None:
            continue
        if oper_state != interface.oper_state and oper_state:
            moved.append((interface.pk, oper_state))
            interface.oper_state = oper_state
        if in_octets is None or out_octets is None:
            continue
        limit_bps = NOTHING if interface.limit_bps is None else interface.limit_bps
        moved_ticks = NOTHING if gap_ticks is None else gap_ticks
        pk, at_ms = interface.pk, int(at * 1000)
        rows.append(
            _PACKED.pack(
                pk, limit_bps, at_ms, uptime_ticks, in_octets, out_octets, bits, moved_ticks
            )
        )
    record.rows = b"".join(rows)
    if len(rows) == len(planned):
        return ()
    got = {row.interface_id for row in unpack(record.rows)}
    return sorted(name for name, interface in planned.items() if interface.pk not in got)


def pack(rows: Iterable[Row]) -> bytes:
    """Little-endian unsigned 64-bit numbers in the order of the fields, 2**64 - 1 for None."""
    return b"".join(_PACKED.pack(*(NOTHING if n is None else n for n in row)) for row in rows)


def unpack(packed: bytes) -> list[Row]:
    """Raises struct.error for what `pack` did not make."""
    return [row_of(numbers) for numbers in _PACKED.iter_unpack(packed)]


def row_of(numbers: tuple[int, ...]) -> Row:
    """Eight numbers of a packed row as the row they are."""
    key, limit_bps, at_ms, uptime_ticks, in_octets, out_octets, bits, gap_ticks = numbers
    return Row(
        key,
        None if limit_bps == NOTHING else limit_bps,
        at_ms,
        uptime_ticks,
        in_octets,
        out_octets,
        bits,
        None if gap_ticks == NOTHING else gap_ticks,
    )


def _judge(record: PollRecord, missing: Sequence[str], attempt: Attempt) -> None:
    notes = []
    if missing:
        more = " …" if len(missing) > MOST_NAMED else ""
        notes.append(f"{', '.join(missing[:MOST_NAMED])}{more} missing")
        record.result = Poll.Result.PARTIAL
    if attempt.snmp_error:
        notes.append(f"by the API, since SNMP failed: {attempt.snmp_error}")
    record.got = len(record.rows) // ROW_OCTETS
    record.detail = visible("; ".join(notes))[:250]


def _why(attempt: Attempt) -> str:
    """What each method that was asked said."""
    said = [("SNMP", attempt.snmp_error), ("API", attempt.api_error)]
    return visible("; ".join(f"{method}: {error}" for method, error in said if error))
