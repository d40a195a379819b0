"""Reads of many subscribers at once, as plain values: a hundred thousand of them are no trouble."""

from collections.abc import Iterable, Iterator, Sequence

from django.db.models import QuerySet

from ispcore.base.rls import identity
from subscribers.models import Package, Subscriber
from subscribers.projection import Line, Terms
from subscribers.rate_limit import Pair

PIECE = 2_000
"""Subscribers of one unit of work, and of one reading."""
_LINE = (
    *("username", "radius_password", "service", "status", "expires_at"),
    *("period_from_at", "period_until_at", "device_limit", "ipv4", "ipv6_prefix"),
    *("delegated_prefix", "mac"),
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


def line_of(subscriber: Subscriber) -> Line:
    """The subscriber as the projection reads it."""
    return Line(*(getattr(subscriber, name) for name in _LINE))


@identity.acting_for_all()  # RADIUS rows follow from the whole truth, whoever asks for them
def lines(rows: "QuerySet[Subscriber]") -> list[tuple[str, Line, Terms]]:
    """(key, line, terms) of each: two queries."""
    found = list(rows.order_by().values_list("username_key", "package_id", *_LINE))
    packages = Package.objects.filter(pk__in={row[1] for row in found}).order_by()
    terms = {package.pk: terms_of(package) for package in packages}
    return [(row[0], Line(*row[2:]), terms[row[1]]) for row in found]


def named(keys: Iterable[str]) -> "QuerySet[Subscriber]":
    return Subscriber.objects.filter(username_key__in=list(keys))


def in_pieces(keys: Sequence[str], size: int = PIECE) -> Iterator[Sequence[str]]:
    for at in range(0, len(keys), size):
        yield keys[at : at + size]
