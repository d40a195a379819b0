"""Rows of usernames and of groups: replaced set-based, and summed up to be compared.

Names are compared as MariaDB does, without capitals: normalised names (stripped, lower case) find
the rows of any form. Whoever replaces the rows of a name owns that name: all its rows go.
Nothing here opens a transaction.
"""

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

from django.db import connections

from ispcore.base.statements import Statement, execute_together

RADIUS = "radius"
AT_ONCE = 500  # names in one statement
FEW = 20  # names whose rows are written without a look at what is there
PAGE_ROWS = 20_000
Row4 = tuple[str, str, str, str]


class CheckRow(NamedTuple):
    """A row of radcheck; of radgroupcheck, with the group's name as `username`."""

    username: str
    attribute: str
    op: str
    value: str


class ReplyRow(NamedTuple):
    """A row of radreply; of radgroupreply, with the group's name as `username`."""

    username: str
    attribute: str
    op: str
    value: str


class GroupRow(NamedTuple):
    """A row of radusergroup."""

    username: str
    groupname: str
    priority: int = 1


def normalised(username: str) -> str:
    """What MariaDB compares: `U5`, `u5 ` and `u5` are one name."""
    return username.strip().lower()


def bare(username: str) -> str:
    """Letters without their marks and capitals, near to how utf8mb4_general_ci compares."""
    if username.isascii():
        return username.strip().lower()
    letters = unicodedata.normalize("NFKD", username.strip())
    return "".join(each for each in letters if not unicodedata.combining(each)).casefold()


def replace(
    usernames: Iterable[str],
    checks: Iterable[Row4],
    replies: Iterable[Row4],
    groups: Iterable[tuple[str, str, int]],
) -> None:
    """Make these the only rows of these usernames; one without any is gone afterwards."""
    _replace(
        [normalised(each) for each in usernames],
        ("radcheck", "username, attribute, op, value", checks),
        ("radreply", "username, attribute, op, value", replies),
        ("radusergroup", "username, groupname, priority", groups),
    )


def replace_groups(
    groupnames: Iterable[str], checks: Iterable[Row4], replies: Iterable[Row4]
) -> None:
    """As `replace`, of what all members of these groups share."""
    _replace(
        [normalised(each) for each in groupnames],
        ("radgroupcheck", "groupname, attribute, op, value", checks),
        ("radgroupreply", "groupname, attribute, op, value", replies),
    )


def digest(checks: Iterable[Row4], replies: Iterable[Row4], groups: Iterable[Sequence[Any]]) -> str:
    """What stands for all rows of one username, or of one group, whatever their order."""
    return _digest(
        chain(
            (("c", *row) for row in checks),
            (("r", *row) for row in replies),
            (("g", *row) for row in groups),
        )
    )


def digests(usernames: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(normalised username, digest) of those that have rows; memory of a few hundred names."""
    yield from _digests(
        usernames,
        ("c", "SELECT username, attribute, op, value FROM radcheck WHERE username"),
        ("r", "SELECT username, attribute, op, value FROM radreply WHERE username"),
        ("g", "SELECT username, groupname, priority FROM radusergroup WHERE username"),
    )


def group_digests(groupnames: Iterable[str]) -> Iterator[tuple[str, str]]:
    """As `digests`, of groups."""
    yield from _digests(
        groupnames,
        ("c", "SELECT groupname, attribute, op, value FROM radgroupcheck WHERE groupname"),
        ("r", "SELECT groupname, attribute, op, value FROM radgroupreply WHERE groupname"),
    )


def names() -> Iterator[str]:
    """Every normalised username that has a row, in no order; some more than once."""
    for table in ("radcheck", "radreply", "radusergroup"):
        yield from _column(table, "username")


def group_names() -> Iterator[str]:
    """As `names`, of groups with rows of their own."""
    for table in ("radgroupcheck", "radgroupreply"):
        yield from _column(table, "groupname")


def _replace(names: Sequence[str], *tables: tuple[str, str, Iterable[Any]]) -> None:
    """Of each table its columns, the name's first, and the rows; few of them in one round trip."""
    if len(names) <= FEW:
        execute_together(RADIUS, [each for table in tables for each in _statements(names, *table)])
        return
    for table, columns, rows in tables:
        key, *_ = columns.split(",")
        moved, made = _changed(f"SELECT {columns} FROM {table} WHERE {key}", names, list(rows))  # noqa: S608
        with connections[RADIUS].cursor() as cursor:
            for sql, values in _statements(moved, table, columns, made):
                cursor.execute(sql, values)


def _statements(
    names: Sequence[str], table: str, columns: str, rows: Iterable[Any]
) -> Iterator[Statement]:
    """The names of tables and columns are constants of this module."""
    key, *_ = columns.split(",")
    for some in _batches(names):
        yield f"DELETE FROM {table} WHERE {key} IN ({_places(some)})", some  # noqa: S608
    remaining, row = iter(rows), f"({_places(columns.split(','))})"
    while made := list(islice(remaining, AT_ONCE)):
        insert = f"INSERT INTO {table} ({columns}) VALUES {', '.join([row] * len(made))}"  # noqa: S608
        yield insert, [value for each in made for value in each]


def _changed(select: str, names: Sequence[str], rows: list[Any]) -> tuple[list[str], list[Any]]:
    """The names whose rows are not these, and their rows: to read what is there takes far less time
    than to write it once more."""
    wanted: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        wanted[normalised(row[0])].append(row)
    moved: list[str] = []
    for some in _batches(names):
        present: dict[str, list[Any]] = defaultdict(list)
        asked = _Asked(some)
        with connections[RADIUS].cursor() as cursor:
            cursor.execute(f"{select} IN ({_places(some)})", some)
            for row in cursor.fetchall():
                present[asked.name_of(row[0])].append(row)
        moved += [each for each in some if sorted(present[each]) != sorted(wanted[each])]
    return moved, [row for each in moved for row in wanted[each]]


def _digests(names: Iterable[str], *selects: tuple[str, str]) -> Iterator[tuple[str, str]]:
    for some in _batches(names):
        found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        asked = _Asked(some)
        with connections[RADIUS].cursor() as cursor:
            for kind, select in selects:
                cursor.execute(f"{select} IN ({_places(some)})", some)
                for row in cursor.fetchall():
                    found[asked.name_of(row[0])].append((kind, *row))
        for name, rows in found.items():
            yield name, _digest(rows)


class _Asked:
    """Names that were asked for: MariaDB finds "bób" too for "bob", and FreeRADIUS with it, so its
    rows are bob's."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = set(names)
        self._bare = {bare(each): each for each in names}

    def name_of(self, found: str) -> str:
        name = normalised(found)
        return name if name in self._names else self._bare.get(bare(name), name)


def _digest(rows: Iterable[Sequence[Any]]) -> str:
    lines = sorted("\x1f".join(map(str, row)) for row in rows)
    return hashlib.blake2b("\x1e".join(lines).encode(), digest_size=16).hexdigest()


def _column(table: str, column: str) -> Iterator[str]:
    page = f"SELECT id, {column} FROM {table} WHERE id > %s ORDER BY id LIMIT {PAGE_ROWS}"  # noqa: S608
    last = 0
    while True:
        with connections[RADIUS].cursor() as cursor:
            cursor.execute(page, [last])
            rows = cursor.fetchall()
        if not rows:
            return
        yield from {normalised(name) for _, name in rows}
        last = rows[-1][0]


def _batches(names: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(names)
    while some := list(islice(remaining, AT_ONCE)):
        yield some


def _places(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))
