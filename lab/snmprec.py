"""A view from a recorded device: `OID|tag|value` lines, with counters that may move."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lab import ber
from lab.ber import Oid
from lab.mib import Found, Value

_WIDTH = {ber.COUNTER32: 32, ber.GAUGE32: 32, ber.TIMETICKS: 32, ber.COUNTER64: 64}
_TEXT = (ber.OCTETS, ber.OPAQUE)


class BadRecording(ValueError):
    """A line that is not of this format; the message says which."""


@dataclass(frozen=True, slots=True)
class Moving:
    """A number that grows by `rate` a second from `initial`; wraps or stays at its end."""

    rate: float
    initial: int
    wrap: bool

    def at(self, elapsed_s: float, bits: int) -> int:
        value = self.initial + int(self.rate * elapsed_s)
        return value % (1 << bits) if self.wrap else min(value, (1 << bits) - 1)


@dataclass(frozen=True, slots=True)
class Recording:
    """What a device said, in order of OID."""

    oids: list[Oid]
    values: dict[Oid, tuple[int, ber.Plain | Moving]]


def parse_oid(text: str) -> Oid:
    return tuple(int(number) for number in text.strip(".").split("."))


@lru_cache(maxsize=64)
def load(path: Path) -> Recording:
    """Read a file once however many routers play it; raises BadRecording and OSError."""
    values: dict[Oid, tuple[int, ber.Plain | Moving]] = {}
    # a recording may hold any octet: latin-1 keeps each as it is
    for number, line in enumerate(path.read_bytes().decode("latin-1").split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            oid, tag, text = line.rstrip("\r").split("|", 2)
            values[parse_oid(oid)] = _value(tag, text)
        except ValueError as error:
            raise BadRecording(f"{path.name} line {number}: {error}") from None
    return Recording(sorted(values), values)


def _value(tag_text: str, text: str) -> tuple[int, ber.Plain | Moving]:
    """Tags are decimal; `x` after one means hex, `:numeric` a moving number."""
    tag_text, _, module = tag_text.partition(":")
    tag = int(tag_text.removesuffix("x"))
    if module == "numeric":
        return tag, _moving(text)
    if module:
        raise BadRecording(f"module {module!r} is not known")
    if tag_text.endswith("x"):
        return tag, bytes.fromhex(text)
    return tag, _plain(tag, text)


def _plain(tag: int, text: str) -> ber.Plain:
    if tag in _TEXT:
        return text.encode("latin-1")
    if tag == ber.IP_ADDRESS:
        return bytes(int(part) for part in text.split("."))
    if tag == ber.OID:
        return parse_oid(text)
    return None if tag == ber.NULL else int(text)


def _moving(text: str) -> Moving:
    given = dict(part.split("=", 1) for part in text.split(","))
    return Moving(
        rate=float(given.get("rate", 0)),
        initial=int(given.get("initial", 0)),
        wrap=given.get("wrap", "0") == "1",
    )


class RecordedView:
    """A recording that is played since `start_at`."""

    def __init__(
        self, recording: Recording, start_at: float, clock: Callable[[], float] = time.time
    ) -> None:
        self.recording = recording
        self.elapsed_s = max(0.0, clock() - start_at)

    def get(self, oid: Oid) -> Value:
        """The value or noSuchInstance: a recording does not know which objects exist."""
        if oid not in self.recording.values:
            return ber.NO_SUCH_INSTANCE, None
        tag, value = self.recording.values[oid]
        if isinstance(value, Moving):
            return tag, value.at(self.elapsed_s, _WIDTH.get(tag, 31))
        return tag, value

    def next(self, oid: Oid) -> Found:
        """The first object behind an OID, or endOfMibView."""
        position = bisect_right(self.recording.oids, oid)
        if position == len(self.recording.oids):
            return oid, ber.END_OF_MIB_VIEW, None
        found = self.recording.oids[position]
        return found, *self.get(found)
