"""Refuses what a subscriber or package cannot be, naming field and fault, before RADIUS hears of it."""

import ipaddress
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db.models import Q

from ispcore.base import clock
from ispcore.base.rls import identity
from radius import attributes
from radius.rows import normalised
from subscribers import projection, queries, validity
from subscribers.models import Package, Subscriber, words
from subscribers.operations import prefixes
from subscribers.projection import Rows

UNASKED = {"tenant", "username_key", "package", "next_package", "account_number", "web_password"}
PAST_WORDS = (
    "This end is past already: give one to come, or none for the first period of the package. "
    "Lines of an existing base that have run out come in by an import."
)
TAKEN = {
    "username_key": (
        "username",
        "“{}” is taken: databases compare names without capitals and spaces at the ends.",
    ),
    "ipv4": ("ipv4", "{} is the address of another subscriber."),
    "ipv6_prefix": ("ipv6_prefix", "{} is the prefix of another subscriber."),
    "delegated_prefix": ("delegated_prefix", "{} is the prefix of another subscriber."),
}


def tidy(subscriber: Subscriber) -> None:
    """Bring what people type into the form that is stored and compared. Raises ValidationError."""
    faults: dict[str, object] = {}
    subscriber.username = subscriber.username.strip()
    subscriber.username_key = normalised(subscriber.username)
    for name, read in (
        ("mac", words.mac_of),
        ("ipv6_prefix", words.prefix_of),
        ("delegated_prefix", words.prefix_of),
    ):
        try:
            given = read(getattr(subscriber, name) or "")
            setattr(subscriber, name, given or (None if name != "mac" else ""))
        except ValidationError as error:
            faults[name] = error.messages
    subscriber.ipv4 = subscriber.ipv4 or None
    if faults:
        raise ValidationError(faults)


def check(subscriber: Subscriber) -> None:
    """All that can be said of a subscriber alone. Raises ValidationError."""
    subscriber.clean_fields(exclude=UNASKED)
    found = {
        **_package_faults(subscriber, "package"),
        **_package_faults(subscriber, "next_package"),
    }
    found |= _address_faults(subscriber)
    if found:
        raise ValidationError(found)
    refuse_end(subscriber)
    terms = queries.terms_of(subscriber.package)
    refuse_unwritable(projection.of_subscriber(queries.line_of(subscriber), terms))


def refuse_end(subscriber: Subscriber) -> None:
    """Raises ValidationError for an end that FreeRADIUS could not read, and so would refuse the user."""
    at = subscriber.expires_at
    if at is not None and not validity.FIRST_YEAR <= at.year <= validity.LAST_YEAR:
        raise ValidationError({"expires_at": validity.YEARS_WORDS})


def refuse_past(subscriber: Subscriber) -> None:
    """As `refuse_end`, for who is to be made: an end that is past is refused too."""
    refuse_end(subscriber)
    if subscriber.expires_at is not None and subscriber.expires_at <= clock.now():
        raise ValidationError({"expires_at": PAST_WORDS})


def check_package(package: Package) -> None:
    """Raises ValidationError naming the field and fault."""
    with identity.acting_for_all():  # a name that is taken is taken, whoever sees it
        package.full_clean()
    refuse_unwritable(queries.terms_of(package).shared)


def refuse_unwritable(rows: Rows) -> None:
    """One attribute that FreeRADIUS does not know, or cannot read, and it would refuse the user.

    Raises ValidationError naming the attribute.
    """
    for attribute, op, value in (*rows.checks, *rows.replies):
        try:
            attributes.validate(attribute, op, value)
        except ValueError as error:
            raise ValidationError(str(error)) from error


@identity.acting_for_all()
def refuse_taken(*subscribers: Subscriber) -> None:
    """Raises ValidationError for names and addresses that others have, also others' subscribers.

    The constraints of the database refuse them; this finds out what it was, in a query.
    """
    for row in _others(subscribers):
        for subscriber in subscribers:
            refused = {
                field: text.format(getattr(subscriber, field))
                for name, (field, text) in TAKEN.items()
                if getattr(subscriber, name) and getattr(subscriber, name) == row[name]
            }
            if refused and row["pk"] != subscriber.pk:
                raise ValidationError(refused)
    prefixes.refuse_overlaps(*subscribers)


def _others(subscribers: Iterable[Subscriber]) -> list[dict[str, object]]:
    asked = Q()
    for name in TAKEN:
        values = [value for each in subscribers if (value := getattr(each, name))]
        if values:
            asked |= Q(**{f"{name}__in": values})
    if not asked:  # which would find everybody
        return []
    own = [each.pk for each in subscribers if each.pk]
    rows = Subscriber.objects.filter(asked).exclude(pk__in=own).order_by()
    return list(rows.values("pk", *TAKEN))


def _package_faults(subscriber: Subscriber, name: str) -> dict[str, str]:
    package: Package | None = getattr(subscriber, name)
    if package is None:
        return {}
    if package.tenant_id != subscriber.tenant_id:
        return {name: f"{package} is the package of another tenant."}
    if package.service != subscriber.service:
        kind, wanted = package.get_service_display(), subscriber.get_service_display()
        return {name: f"{package} is a package for {kind}, and the subscriber is of type {wanted}."}
    return {}


def _address_faults(subscriber: Subscriber) -> dict[str, str]:
    """Static addresses outside what the package has, or the one to come."""
    found = {}
    for package in filter(None, (subscriber.next_package, subscriber.package)):
        for name, given in (
            ("ipv4", package.ipv4_networks),
            ("ipv6_prefix", package.ipv6_networks),
            ("delegated_prefix", package.ipv6_networks),
        ):
            value, networks = getattr(subscriber, name), words.networks_of(given)
            if value and networks and not lies_in(value, networks):
                listed = ", ".join(map(str, networks))
                found[name] = f"{value} lies outside the addresses of {package}: {listed}."
    if subscriber.ipv4 and not _can_be_given(subscriber.ipv4):
        found["ipv4"] = f"{subscriber.ipv4} is no address that a subscriber can have."
    return found


def lies_in(value: str, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    own = ipaddress.ip_network(value)
    return any(own.version == each.version and own.subnet_of(each) for each in networks)  # type: ignore[arg-type]


def _can_be_given(value: str) -> bool:
    """127/8, 224/3 and 255.255.255.254 tell a router to choose; 0.0.0.0 is nobody's."""
    address = ipaddress.IPv4Address(value)
    return not (address.is_loopback or address.is_unspecified or int(address) >= 0xE0000000)
