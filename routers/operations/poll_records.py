"""What one attempt to poll a router brought, as plain values that a file can hold."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from ispcore.protocols.interfaces import CounterReading, CounterRow
from ispcore.protocols.text import visible
from routers.models import Poll
from routers.operations.advance import Row
from routers.operations.plan import PlannedInterface
from routers.operations.reading import Attempt

_encode = json.JSONEncoder(separators=(",", ":")).encode
MOST_NAMED = 3  # missing interfaces that a poll names


@dataclass(slots=True)
class PollRecord:
    """An attempt, made at `at_s` (seconds since 1970), and the rows it read (none if it failed).

    `taken_at_s` and `uptime_ticks` are those of the reading. `moved` are interfaces whose
    operational state is another than it was, with the new one.
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
    rows: list[Row] = field(default_factory=list)
    moved: list[tuple[int, str]] = field(default_factory=list)

    def to_json(self) -> bytes:
        """One line, without its end."""
        values = [getattr(self, name) for name in PollRecord.__slots__]
        return _encode(values).encode()

    @classmethod
    def from_json(cls, line: bytes) -> "PollRecord":
        """Raises ValueError or TypeError for a line that `to_json` did not write."""
        *values, rows, moved = json.loads(line)
        record = cls(*values)
        record.rows = [Row(*row) for row in rows]
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
) -> list[str]:
    """Fill in rows and moved states; returns the names of the interfaces that are missing."""
    rows, missing = record.rows, dict.fromkeys(planned)
    for seen in reading.rows:
        interface = planned.get(seen.name)
        if interface is None:
            continue
        if seen.oper_state and seen.oper_state != interface.oper_state:
            record.moved.append((interface.pk, seen.oper_state))
            interface.oper_state = seen.oper_state
        row = _row(interface, seen)
        if row is not None:
            rows.append(row)
            del missing[seen.name]
    return sorted(missing)


def _row(interface: PlannedInterface, seen: CounterRow) -> Row | None:
    """None where a counter is missing."""
    if seen.in_octets is None or seen.out_octets is None:
        return None
    return Row(
        interface.pk,
        interface.limit_bps,
        int(seen.taken_at * 1000),
        seen.uptime_ticks,
        seen.in_octets,
        seen.out_octets,
        seen.bits,
        seen.discontinuity_ticks,
    )


def _judge(record: PollRecord, missing: list[str], attempt: Attempt) -> None:
    notes = []
    if missing:
        more = " …" if len(missing) > MOST_NAMED else ""
        notes.append(f"{', '.join(missing[:MOST_NAMED])}{more} missing")
        record.result = Poll.Result.PARTIAL
    if attempt.snmp_error:
        notes.append(f"by the API, since SNMP failed: {attempt.snmp_error}")
    record.got = len(record.rows)
    record.detail = visible("; ".join(notes))[:250]


def _why(attempt: Attempt) -> str:
    """What each method that was asked said."""
    said = [("SNMP", attempt.snmp_error), ("API", attempt.api_error)]
    return visible("; ".join(f"{method}: {error}" for method, error in said if error))
