"""An SNMP agent: v1, v2c and v3 over UDP, answering from a view."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from lab import ber, words
from lab.ber import BadBer, Oid, Reader, Varbind
from lab.faults import NONSENSE, REFUSE, Faults
from lab.mib import View
from lab.spec import RouterSpec
from lab.usm import Usm

log = logging.getLogger(__name__)

GET, GET_NEXT, RESPONSE, SET, GET_BULK, REPORT = 0xA0, 0xA1, 0xA2, 0xA3, 0xA5, 0xA8
TOO_BIG, NO_SUCH_NAME, GEN_ERR, NO_ACCESS = 1, 2, 5, 6
V1, V2C, V3 = 0, 1, 3
_EXCEPTIONS = (ber.NO_SUCH_OBJECT, ber.NO_SUCH_INSTANCE, ber.END_OF_MIB_VIEW)
_MOST_ROWS = 2000  # of one GETBULK, before the size limit is applied


@dataclass(frozen=True, slots=True)
class Pdu:
    """A request. For GETBULK the two numbers are non-repeaters and max-repetitions."""

    kind: int
    request_id: int
    first: int
    second: int
    names: list[Oid]

    @classmethod
    def read(cls, reader: Reader) -> Pdu:
        """Raises BadBer."""
        kind, start, end = reader.header()
        inner = Reader(reader.octets, start, end)
        numbers = inner.integer(), inner.integer(), inner.integer()
        return cls(kind, *numbers, [name for name, _, _ in inner.varbinds()])


def response(request_id: int, status: int, index: int, rows: list[Varbind]) -> bytes:
    """A response PDU."""
    numbers = (ber.integer(number) for number in (request_id, status, index))
    return ber.sequence(*numbers, ber.varbinds(rows), tag=RESPONSE)


def answer(pdu: Pdu, view: View, *, version: int, room: int) -> bytes | None:
    """The response PDU in at most `room` octets; None for what an agent ignores.

    GETBULK is cut to fit, anything else becomes tooBig (RFC 3416 4.2.1 to 4.2.3).
    """
    if pdu.kind == SET:
        return _refuse_set(pdu, version)
    if pdu.kind == GET_BULK and version != V1:
        return _bulk(pdu, view, room)
    if pdu.kind not in (GET, GET_NEXT):
        return None
    rows = _rows(pdu, view, version)
    if version == V1:
        for position, row in enumerate(rows, start=1):
            if row[1] in (*_EXCEPTIONS, ber.COUNTER64):
                return _echo(pdu, NO_SUCH_NAME, position)
    out = response(pdu.request_id, 0, 0, rows)
    if len(out) <= room:
        return out
    return _echo(pdu, TOO_BIG, 0) if version == V1 else response(pdu.request_id, TOO_BIG, 0, [])


def _rows(pdu: Pdu, view: View, version: int) -> list[Varbind]:
    if pdu.kind == GET:
        return [(name, *view.get(name)) for name in pdu.names]
    rows = []
    for name in pdu.names:
        row = view.next(name)
        while version == V1 and row[1] == ber.COUNTER64:  # v1 cannot say it: RFC 3584 4.2.2.1
            row = view.next(row[0])
        rows.append(row)
    return rows


def _echo(pdu: Pdu, status: int, index: int) -> bytes:
    """The request's names with an error, as v1 wants it."""
    return response(pdu.request_id, status, index, [(name, ber.NULL, None) for name in pdu.names])


def _refuse_set(pdu: Pdu, version: int) -> bytes:
    return _echo(pdu, NO_SUCH_NAME if version == V1 else NO_ACCESS, 1 if pdu.names else 0)


def _bulk(pdu: Pdu, view: View, room: int) -> bytes:
    single = max(0, pdu.first)
    rows = [view.next(name) for name in pdu.names[:single]]
    names = pdu.names[single:]
    size = sum(_size(row) for row in rows)
    for _ in range(max(0, pdu.second) if names else 0):
        step = [view.next(name) for name in names]
        names = [row[0] for row in step]
        rows += step
        size += sum(_size(row) for row in step)
        ended = all(row[1] == ber.END_OF_MIB_VIEW for row in step)
        if ended or size > room or len(rows) > _MOST_ROWS:
            break
    return _cut(pdu, rows, room)


def _cut(pdu: Pdu, rows: list[Varbind], room: int) -> bytes:
    """As many whole rows as fit."""
    budget = room - 24  # the PDU's own headers and three numbers, at most
    kept = 0
    for row in rows:
        budget -= _size(row)
        if budget < 0:
            break
        kept += 1
    return response(pdu.request_id, 0, 0, rows[:kept])


def _size(row: Varbind) -> int:
    return len(ber.sequence(ber.oid(row[0]), ber.value(row[1], row[2])))


class Agent:
    """Turns one datagram into another. Unknown communities are dropped, as RouterOS does."""

    def __init__(
        self, spec: RouterSpec, view: Callable[[], View], usm: Usm, faults: Faults
    ) -> None:
        self.spec = spec
        self.view = view
        self.usm = usm
        self.faults = faults
        self.requests = 0

    def answer(self, datagram: bytes) -> bytes | None:
        """The answer, or None for silence. Never raises for what a peer sends."""
        try:
            return self._answer(datagram)
        except (BadBer, UnicodeDecodeError) as error:
            log.debug("%s: dropped a datagram: %s", self.spec.name, error)
            return None

    def _answer(self, datagram: bytes) -> bytes | None:
        message = Reader(datagram).inner()
        version = message.integer()
        if version == V3:
            return self.usm.answer(datagram, self._respond, refuse=self.faults.mode == REFUSE)
        if version not in (V1, V2C):
            return None
        community = message.take(ber.OCTETS)
        known = self.spec.community in ("*", words.text(community))
        if self.faults.mode == REFUSE or not known:
            return None
        head = ber.integer(version) + ber.octet_string(community)
        room = self.spec.snmp_max_size - len(head) - 4
        out = answer(Pdu.read(message), self.view(), version=version, room=room)
        self.requests += 1
        return None if out is None else ber.sequence(head, out)

    def _respond(self, reader: Reader, room: int) -> bytes | None:
        """The PDU of a v3 message, after the security model has let it in."""
        self.requests += 1
        return answer(
            Pdu.read(reader), self.view(), version=V3, room=min(room, self.spec.snmp_max_size)
        )


class AgentProtocol(asyncio.DatagramProtocol):
    """The agent's socket, where datagrams are lost, late or nonsense."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own datagram transport is no subclass of the class it documents
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        faults = self.agent.faults
        if faults.silent or faults.loses_one():
            return
        out = faults.garbage() if faults.mode == NONSENSE else self.agent.answer(data)
        if out is None:
            return
        if faults.delay_s:
            loop = asyncio.get_running_loop()
            loop.call_later(faults.delay_s, self._send, out, addr)
        else:
            self._send(out, addr)

    def _send(self, out: bytes, addr: tuple[str, int]) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.sendto(out, addr)


async def listen(agent: Agent, host: str, port: int) -> tuple[asyncio.DatagramTransport, int]:
    """Open the agent's socket; (transport, port). Raises OSError where the port is taken."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: AgentProtocol(agent), local_addr=(host, port)
    )
    return transport, transport.get_extra_info("sockname")[1]
