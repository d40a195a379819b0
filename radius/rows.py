"""Rows of usernames and of groups: replaced set-based, and summed up to be compared.

Names are compared as MariaDB does, without capitals: normalised names (stripped, lower case) find
the rows of any form. Whoever replaces the rows of a name owns that name: all its rows go.
Nothing here opens a transaction.
"""

import hashlib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

from django.db import connections

from ispcore.base.statements import Statement, execute_together

RADIUS = "radius"
AT_ONCE = 500  # names in one statement
FEW = 20  # names whose rows are written without a look at what is there
PAGE_ROWS = 20_000
GROUP = "group"  # what stands for a row of radusergroup among attributes
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


class _Table(NamedTuple):
    """Its columns: the name and others that tell rows of one name apart, and those that move."""

    name: str
    kept: tuple[str, ...]
    moved: tuple[str, ...] = ("op", "value")

    @property
    def columns(self) -> str:
        return ", ".join(self.kept + self.moved)


_CHECKS = _Table("radcheck", ("username", "attribute"))
_REPLIES = _Table("radreply", ("username", "attribute"))
_GROUPS = _Table("radusergroup", ("username",), ("groupname", "priority"))
_GROUP_CHECKS = _Table("radgroupcheck", ("groupname", "attribute"))
_GROUP_REPLIES = _Table("radgroupreply", ("groupname", "attribute"))


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
        (_CHECKS, checks),
        (_REPLIES, replies),
        (_GROUPS, groups),
    )


def make(
    usernames: Iterable[str],
    checks: Iterable[Row4],
    replies: Iterable[Row4],
    groups: Iterable[tuple[str, str, int]],
) -> int:
    """As `replace`, of few usernames that should have no rows yet; returns how many they had, in
    whatever form the database takes for the name, at the cost of no statement more."""
    names = [normalised(each) for each in usernames]
    return _write_anew(names, (_CHECKS, checks), (_REPLIES, replies), (_GROUPS, groups))


def replace_groups(
    groupnames: Iterable[str], checks: Iterable[Row4], replies: Iterable[Row4]
) -> None:
    """As `replace`, of what all members of these groups share."""
    _replace(
        [normalised(each) for each in groupnames],
        (_GROUP_CHECKS, checks),
        (_GROUP_REPLIES, replies),
    )


def digest(checks: Iterable[Row4], replies: Iterable[Row4], groups: Iterable[Sequence[Any]]) -> str:
    """What stands for all rows of one username or group, or of many, whatever their order."""
    tables = (
        map("\x1f".join, checks),
        map("\x1f".join, replies),
        (f"{name}\x1f{group}\x1f{priority}" for name, group, priority in groups),
    )
    text = "\x1d".join("\x1e".join(sorted(table)) for table in tables)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def digest_of(usernames: Sequence[str]) -> str:
    """`digest` of all rows that these have: to see that none of them differs."""
    tables = (_CHECKS, _REPLIES, _GROUPS)
    return digest(*(_present(table, usernames, table.columns) for table in tables))


def attributes(usernames: Iterable[str]) -> dict[str, list[str]]:
    """By normalised username, the attribute of each row that it has, and GROUP for each group."""
    found: dict[str, list[str]] = defaultdict(list)
    columns = ((_CHECKS, "attribute"), (_REPLIES, "attribute"), (_GROUPS, f"'{GROUP}'"))
    for some in _batches(usernames):
        asked = _Asked(some)
        for table, column in columns:
            for name, attribute in _present(table, some, f"username, {column}"):
                found[asked.name_of(name)].append(attribute)
    return found


