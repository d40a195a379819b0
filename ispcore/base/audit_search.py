"""Searching the audit log: what an address may ask of it, and how far a search looks.

Names of people, objects, requests and addresses have indexes. Words in values, fields and kinds
have none: they are looked for among the newest WINDOW entries of the chosen dates, and the page and
the download say so where there are more. On PostgreSQL with a million entries of 0.8 kB that takes
at most 0.5 s on two cores; all of the million would take 0.4 to 1.5 s, and so on for every further
one.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet

from ispcore.base import clock
from ispcore.base.audit_words import folded
from ispcore.base.models import AuditEntry

WINDOW = 200_000
A_PAGE = 50
MOST_CSV = 50_000
CSV_PIECE = 1_000
LONGEST = 100
MOST_WORDS = 6
# what has an index of its own: the name in the address, and the column
EXACT = {
    "actor": "actor",
    "action": "action",
    "object_id": "object_id",
    "request": "request_id",
    "address": "address",
    "batch": "batch_id",
}
CHOSEN = {"kind": "kind", "surface": "surface", "object_kind": "object_kind"}
SURFACES = ("admin", "api", "my", "command", "job")
_NAME = re.compile(r"[A-Za-z0-9_]{1,60}", re.ASCII)
_REQUEST = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for and understood; `faults` says what was not."""

    exact: Mapping[str, str] = field(default_factory=dict)
    chosen: Mapping[str, str] = field(default_factory=dict)
    words: str = ""
    column: str = ""
    start: date | None = None
    end: date | None = None
    before: int = 0
    faults: tuple[str, ...] = ()

    @property
    def is_all(self) -> bool:
        return not (self.exact or self.chosen or self.words or self.column)

    @property
    def looks_at_each(self) -> bool:
        """Whether there is something to look for that no index finds."""
        return bool(self.chosen or self.words or self.column)


def wanted(asked: Mapping[str, str]) -> Wanted:
    """What an address asks for. A word that is an IP address or a request's id is looked up so."""
    given = {name: _typed(asked.get(name, "")) for name in (*EXACT, *CHOSEN, "q", "field")}
    words, faults = given["q"], []
    for name, is_it in (("address", _is_address), ("request", _is_request)):
        if words and not given[name] and is_it(words):
            given[name], words = words, ""
    if given["address"] and not _is_address(given["address"]):
        faults.append(f"{given['address']!r} is no IP address")
        given["address"] = ""
    if given["batch"] and not _is_number(given["batch"]):
        given["batch"] = ""
    column = given["field"] if _NAME.fullmatch(given["field"]) else ""
    start, end = (_day(asked.get(name, ""), faults) for name in ("from", "until"))
    before = asked.get("before", "")
    return Wanted(
        exact={name: given[name] for name in EXACT if given[name]},
        chosen={name: given[name] for name in CHOSEN if given[name]},
        words=words,
        column=column,
        start=start,
        end=end,
        before=int(before) if _is_number(before) else 0,
        faults=tuple(faults),
    )


@dataclass(frozen=True, slots=True)
class Found:
    """The entries, newest first, and how far back was looked, where that is not all of them."""

    rows: QuerySet[AuditEntry]
    window_ends: datetime | None = None


def found(ask: Wanted) -> Found:
    """What fits. Members of batches only where something is looked for that they may be: else
    twenty thousand of one change would hide the others."""
    rows = _before(_indexed(ask), ask.before)
    if not ask.looks_at_each:
        return Found(rows)
    beyond = rows.only("at")[WINDOW : WINDOW + 1]
    edge = next(iter(beyond), None)
    if edge is not None:
        rows = rows.filter(at__gte=edge.at).exclude(at=edge.at, pk__lte=edge.pk)
    rows = rows.filter(**dict(ask.chosen))
    if ask.column:
        rows = rows.filter(Q(old__has_key=ask.column) | Q(new__has_key=ask.column))
    for word in folded(ask.words).split()[:MOST_WORDS]:
        rows = rows.filter(words__contains=word)
    return Found(rows, edge.at if edge else None)


def pieces(rows: QuerySet[AuditEntry]) -> Iterator[list[AuditEntry]]:
    """All that was found, some at a time, MOST_CSV at most: what a download is made of."""
    given = 0
    last: AuditEntry | None = None
    while given < MOST_CSV:
        piece = list(_before_entry(rows, last)[:CSV_PIECE])
        if not piece:
            return
        yield piece
        given, last = given + len(piece), piece[-1]


def _indexed(ask: Wanted) -> QuerySet[AuditEntry]:
    rows = AuditEntry.objects.order_by("-at", "-pk")
    given = {EXACT[name]: value for name, value in ask.exact.items()}
    if "object_id" in given and "object_kind" in ask.chosen:
        given["object_kind"] = ask.chosen["object_kind"]
    if ask.start is not None:
        rows = rows.filter(at__gte=clock.day_start(ask.start))
    if ask.end is not None:
        rows = rows.filter(at__lt=clock.day_start(ask.end + timedelta(days=1)))
    if not given and not ask.words and not ask.column:
        rows = rows.filter(batch=None)
    if "batch_id" in given:
        rows = rows.order_by("-pk")  # they are of one instant, and so stand in the index
    return rows.filter(**given)


def _before(rows: QuerySet[AuditEntry], pk: int) -> QuerySet[AuditEntry]:
    return _before_entry(rows, AuditEntry.objects.filter(pk=pk).first() if pk else None)


def _before_entry(rows: QuerySet[AuditEntry], last: AuditEntry | None) -> QuerySet[AuditEntry]:
    if last is None:
        return rows
    return rows.filter(at__lte=last.at).exclude(at=last.at, pk__gte=last.pk)


def _typed(text: str) -> str:
    return text.replace("\0", "").strip()[:LONGEST]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # of an interface: no database has those


def _is_request(text: str) -> bool:
    return bool(_REQUEST.fullmatch(text))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18


def _day(text: str, faults: list[str]) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text[:40].replace("\0", ""))
    except ValueError:
        faults.append(f"{text[:40]!r} is no date")
        return None
    if not 1970 <= day.year <= 2999:
        faults.append(f"{day.year} is no year of this log")
        return None
    return day
