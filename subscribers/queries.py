"""Reads of many subscribers at once, as plain values: a hundred thousand of them are no trouble."""

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, Func, QuerySet, TextField
from django.db.models.functions import Cast
from django.db.models.sql.compiler import SQLCompiler

from ispcore.base import secrets
from ispcore.base.faults import UNCHANGED
from ispcore.base.secrets import Sealed, SecretUnreadable
from ispcore.base.statements import Prepared, Statement, Values
from ispcore.base.units import format_names
from subscribers.models import Package, Subscriber
from subscribers.projection import Line, Terms
from subscribers.rate_limit import Pair

PIECE = 2_000
"""Subscribers of one unit of work, and of one reading."""
SURE_PERCENT, A_FEW = 30, 10
UNREADABLE_WORDS = (
    "no key in FIELD_ENCRYPTION_KEYS opens the RADIUS password: put back the old key, or change the "
    "password"
)
MOST_UNITS = 10
"""Of one run of a job of each minute; who is left is due in the next."""


class Epoch(Func):
    """A time as whole seconds since 1970: three times of each of 100,000 rows are slow to read."""

    output_field = BigIntegerField()

    def get_db_converters(self, connection: BaseDatabaseWrapper) -> list[Any]:
        """None: it is a number already."""
        return []

    template = "CAST(floor(extract(epoch FROM %(expressions)s)) AS bigint)"

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, Any]:
        template = "CAST(strftime('%%%%s', %(expressions)s) AS integer)"
        return super().as_sql(compiler, connection, template=template, **extra)


_LINE = (
    *("username", Cast("radius_password", TextField()), "service", "status"),
    *(Epoch("expires_at"), Epoch("period_from_at"), Epoch("period_until_at")),
    *("device_limit", "ipv4", "ipv6_prefix", "delegated_prefix", "mac"),
)
_PACKAGE = [field.attname for field in Package._meta.concrete_fields]
_one_package = Prepared(lambda: Package.objects.order_by().filter(pk=0).values_list(*_PACKAGE))
_one_line = Prepared(
    lambda: (
        Subscriber.objects.order_by()
        .filter(username_key="?")
        .values_list("username_key", *_LINE, *(f"package__{name}" for name in _PACKAGE))
    )
)


def terms_of(package: Package) -> Terms:
    """The package as the projection reads it."""
    return Terms(
        package_id=package.pk or 0,
        service=package.service,
        limit=package.limit,
        device_limit=package.device_limit,
        session_timeout_s=package.session_timeout_s,
        idle_timeout_s=package.idle_timeout_s,
        interim_s=package.interim_s,
        quota_octets=package.quota_octets,
        past_quota=package.past_quota,
        throttled=Pair(package.throttled_up_bps, package.throttled_down_bps),
        ipv4_pool=package.ipv4_pool,
        ipv6_pool=package.ipv6_pool,
        delegated_pool=package.delegated_pool,
        address_list=package.address_list,
        when_blocked=package.when_blocked,
        walled_list=package.walled_list,
        walled=Pair(package.walled_up_bps, package.walled_down_bps),
    )


@lru_cache(maxsize=1_000)
def _terms(package: tuple[Any, ...]) -> Terms:
    """`terms_of` the values of _PACKAGE: the same ones for all who come with a package."""
    return terms_of(Package.from_db(DEFAULT_DB_ALIAS, _PACKAGE, package))


def line_of(subscriber: Subscriber) -> Line:
    """The subscriber as the projection reads it."""
    password = subscriber.radius_password
    return Line(
        username=subscriber.username,
        password=None if isinstance(password, Sealed) else password,
        service=subscriber.service,
        status=subscriber.status,
        expires_at_s=None if subscriber.expires_at is None else _epoch(subscriber.expires_at),
        period_from_s=_epoch(subscriber.period_from_at),
        period_until_s=_epoch(subscriber.period_until_at),
        device_limit=subscriber.device_limit,
        ipv4=subscriber.ipv4,
        ipv6_prefix=subscriber.ipv6_prefix,
        delegated_prefix=subscriber.delegated_prefix,
        mac=subscriber.mac,
    )


def lines(rows: "QuerySet[Subscriber]") -> list[tuple[str, Line, Terms]]:
    """(key, line, terms) of each: two queries.

    A password that no key opens is none. Raises SecretUnreadable where more than 30 % of ten or more
    are such: then it is the key that is missing, and nobody's login may end for that.
    """
    found = list(rows.values_list("username_key", "package_id", *_LINE))
    terms = {
        package.pk: terms_of(package)
        for package in Package.objects.filter(pk__in={row[1] for row in found}).order_by()
    }
    passwords = secrets.decrypt_all([row[3] for row in found])
    made = [
        (row[0], Line(row[2], password, *row[4:]), terms[row[1]])
        for row, password in zip(found, passwords, strict=True)
    ]
    _need_the_key([key for key, line, _ in made if line.password is None], of=len(made))
    return made


def unreadable() -> list[tuple[int, str]]:
    """(primary key, username) of all whose password no key opens: each is decrypted."""
    found: list[tuple[int, str]] = []
    last = 0
    while True:
        rows = Subscriber.objects.filter(pk__gt=last).order_by("pk")
        page = list(
            rows.values_list("pk", "username", Cast("radius_password", TextField()))[:PIECE]
        )
        if not page:
            return found
        passwords = secrets.decrypt_all([row[2] for row in page])
        found += [
            row[:2] for row, password in zip(page, passwords, strict=True) if password is None
        ]
        last = page[-1][0]


def _need_the_key(unreadable: Sequence[str], *, of: int) -> None:
    if of >= A_FEW and len(unreadable) * 100 > of * SURE_PERCENT:
        raise SecretUnreadable(
            f"No key in FIELD_ENCRYPTION_KEYS opens the RADIUS passwords of {len(unreadable)} of {of} "
            f"subscribers ({format_names(unreadable)}): put back the key that is missing. "
            f"{UNCHANGED}"
        )


def lines_of(keys: Sequence[str]) -> list[tuple[str, Line, Terms]]:
    """As `lines`, of these keys: each change of one comes by here."""
    if len(keys) != 1:
        return lines(named(keys))
    found = _one_line.row(*keys)
    if found is None:
        return []
    key, username, token, *rest = found[: 1 + len(_LINE)]
    [password] = secrets.decrypt_all([token])
    return [(key, Line(username, password, *rest), _terms(found[1 + len(_LINE) :]))]


def asking_for_package(pk: int) -> Statement:
    """What asks for the stored one, as it is now; `package_of` makes it of the answer."""
    return _one_package.asking(pk)


def package_of(answer: Values | None) -> Package | None:
    found = _one_package.read(answer)
    return None if found is None else Package.from_db(DEFAULT_DB_ALIAS, _PACKAGE, found)


def in_pages(
    rows: "QuerySet[Subscriber]", size: int = PIECE
) -> Iterator[list[tuple[str, Line, Terms]]]:
    """`lines` of all of them, so many at a time."""
    last = ""
    while page := lines(rows.filter(username_key__gt=last).order_by("username_key")[:size]):
        yield page
        last = page[-1][0]


def named(keys: Iterable[str]) -> "QuerySet[Subscriber]":
    return Subscriber.objects.filter(username_key__in=list(keys))


def in_pieces(keys: Sequence[str], size: int = PIECE) -> Iterator[Sequence[str]]:
    for at in range(0, len(keys), size):
        yield keys[at : at + size]


def _epoch(at: datetime) -> int:
    return math.floor(at.timestamp())
