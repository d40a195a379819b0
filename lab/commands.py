"""Commands of the RouterOS API after login: one sentence in, reply sentences out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from lab import words
from lab.menus import ARGUMENT, MISSING, Menu, Trap, find_items, require
from lab.queries import BadQuery, matches
from lab.router import LabRouter, NoSuchInterface, Row

Menus = Mapping[str, Menu]
_NO_DATA = (7, 18)  # since this version an empty answer says so with !empty


@dataclass(frozen=True, slots=True)
class Command:
    """A sentence of a client, taken apart."""

    word: str
    attributes: Row
    query: tuple[str, ...]
    proplist: tuple[str, ...]
    tag: bytes | None

    @classmethod
    def parse(cls, sentence: list[bytes]) -> Self:
        """Words that are none of attribute, query or API attribute are ignored."""
        attributes: Row = {}
        query: list[str] = []
        tag = None
        for word in sentence[1:]:
            if word.startswith(b".tag="):
                tag = word[5:]
            elif word.startswith(b"="):
                name, _, value = words.text(word[1:]).partition("=")
                attributes[name] = value
            elif word.startswith(b"?"):
                query.append(words.text(word[1:]))
        proplist = tuple(name for name in attributes.pop(".proplist", "").split(",") if name)
        return cls(words.text(sentence[0]), attributes, tuple(query), proplist, tag)

    @property
    def path(self) -> str:
        return self.word.rpartition("/")[0]

    @property
    def verb(self) -> str:
        return self.word.rpartition("/")[2]


def streams(command: Command) -> bool:
    """Whether a command runs until it is cancelled."""
    if command.verb == "monitor-traffic":
        return "once" not in command.attributes
    return command.verb == "listen"


def run(menus: Menus, router: LabRouter, command: Command) -> bytes:
    """The whole answer to a command that ends by itself; raises Trap."""
    if command.word == "/interface/monitor-traffic":
        return _rows(command, traffic(router, command), router)
    menu = _menu(menus, command)
    if command.verb in ("print", "getall"):
        return _print(menu, router, command)
    if command.verb == "add":
        made = menu.add(command.attributes)
        return words.reply("!done", {"ret": made} if made else None, command.tag)
    act = {"set": _set, "remove": _remove, "enable": _enable, "disable": _disable}
    if command.verb not in act:
        raise Trap("no such command", MISSING)
    act[command.verb](menu, command)
    return words.reply("!done", None, command.tag)


def _menu(menus: Menus, command: Command) -> Menu:
    try:
        return menus[command.path]
    except KeyError:
        raise Trap("no such command prefix", MISSING) from None


def _print(menu: Menu, router: LabRouter, command: Command) -> bytes:
    rows = select(menu.rows(), command)
    if "count-only" in command.attributes:
        return words.reply("!done", {"ret": str(len(rows))}, command.tag)
    return _rows(command, rows, router)


def _rows(command: Command, rows: Iterable[Row], router: LabRouter) -> bytes:
    out = [words.reply("!re", _chosen(row, command), command.tag) for row in rows]
    if not out and router.version >= _NO_DATA:
        out.append(words.reply("!empty", None, command.tag))
    out.append(words.reply("!done", None, command.tag))
    return b"".join(out)


def select(rows: list[Row], command: Command) -> list[Row]:
    """Rows that pass the query, and the items asked for by handle where there are any."""
    try:
        passed = [row for row in rows if matches(row, command.query)]
    except BadQuery as error:
        raise Trap(f"unknown query operation {error}", ARGUMENT) from None
    handles = command.attributes.get(".id")
    if handles is None:
        return passed
    return [row for row in passed if row.get(".id") in handles.split(",")]


def _chosen(row: Row, command: Command) -> Row:
    if not command.proplist:
        return row
    return {name: row[name] for name in command.proplist if name in row}


def _items(menu: Menu, given: Row) -> list[str]:
    """Takes the handles out of the arguments. A menu of one row needs none."""
    if menu.single:
        return [""]
    handles = given.pop(".id", None)
    handles = given.pop("numbers", handles)
    if handles is None:
        require({}, (".id",))
    return find_items(menu, handles or "")


def _set(menu: Menu, command: Command) -> None:
    given = dict(command.attributes)
    for item_id in _items(menu, given):
        menu.change(item_id, given)


def _remove(menu: Menu, command: Command) -> None:
    for item_id in _items(menu, dict(command.attributes)):
        menu.remove(item_id)


def _enable(menu: Menu, command: Command) -> None:
    for item_id in _items(menu, dict(command.attributes)):
        menu.change(item_id, {"disabled": "no"})


def _disable(menu: Menu, command: Command) -> None:
    for item_id in _items(menu, dict(command.attributes)):
        menu.change(item_id, {"disabled": "yes"})


def traffic(router: LabRouter, command: Command) -> list[Row]:
    """What monitor-traffic says of each interface asked for; raises Trap."""
    require(command.attributes, ("interface",))
    now = router.now
    rows = []
    for name in command.attributes["interface"].split(","):
        try:
            interface = router.interface(name)
        except NoSuchInterface:
            raise Trap("input does not match any value of interface", ARGUMENT) from None
        seen = router.counters(interface, now)
        rx_mean, tx_mean = interface.octet_direction
        row = {
            "name": interface.name,
            "rx-packets-per-second": str(seen.rx_bps // 8 // rx_mean),
            "rx-bits-per-second": str(seen.rx_bps),
            "tx-packets-per-second": str(seen.tx_bps // 8 // tx_mean),
            "tx-bits-per-second": str(seen.tx_bps),
        }
        rows.append(row)
    return rows


def _seconds(given: str) -> float:
    """`2`, `2s` or `200ms`; raises Trap."""
    number, scale = given.removesuffix("s"), 1.0
    if number.endswith("m") and given.endswith("ms"):
        number, scale = number.removesuffix("m"), 0.001
    try:
        seconds = float(number) * scale
    except ValueError:
        seconds = 0.0
    if not 0.01 <= seconds <= 86400:
        raise Trap("invalid value for argument interval", ARGUMENT)
    return seconds


@dataclass(slots=True)
class Stream:
    """A command that goes on: changes of a menu, or traffic second by second."""

    menus: Menus
    router: LabRouter
    command: Command

    async def rows(self) -> AsyncIterator[Row]:
        """Rows until cancelled; raises Trap."""
        source = self._changes() if self.command.verb == "listen" else self._traffic()
        async for row in source:
            yield _chosen(row, self.command)

    async def _changes(self) -> AsyncIterator[Row]:
        menu = _menu(self.menus, self.command)
        select([{}], self.command)  # a query that nobody understands fails now, not at a change
        changed: asyncio.Queue[Row] = asyncio.Queue()

        def watch(path: str, row: Row) -> None:
            if path == menu.path and (".dead" in row or matches(row, self.command.query)):
                changed.put_nowait(row)

        self.router.watchers.append(watch)
        try:
            while True:
                yield await changed.get()
        finally:
            self.router.watchers.remove(watch)

    async def _traffic(self) -> AsyncIterator[Row]:
        if self.command.path != "/interface":
            raise Trap("no such command prefix", MISSING)
        interval_s = _seconds(self.command.attributes.get("interval", "1"))
        section = 0
        while True:
            for row in traffic(self.router, self.command):
                yield {**row, ".section": str(section)}
            section += 1
            await asyncio.sleep(interval_s)
