"""Writes to FreeRADIUS' tables what the portal says: the only code that brings the two together.

Kinds of scope that it is registered for:
- "subscriber": rows of these usernames, whether subscribers of that name are there or not;
- "package": rows of these packages' groups;
- "package alone": the same, while nobody else is provisioned;
- "package members": the groups, and the rows of all subscribers of these packages.
"""

import logging
from collections.abc import Iterable, Sequence

from ispcore.base import unit_of_work
from ispcore.base.unit_of_work import Scope
from radius import rows as radius_rows
from radius.rows import CheckRow, GroupRow, ReplyRow, Row4
from subscribers import projection, queries
from subscribers.models import Package, Subscriber
from subscribers.projection import Line, Terms

SUBSCRIBER, PACKAGE = "subscriber", "package"
ALONE, MEMBERS = "package alone", "package members"
MEMBERS_AT_ONCE = 10_000  # the portal's database sorts all who are left for each reading
logger = logging.getLogger(__name__)


class NotNew(Exception):
    """FreeRADIUS has rows of a name that is new to the portal; nothing is written over them."""


class Usernames:
    """Rows of usernames; each is locked by itself."""

    def names(self, scope: Scope) -> Sequence[str] | None:
        return scope.keys

    def write(self, scope: Scope) -> None:
        for keys in queries.in_pieces(scope.keys):
            write_usernames(keys, queries.lines_of(keys), are_new=scope.is_new)


class Groups:
    """Rows of packages' groups; no subscriber's rows depend on them."""

    def names(self, scope: Scope) -> Sequence[str] | None:
        return [projection.group_of(int(key)) for key in scope.keys]

    def write(self, scope: Scope) -> None:
        packages = Package.objects.filter(pk__in=scope.keys)
        write_groups([int(key) for key in scope.keys], packages)


class Alone(Groups):
    """Groups, while nobody may join or leave."""

    def names(self, scope: Scope) -> Sequence[str] | None:
        return None


class Members(Alone):
    """Groups and all who have the packages."""

    def write(self, scope: Scope) -> None:
        super().write(scope)
        members = Subscriber.objects.filter(package__in=map(int, scope.keys))
        for page in queries.in_pages(members, MEMBERS_AT_ONCE):
            write_usernames([key for key, _, _ in page], page)


def register() -> None:
    unit_of_work.register(SUBSCRIBER, Usernames())
    unit_of_work.register(PACKAGE, Groups())
    unit_of_work.register(ALONE, Alone())
    unit_of_work.register(MEMBERS, Members())


def write_usernames(
    keys: Sequence[str], lines: Sequence[tuple[str, Line, Terms]], *, are_new: bool = False
) -> None:
    """Bring the rows of these usernames to what the portal says; who is not there has none.

    Raises NotNew where names that `are_new` have rows, which is for the transaction to undo.
    """
    for _, line, _ in lines:
        if line.password is None:
            logger.error("%s: no login: %s", line.username, queries.UNREADABLE_WORDS)
    if not are_new:
        radius_rows.replace(keys, *rows_of(lines))
    elif radius_rows.make(keys, *rows_of(lines)):
        raise NotNew(", ".join(keys))


def rows_of(
    lines: Iterable[tuple[str, Line, Terms]],
) -> tuple[list[Row4], list[Row4], list[GroupRow]]:
    """Check, reply and group rows of these, each with its username."""
    checks: list[Row4] = []
    replies: list[Row4] = []
    groups: list[GroupRow] = []
    for _, line, terms in lines:
        made, name = projection.of_subscriber(line, terms), line.username
        checks += [(name, *row) for row in made.checks]
        replies += [(name, *row) for row in made.replies]
        groups += [GroupRow(name, group) for group in made.groups]
    return checks, replies, groups


def write_groups(package_ids: Sequence[int], packages: Iterable[Package]) -> None:
    """Bring the rows of these packages' groups to what the portal says."""
    made = {package.pk: projection.of_package(queries.terms_of(package)) for package in packages}
    radius_rows.replace_groups(
        [projection.group_of(each) for each in package_ids],
        [
            CheckRow(projection.group_of(pk), *row)
            for pk, rows in made.items()
            for row in rows.checks
        ],
        [
            ReplyRow(projection.group_of(pk), *row)
            for pk, rows in made.items()
            for row in rows.replies
        ],
    )