def digests(usernames: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(normalised username, digest) of those that have rows; memory of a few hundred names."""
    yield from _digests(usernames, _CHECKS, _REPLIES, _GROUPS)


def group_digests(groupnames: Iterable[str]) -> Iterator[tuple[str, str]]:
    """As `digests`, of groups."""
    yield from _digests(groupnames, _GROUP_CHECKS, _GROUP_REPLIES)


def names() -> Iterator[str]:
    """Every username that has a row, in each form that it has there, in no order; some more than
    once."""
    for table in (_CHECKS, _REPLIES, _GROUPS):
        yield from _names(table)


def group_names() -> Iterator[str]:
    """As `names`, of groups with rows of their own."""
    for table in (_GROUP_CHECKS, _GROUP_REPLIES):
        yield from _names(table)


def _replace(names: Sequence[str], *tables: tuple[_Table, Iterable[Any]]) -> None:
    """Rows of few names are written anew, in one round trip.

    Of many, what is there is read first, which takes far less time than to write it once more; and
    a value that moved is written where it stands, which leaves the index of names alone.
    """
    if len(names) <= FEW:
        _write_anew(names, *tables)
        return
    for table, rows in tables:
        present = _present(table, names, f"id, {table.columns}")
        for sql, values in _differences(table, rows, present):
            with connections[RADIUS].cursor() as cursor:
                cursor.execute(sql, values)


def _write_anew(names: Sequence[str], *tables: tuple[_Table, Iterable[Any]]) -> int:
    """Returns how many rows went."""
    gone = [each for table, _ in tables for each in _deletions(table, names)]
    made = [each for table in tables for each in _insertions(*table)]
    return sum(execute_together(RADIUS, gone + made)[: len(gone)])


def _deletions(table: _Table, names: Sequence[str]) -> Iterator[Statement]:
    for some in _batches(names):
        yield f"DELETE FROM {table.name} WHERE {table.kept[0]} IN ({_places(some)})", some  # noqa: S608


def _present(table: _Table, names: Sequence[str], columns: str) -> Iterator[tuple[Any, ...]]:
    """Of all rows of these names, in whatever form they stand there."""
    select = f"SELECT {columns} FROM {table.name} WHERE {table.kept[0]}"  # noqa: S608
    for some in _batches(names):
        with connections[RADIUS].cursor() as cursor:
            cursor.execute(f"{select} IN ({_places(some)})", some)
            yield from cursor.fetchall()


def _differences(
    table: _Table, wanted: Iterable[Any], present: Iterable[tuple[Any, ...]]
) -> Iterator[Statement]:
    """What makes those that are present, each after its id, those that are wanted: no row more, and
    no row less."""
    alike, lacking = len(table.kept), Counter(wanted)
    places: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for found in present:
        row = found[1:]
        if lacking[row]:
            lacking[row] -= 1
        else:
            places[row[:alike]].append(found[0])
    moving: dict[tuple[Any, ...], list[tuple[int, Any]]] = defaultdict(list)
    made: list[Any] = []
    for row in lacking.elements():
        if free := places.get(row[:alike]):
            moving[row[alike:]].append((free.pop(), row))
        else:
            made.append(row)
    gone = list(chain.from_iterable(places.values()))
    for values, rows in moving.items():
        keys = [key for key, _ in rows]
        if len(rows) > FEW:
            yield from _updates(table, values, keys)
        else:  # values that few share would be a statement for each
            gone += keys
            made += [row for _, row in rows]
    for some in _batches(gone):
        yield f"DELETE FROM {table.name} WHERE id IN ({_places(some)})", some  # noqa: S608
    yield from _insertions(table, made)


def _updates(table: _Table, values: Sequence[Any], keys: Sequence[int]) -> Iterator[Statement]:
    setting = ", ".join(f"{column} = %s" for column in table.moved)
    for some in _batches(keys):
        update = f"UPDATE {table.name} SET {setting} WHERE id IN ({_places(some)})"  # noqa: S608
        yield update, [*values, *some]


def _insertions(table: _Table, rows: Iterable[Any]) -> Iterator[Statement]:
    row = f"({_places(table.columns.split(','))})"
    for some in _batches(rows):
        insert = f"INSERT INTO {table.name} ({table.columns}) VALUES {', '.join([row] * len(some))}"  # noqa: S608
        yield insert, [value for each in some for value in each]


def _digests(names: Iterable[str], *tables: _Table) -> Iterator[tuple[str, str]]:
    for some in _batches(names):
        found: dict[str, tuple[list[Any], ...]] = defaultdict(lambda: ([], [], []))
        asked = _Asked(some)
        for number, table in enumerate(tables):
            for row in _present(table, some, table.columns):
                found[asked.name_of(row[0])][number].append(row)
        for name, rows in found.items():
            yield name, digest(*rows)


class _Asked:
    """Names that were asked for: MariaDB finds "bób" too for "bob", and FreeRADIUS with it, so its
    rows are bob's."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = set(names)
        self._bare = {bare(each): each for each in names}

    def name_of(self, found: str) -> str:
        name = normalised(found)
        return name if name in self._names else self._bare.get(bare(name), name)


def _names(table: _Table) -> Iterator[str]:
    name = table.kept[0]
    page = f"SELECT id, {name} FROM {table.name} WHERE id > %s ORDER BY id LIMIT {PAGE_ROWS}"  # noqa: S608
    last = 0
    while True:
        with connections[RADIUS].cursor() as cursor:
            cursor.execute(page, [last])
            rows = cursor.fetchall()
        if not rows:
            return
        yield from {name for _, name in rows}
        last = rows[-1][0]


def _batches(values: Iterable[Any]) -> Iterator[list[Any]]:
    remaining = iter(values)
    while some := list(islice(remaining, AT_ONCE)):
        yield some


def _places(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))
