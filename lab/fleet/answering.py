"""Datagram in, datagram out: what an answer looks like is worked out once per kind of question.

Pollers ask every router the same, so the question without its request-id finds a template that
holds the answer but for the counters; those are a multiplication each.
"""

from __future__ import annotations

from lab import ber
from lab.ber import BadBer, Oid, Reader
from lab.fleet.layout import Cell, FleetRouter, Layout, Read
from lab.fleet.spec import START_OCTETS
from lab.snmp import GET, GET_BULK, GET_NEXT, NO_ACCESS, SET, TOO_BIG, V2C, Pdu

LARGEST = 1472  # octets of an answer, as RouterOS has it: no fragments on Ethernet
MOST_TEMPLATES = 4096
_MOST_ROWS = 2000  # of one GETBULK, before the size limit is applied
_OWN_SIZE = 26  # of the headers of a message, without community and request-id, at most
Row = tuple[Oid, Cell]


class Template:
    """The varbinds of an answer, cut where values differ between routers and moments."""

    def __init__(self, rows: list[Row], status: int = 0, index: int = 0) -> None:
        self.status = ber.integer(status) + ber.integer(index)
        self.parts = [b""]
        self.counters: list[tuple[int, int]] = []
        self.others: list[tuple[int, bytes, int, Read]] = []
        for oid, cell in rows:
            self._add(ber.oid(oid), cell)

    def _add(self, name: bytes, cell: Cell) -> None:
        if cell.slot is not None:
            value = bytes((ber.COUNTER64, 8))
            self.parts[-1] += ber.sequence(name, value, bytes(8))[:-8]
            self.counters.append((len(self.parts), cell.slot))
        elif cell.read is not None:
            self.others.append((len(self.parts), name, cell.tag, cell.read))
        else:
            self.parts[-1] += ber.sequence(name, cell.tlv)
            return
        self.parts += [b"", b""]

    def varbinds(self, router: FleetRouter, ticks: int) -> bytes:
        """The list's content, without its own header."""
        parts, rates = self.parts, router.rates
        for position, slot in self.counters:
            parts[position] = (START_OCTETS + rates[slot] * ticks).to_bytes(8, "big")
        for position, name, tag, read in self.others:
            parts[position] = ber.sequence(name, ber.value(tag, read(router, ticks)))
        return b"".join(parts)


class Answerer:
    """Answers for every router of a fleet (v2c, one community)."""

    def __init__(self, layout: Layout, community: str) -> None:
        self.layout = layout
        self.head = ber.integer(V2C) + ber.octet_string(community.encode())
        self._templates: dict[tuple[int, bytes], Template] = {}

    def answer(self, datagram: bytes, router: FleetRouter, ticks: int) -> bytes | None:
        """The answer; None for what an agent ignores: another version or community, a kind that
        is no question. Raises BadBer for what is no SNMP."""
        head = self.head
        start = datagram.find(head, 2, 6 + len(head))
        if start < 0:
            return None
        try:
            at = start + len(head)
            kind, size = datagram[at], datagram[at + 1]
            at += 2 if size < 0x80 else size - 0x7E  # 0x81 and 0x82 bring one and two more octets
            behind = at + 2 + datagram[at + 1]
        except IndexError:
            raise BadBer("the message ends inside a header") from None
        request_id, question = datagram[at:behind], datagram[behind:]
        template = self._templates.get((kind, question))
        if template is None:
            template = self._make(datagram, start + len(head), kind, question)
        if template is None:
            return None
        rows = template.varbinds(router, ticks)
        pdu = b"%b%b0\x82%b%b" % (request_id, template.status, _two(len(rows)), rows)
        message = b"%b\xa2\x82%b%b" % (head, _two(len(pdu)), pdu)
        return b"0\x82%b%b" % (_two(len(message)), message)

    def _make(self, datagram: bytes, start: int, kind: int, question: bytes) -> Template | None:
        pdu = Pdu.read(Reader(datagram, start))
        template = self._template(pdu)
        if template is not None:
            if len(self._templates) >= MOST_TEMPLATES:
                self._templates.clear()
            self._templates[kind, question] = template
        return template

    def _template(self, pdu: Pdu) -> Template | None:
        """GETBULK is cut to fit, anything else becomes tooBig (RFC 3416 4.2.1 to 4.2.3)."""
        if pdu.kind == SET:
            null = Cell(tlv=ber.value(ber.NULL, None))
            return Template([(name, null) for name in pdu.names], NO_ACCESS, min(1, len(pdu.names)))
        if pdu.kind == GET_BULK:
            return Template(self._cut(self._bulk(pdu)))
        if pdu.kind not in (GET, GET_NEXT):
            return None
        if pdu.kind == GET:
            rows = [(name, self.layout.get(name)) for name in pdu.names]
        else:
            rows = [self.layout.next(name) for name in pdu.names]
        return Template(rows) if self._cut(rows) == rows else Template([], TOO_BIG)

    def _bulk(self, pdu: Pdu) -> list[Row]:
        single = max(0, pdu.first)
        rows = [self.layout.next(name) for name in pdu.names[:single]]
        names = pdu.names[single:]
        for _ in range(max(0, pdu.second) if names else 0):
            step = [self.layout.next(name) for name in names]
            names = [row[0] for row in step]
            rows += step
            ended = all(row[1].tlv[:1] == bytes((ber.END_OF_MIB_VIEW,)) for row in step)
            if ended or len(rows) > _MOST_ROWS:
                break
        return rows

    def _cut(self, rows: list[Row]) -> list[Row]:
        """As many whole rows as fit into one datagram."""
        room = LARGEST - len(self.head) - _OWN_SIZE
        for count, (oid, cell) in enumerate(rows):
            content = len(ber.oid(oid)) + cell.size
            room -= content + (2 if content < 0x80 else 4)
            if room < 0:
                return rows[:count]
        return rows


def _two(size: int) -> bytes:
    return size.to_bytes(2, "big")
