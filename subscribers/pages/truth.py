"""The portal's truth beside the rows that FreeRADIUS has: what is the same, what differs."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ispcore.base import units
from radius.models import Check, GroupCheck, GroupReply, Reply, UserGroup
from subscribers import projection, queries, rate_limit
from subscribers.models import Package, Subscriber
from subscribers.pages.states import day_and_time

OWN, SHARED = "own", "package"
IN_GROUP = "group"
EPOCHS = {"Expiration", "ISPCore-Quota-From", "ISPCore-Quota-Until"}
DAY_S = 86_400
OCTETS = {"ISPCore-Quota-Octets"}
SECONDS = {"Session-Timeout", "Idle-Timeout", "Acct-Interim-Interval"}
RATES = {"Mikrotik-Rate-Limit", "ISPCore-Quota-Rate", "ISPCore-Garden-Rate"}


class Found(NamedTuple):
    """One row, wherever it stands: `kind` is "check", "reply" or "group"."""

    where: str
    kind: str
    name: str
    attribute: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class Side:
    """One attribute as both sides have it; "" is not there."""

    where: str
    kind: str
    attribute: str
    portal: str
    radius: str
    words: str
    is_same: bool

    @property
    def difference(self) -> str:
        if self.is_same:
            return ""
        if not self.radius:
            return "not in FreeRADIUS"
        return "differs" if self.portal else "in FreeRADIUS only"


def of_subscriber(subscriber: Subscriber) -> list[Side]:
    """Rows of the line itself, then of its package's group. Five queries to the RADIUS database."""
    terms = queries.terms_of(subscriber.package)
    rows = projection.of_subscriber(queries.line_of(subscriber), terms)
    wanted = _rows(OWN, subscriber.username, rows)
    found = _own_rows(subscriber.username_key)
    own = _beside(wanted, found)
    return own + (of_package(subscriber.package) if rows.groups else [])


def of_package(package: Package) -> list[Side]:
    """Rows of a package's group. Two queries to the RADIUS database."""
    group = projection.group_of(package.pk)
    wanted = _rows(SHARED, group, projection.of_package(queries.terms_of(package)))
    found = [
        Found(SHARED, kind, row.group, row.attribute, row.op, row.value)
        for kind, model in (("check", GroupCheck), ("reply", GroupReply))
        for row in model._default_manager.filter(group=group).order_by("id")
    ]
    return _beside(wanted, found)


def _rows(where: str, name: str, rows: projection.Rows) -> list[Found]:
    return [
        *(Found(where, "check", name, *row) for row in rows.checks),
        *(Found(where, "reply", name, *row) for row in rows.replies),
        *(Found(where, IN_GROUP, name, "in group", "", group) for group in rows.groups),
    ]


def _own_rows(key: str) -> list[Found]:
    """As the database compares names, so also rows of another form of it."""
    attributes = [
        Found(OWN, kind, row.username, row.attribute, row.op, row.value)
        for kind, model in (("check", Check), ("reply", Reply))
        for row in model._default_manager.filter(username=key).order_by("id")
    ]
    groups = UserGroup.objects.filter(username=key).order_by("id")
    return attributes + [
        Found(OWN, IN_GROUP, row.username, "in group", "", _group_words(row)) for row in groups
    ]


def _group_words(row: UserGroup) -> str:
    return row.group if row.priority == 1 else f"{row.group}, priority {row.priority}"


def _beside(wanted: Sequence[Found], found: Sequence[Found]) -> list[Side]:
    """Each row beside its like; what has none stands alone."""
    remaining: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for row in found:
        remaining[row.kind, row.attribute].append(row)
    sides = []
    for row in wanted:
        likes = remaining[row.kind, row.attribute]
        like = row if row in likes else (likes[0] if likes else None)
        if like is not None:
            likes.remove(like)
        sides.append(_side(row, like))
    return sides + [_side(None, row) for rows in remaining.values() for row in rows]


def _side(wanted: Found | None, found: Found | None) -> Side:
    row = wanted or found
    assert row is not None  # noqa: S101 - one of the two is there
    portal, radius = _text(wanted), _text(found)
    is_same = wanted == found
    if not is_same and portal == radius:  # a secret, or another form of the name
        radius = _why_not(wanted, found)
    words = words_of(row.attribute, row.value)
    return Side(row.where, row.kind, row.attribute, portal, radius, words, is_same)


def _text(row: Found | None) -> str:
    if row is None:
        return ""
    value = "set" if is_secret(row.attribute) else row.value
    return f"{row.op} {value}".strip()


def _why_not(wanted: Found | None, found: Found | None) -> str:
    if wanted and found and wanted.value != found.value:
        return f"{found.op} another one"
    return f"{_text(found)}, under the name “{found.name if found else ''}”"


def is_secret(attribute: str) -> bool:
    """Whether its value lets somebody log in."""
    return attribute.endswith("-Password")


def words_of(attribute: str, value: str) -> str:
    """What a number means, for people; "" where the value says it itself."""
    if attribute in RATES:
        try:
            return rate_limit.parse(value).short_words
        except rate_limit.NotARateLimit:
            return ""
    if not value.isdecimal() or len(value) > 15:
        return ""
    if attribute in EPOCHS:
        return day_and_time(datetime.fromtimestamp(min(int(value), 2**38), UTC))
    if attribute in OCTETS:
        return units.format_octets(int(value))
    if attribute in SECONDS:
        return seconds_words(int(value))
    return ""


def seconds_words(seconds: int) -> str:
    """ "5 min", "1 h 30 min"; what is no whole minute, or longer than days, in seconds."""
    if seconds % 60 or seconds >= DAY_S:
        return f"{seconds:,} s"
    return units.format_duration(timedelta(seconds=seconds))


def differing(sides: Iterable[Side], where: str = "") -> int:
    """How many are not the same, of all or of those at `where`."""
    return sum(not side.is_same for side in sides if where in ("", side.where))
