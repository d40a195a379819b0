"""IPv6 prefixes of subscribers: none lies in another's, framed or delegated, since both are routed."""

from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv6Address, IPv6Network
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Q, QuerySet

from ispcore.base.rls import identity
from ispcore.base.unit_of_work import locks
from subscribers.models import Subscriber, words

COLUMNS = ("ipv6_prefix", "delegated_prefix")
BITS, GROUP_BITS = 128, 16
FEW = 20
"""Prefixes that are looked for by themselves; for more, those of everybody are read."""


class Prefix(NamedTuple):
    """In an order in which those that have others in them come first."""

    length: int
    address: int

    @classmethod
    def read(cls, text: str) -> "Prefix":
        """Of what is stored."""
        address, _, length = text.partition("/")
        return cls(int(length), int(IPv6Address(address)))

    def cut(self, length: int) -> "Prefix":
        rest = BITS - length
        return Prefix(length, self.address >> rest << rest)

    def __str__(self) -> str:
        return str(IPv6Network((self.address, self.length)))


class Space:
    """Prefixes, and which of them another one lies in."""

    def __init__(self, prefixes: Iterable[Prefix] = ()) -> None:
        self._all: set[Prefix] = set()
        self._lengths: set[int] = set()
        for each in prefixes:
            self.add(each)

    def add(self, prefix: Prefix) -> None:
        self._all.add(prefix)
        self._lengths.add(prefix.length)

    def around(self, prefix: Prefix) -> Prefix | None:
        """The one that `prefix` lies in, or that is the same."""
        cuts = (prefix.cut(length) for length in self._lengths if length <= prefix.length)
        return next((each for each in cuts if each in self._all), None)


def hold(*subscribers: Subscriber) -> None:
    """In the unit of work that stores these: who else wants a prefix waits for its end."""
    if connection.vendor == "postgresql" and any(_of(each) for each in subscribers):
        with connection.cursor() as cursor:  # on SQLite nobody else writes
            number = locks.number("subscribers: IPv6 prefixes")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def claim(*subscribers: Subscriber) -> None:
    """As `hold`, then as `refuse_overlaps`."""
    hold(*subscribers)
    refuse_overlaps(*subscribers)


@identity.acting_for_all()
def refuse_overlaps(*subscribers: Subscriber) -> None:
    """Raises ValidationError for prefixes that lie in those of others, or have them inside."""
    asked = {prefix: name for each in subscribers for name, prefix in _of(each)}
    if not asked:
        return
    own = [each.pk for each in subscribers if each.pk]
    others = list(_near(asked, Subscriber.objects.exclude(pk__in=own)))
    taken, wanted = Space(others), Space(asked)
    for prefix, name in asked.items():
        if outer := taken.around(prefix):
            raise ValidationError({name: _words(prefix, outer)})
    for other in others:
        if outer := wanted.around(other):
            raise ValidationError({asked[outer]: _words(outer, other)})


def clashes(rows: Iterable[tuple[int, Subscriber]]) -> Iterator[tuple[int, str]]:
    """(line, what is wrong) of lines whose prefix lies in one of another line."""
    lines: dict[Prefix, int] = {}
    space = Space()
    for prefix, line in sorted((prefix, line) for line, each in rows for _, prefix in _of(each)):
        outer = space.around(prefix)
        if outer is not None and lines[outer] != line:
            yield line, f"{prefix} lies in {outer} of line {lines[outer]}."
        elif outer is None:
            lines[prefix] = line
            space.add(prefix)


def _of(subscriber: Subscriber) -> list[tuple[str, Prefix]]:
    given = ((name, getattr(subscriber, name)) for name in COLUMNS)
    return [(name, Prefix.read(text)) for name, text in given if text]


def _words(prefix: Prefix, other: Prefix) -> str:
    if prefix == other:
        return f"{prefix} is the prefix of another subscriber."
    if prefix < other:
        return f"{prefix} has {other} in it, the prefix of another subscriber."
    return f"{prefix} lies in {other}, the prefix of another subscriber."


def _near(asked: Collection[Prefix], rows: "QuerySet[Subscriber]") -> Iterator[Prefix]:
    """Prefixes among which all are that overlap with these."""
    asked_for = Q()
    for name in COLUMNS:
        asked_for |= Q(**{f"{name}__isnull": False}) if len(asked) > FEW else _touching(name, asked)
    for texts in rows.filter(asked_for).order_by().values_list(*COLUMNS).iterator():
        yield from (Prefix.read(text) for text in texts if text)


def _touching(name: str, asked: Iterable[Prefix]) -> Q:
    """By their texts, which an index finds: those around by all of them, those inside by how their
    texts begin."""
    found = Q()
    for prefix in asked:
        lengths = range(words.SHORTEST_PREFIX, prefix.length + 1)
        around = [str(prefix.cut(length)) for length in lengths]
        found |= Q(**{f"{name}__in": around})
        for beginning in _beginnings(prefix):
            found |= Q(**{f"{name}__startswith": beginning})
    return found


def _beginnings(prefix: Prefix) -> list[str]:
    """How texts of prefixes inside begin: with the same groups, or with those before a zero one that
    "::" stands for."""
    whole = IPv6Address(prefix.address).exploded.split(":")[: prefix.length // GROUP_BITS]
    groups = [f"{int(group, 16):x}" for group in whole]
    short = [f"{':'.join(groups[:at])}::" for at, group in enumerate(groups) if group == "0"]
    return [f"{':'.join(groups)}:", *short]


__all__ = ["COLUMNS", "claim", "clashes", "hold", "refuse_overlaps"]
