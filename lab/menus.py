"""The menus of the RouterOS API: what can be printed, added, set and removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from lab.router import LabRouter, Row

MISSING, ARGUMENT, INTERRUPTED, GENERAL, API = 0, 1, 2, 4, 5
_TRUE, _FALSE = ("yes", "true"), ("no", "false")


class Trap(Exception):
    """A command that fails; category and message go out as `!trap` (MikroTik's API page)."""

    def __init__(self, message: str, category: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.category = category

    def attributes(self) -> Row:
        if self.category is None:
            return {"message": self.message}
        return {"category": str(self.category), "message": self.message}


class Menu(Protocol):
    """One path of the menu tree. Errors are raised as Trap."""

    path: str
    single: bool  # one row without items

    def rows(self) -> list[Row]: ...
    def add(self, given: Mapping[str, str]) -> str: ...
    def change(self, item_id: str, given: Mapping[str, str]) -> None: ...
    def remove(self, item_id: str) -> None: ...


def truth(given: str, name: str) -> bool:
    """RouterOS takes yes, no, true and false."""
    if given in _TRUE:
        return True
    if given in _FALSE:
        return False
    raise Trap(f"input does not match any value of {name}", ARGUMENT)


def shown(value: bool) -> str:
    return "true" if value else "false"


def find_items(menu: Menu, handles: str) -> list[str]:
    """Ids of the items that `*HEX` handles or names stand for; comma separates."""
    rows = menu.rows()
    found = []
    for handle in handles.split(","):
        ids = [row[".id"] for row in rows if handle in (row.get(".id"), row.get("name"))]
        if not ids:
            raise Trap("no such item", MISSING)
        found.append(ids[0])
    return found


def require(given: Mapping[str, str], names: tuple[str, ...]) -> None:
    """Raises Trap for arguments that are missing."""
    missing = [name for name in names if name not in given]
    if missing:
        raise Trap(f"missing value(s) of argument(s) {' '.join(missing)}", ARGUMENT)


def only_known(given: Mapping[str, str], names: tuple[str, ...]) -> None:
    """Raises Trap for the first argument that the menu does not have."""
    for name in given:
        if name not in names:
            raise Trap("unknown parameter", ARGUMENT)


class TableMenu:
    """A menu of plain items that nothing else depends on, kept in `router.tables`."""

    single = False

    def __init__(
        self,
        router: LabRouter,
        path: str,
        *,
        required: tuple[str, ...],
        defaults: Mapping[str, str],
        unique: str | None = None,
    ) -> None:
        self.router = router
        self.path = path
        self.required = required
        self.defaults = dict(defaults)
        self.unique = unique

    @property
    def table(self) -> dict[str, Row]:
        return self.router.tables.setdefault(self.path, {})

    def rows(self) -> list[Row]:
        return [{".id": item_id, **row} for item_id, row in self.table.items()]

    def add(self, given: Mapping[str, str]) -> str:
        self._check(given)
        require(given, self.required)
        self._check_unique(given, None)
        numbers = [int(item_id[1:], 16) for item_id in self.table]
        item_id = f"*{max(numbers, default=0) + 1:X}"
        self.table[item_id] = self.complete({**self.defaults, **given})
        self.router.changed(self.path, {".id": item_id, **self.table[item_id]})
        return item_id

    def change(self, item_id: str, given: Mapping[str, str]) -> None:
        self._check(given)
        self._check_unique(given, item_id)
        self.table[item_id] = self.complete({**self.table[item_id], **given})
        self.router.changed(self.path, {".id": item_id, **self.table[item_id]})

    def remove(self, item_id: str) -> None:
        del self.table[item_id]
        self.router.changed(self.path, {".id": item_id, ".dead": "true"})

    def complete(self, row: Row) -> Row:
        """The row as it is kept: truth values in RouterOS' words, no empty comment."""
        row["disabled"] = shown(truth(row.get("disabled", "no"), "disabled"))
        if not row.get("comment"):
            row.pop("comment", None)
        return row

    def _check(self, given: Mapping[str, str]) -> None:
        only_known(given, (*self.required, *self.defaults, "disabled", "comment"))

    def _check_unique(self, given: Mapping[str, str], own_id: str | None) -> None:
        if self.unique is None or self.unique not in given:
            return
        for item_id, row in self.table.items():
            if item_id != own_id and row.get(self.unique) == given[self.unique]:
                raise Trap("failure: already have such name", GENERAL)


class QueueMenu(TableMenu):
    """/queue/simple. Pairs are upload/download of the target; plain bits per second."""

    def __init__(self, router: LabRouter) -> None:
        defaults = dict.fromkeys(("max-limit", "limit-at", "burst-limit", "burst-threshold"), "0/0")
        defaults |= {"name": "", "dst": "", "parent": "none", "burst-time": "0s/0s"}
        defaults |= {"priority": "8/8", "queue": "default-small/default-small", "packet-marks": ""}
        required = ("target",)
        super().__init__(
            router, "/queue/simple", required=required, defaults=defaults, unique="name"
        )

    def complete(self, row: Row) -> Row:
        for name in ("max-limit", "limit-at", "burst-limit", "burst-threshold"):
            row[name] = _pair(row[name], name)
        if not row["name"]:
            row["name"] = f"queue{len(self.table) + 1}"
        row = {name: value for name, value in row.items() if value or name == "packet-marks"}
        return super().complete(row)

    def rows(self) -> list[Row]:
        still = {"bytes": "0/0", "rate": "0/0", "packets": "0/0", "dropped": "0/0"}
        still |= {"invalid": "false", "dynamic": "false"}
        return [{**row, **still} for row in super().rows()]


def _pair(given: str, name: str) -> str:
    """`10M/20M` as plain numbers; one number stands for both directions."""
    sides = given.split("/")
    if len(sides) > 2:
        raise Trap(f"invalid value for argument {name}", ARGUMENT)
    numbers = [str(_number(side, name)) for side in sides]
    return "/".join(numbers * (3 - len(sides)))


def _number(given: str, name: str) -> int:
    scale = {"k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9}.get(given[-1:], 1)
    digits = given if scale == 1 else given[:-1]
    if not digits.isdecimal():
        raise Trap(f"invalid value for argument {name}", ARGUMENT)
    return int(digits) * scale


class AddressMenu(TableMenu):
    """/ip/address."""

    def __init__(self, router: LabRouter) -> None:
        super().__init__(
            router, "/ip/address", required=("address", "interface"), defaults={"network": ""}
        )

    def complete(self, row: Row) -> Row:
        if all(one.name != row["interface"] for one in self.router.interfaces):
            raise Trap("input does not match any value of interface", ARGUMENT)
        row.update({"actual-interface": row["interface"], "invalid": "false", "dynamic": "false"})
        return super().complete(row)


class _Single:
    """A menu of one row, without items."""

    single = True

    def add(self, given: Mapping[str, str]) -> str:
        raise Trap("no such command", MISSING)

    def remove(self, item_id: str) -> None:
        raise Trap("no such command", MISSING)


class IdentityMenu(_Single):
    """/system/identity."""

    path = "/system/identity"

    def __init__(self, router: LabRouter) -> None:
        self.router = router

    def rows(self) -> list[Row]:
        return [{"name": self.router.identity}]

    def change(self, item_id: str, given: Mapping[str, str]) -> None:
        only_known(given, ("name",))
        self.router.identity = given.get("name", self.router.identity)
        self.router.changed(self.path, {"name": self.router.identity})


class ResourceMenu(_Single):
    """/system/resource, read only."""

    path = "/system/resource"

    def __init__(self, router: LabRouter) -> None:
        self.router = router

    def rows(self) -> list[Row]:
        row = {
            "uptime": span(int(self.router.uptime_s)),
            "version": f"{self.router.spec.version} (stable)",
            "build-time": "2024-11-26 12:09:40",
            "free-memory": "3758096384",
            "total-memory": "4294967296",
            "cpu": "ARM64",
            "cpu-count": "4",
            "cpu-load": str(self.router.cpu_load),
            "free-hdd-space": "98566144",
            "total-hdd-space": "135266304",
            "architecture-name": "arm64",
            "board-name": self.router.spec.board,
            "platform": "MikroTik",
        }
        return [row]

    def change(self, item_id: str, given: Mapping[str, str]) -> None:
        raise Trap("no such command", MISSING)


def span(seconds: int) -> str:
    """RouterOS' way of writing a time span: 1w2d3h4m5s."""
    text = ""
    for unit, size in (("w", 604800), ("d", 86400), ("h", 3600), ("m", 60)):
        count, seconds = divmod(seconds, size)
        text += f"{count}{unit}" if count else ""
    return f"{text}{seconds}s" if seconds or not text else text
