"""For how long, and on which package: renewals, extensions, changes now or at the next period."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from operator import attrgetter

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from ispcore.base import audit, clock
from ispcore.base.audit import Actor
from ispcore.base.bulk import update_rows
from subscribers import validity
from subscribers.models import Package, Subscriber
from subscribers.operations import judging, units
from subscribers.queries import MOST_UNITS, PIECE

Status = Subscriber.Status
# what a package that was to come changes of a row
_TAKEN = ("package_id", "next_package_id", "expires_at", "renewal_day")


def renew(subscriber: Subscriber, *, by: Actor, periods: int = 1, reason: str = "") -> Subscriber:
    """So many more periods: after the end that it has, or from now on if that is past.

    A package that was to come with the next period comes now, if that period begins now. Raises
    ValidationError, NotYours, SubscriberMoved.
    """
    change = renewing(periods=periods)
    return units.change_one(
        subscriber, change, action="renew", by=by, reason=reason, is_judged=False
    )


def renewing(*, periods: int = 1) -> Callable[[Subscriber], None]:
    """What renews one stored subscriber, as `renew`. Raises ValidationError, as what it returns does."""
    if not 1 <= periods <= validity.MOST_PERIODS:
        raise ValidationError(f"Renew for 1 to {validity.MOST_PERIODS} periods.")

    def change(stored: Subscriber) -> None:
        now = clock.now()
        is_over = stored.expires_at is not None and stored.expires_at <= now
        if is_over and stored.next_package is not None:
            _take_next(stored)
        coming = stored.next_package or stored.package
        if coming.validity == validity.NONE:
            told = f"{coming} has no end, so there is nothing to renew"
            instead = ": set another end, or none" if stored.expires_at else ""
            raise ValidationError({"package": f"{told}{instead}."})
        start, usual = now, None
        if stored.expires_at is not None and not is_over:
            start, usual = stored.expires_at, stored.renewal_day
        stored.renewal_day = validity.day_of(start, zone=clock.isp_zone(), usual=usual)
        stored.expires_at = validity.ends_after(
            coming, start, periods, zone=clock.isp_zone(), renewal_day=_day(stored)
        )
        judging.refuse_end(stored)
        if is_over:
            _begin_period(stored, now)
            if stored.status == Status.EXPIRED:
                stored.status = Status.ACTIVE

    return change


def extend(
    subscriber: Subscriber, *, until: datetime | None, by: Actor, reason: str = ""
) -> Subscriber:
    """Set the end, later or earlier; None: no end. Who had run out and has not any more is active, on
    the package that was to come with the next period, which begins now.

    Raises ValidationError, NotYours, SubscriberMoved.
    """
    if until is not None and until.tzinfo is None:
        raise ValidationError({"expires_at": "Say in which time zone."})

    def change(stored: Subscriber) -> None:
        old, stored.expires_at = stored.status, until
        judging.refuse_end(stored)
        is_over = until is not None and until <= clock.now()
        if old == Status.EXPIRED and not is_over:
            stored.status = Status.ACTIVE
            if stored.next_package is not None:
                _take_next(stored)
            _begin_period(stored, clock.now())
        elif old == Status.ACTIVE and is_over:
            stored.status = Status.EXPIRED

    return units.change_one(
        subscriber, change, action="extend", by=by, reason=reason, is_judged=False
    )


def change_package(
    subscriber: Subscriber,
    *,
    package: Package,
    by: Actor,
    at_next_period: bool = False,
    reason: str = "",
) -> Subscriber:
    """Another package, now or when the period ends; what becomes of the end, `end_with` says. A
    package that was to come is dropped.

    Raises ValidationError, NotYours, SubscriberMoved.
    """

    def change(stored: Subscriber) -> None:
        taking(package, at_next_period=at_next_period)(stored)

    action = "change package later" if at_next_period else "change package"
    return units.change_one(subscriber, change, action=action, by=by, reason=reason)


def taking(package: Package, *, at_next_period: bool = False) -> Callable[[Subscriber], None]:
    """What gives stored subscribers another package, as `change_package`; to be asked in the unit of
    work, which has to see the package as it is. Raises ValidationError."""
    found = Package.objects.filter(pk=package.pk).first()
    if found is None:
        raise ValidationError({"package": f"There is no package {package} any more."})

    def change(stored: Subscriber) -> None:
        if at_next_period and found.pk != stored.package_id:
            stored.next_package = found
            return
        now, gets_end = clock.now(), _gets_end(stored, found)
        stored.package, stored.next_package = found, None
        if gets_end:
            stored.renewal_day = _day_at(now)
            _begin_period(stored, now)
            stored.expires_at = stored.period_until_at

    return change


def end_with(
    subscriber: Subscriber, package: Package, *, at_next_period: bool = False
) -> tuple[datetime | None, datetime | None]:
    """(the end that it has with another package, from when on if that is of a first period).

    An end stays, and so does none that was set by hand; who has none since its package has none gets
    a first period, as who is made at the moment of the change.
    """
    if not _gets_end(subscriber, package):
        return subscriber.expires_at, None
    at = subscriber.period_until_at if at_next_period else clock.now()
    zone = clock.isp_zone()
    return validity.period_end(package, at, zone=zone, renewal_day=_day_at(at)), at


def turn_due(*, by: Actor) -> int:
    """Begin the next period of everybody whose period has ended and who has not run out: quotas
    count anew, packages that were to come are there, with the end that they bring to who had none.
    At most MOST_UNITS of 2,000; returns how many."""
    total = 0
    for _ in range(MOST_UNITS):
        if not (keys := _due()):
            break
        moved = units.run(
            f"begin the next period of {len(keys)} subscribers",
            units.usernames(*keys),
            partial(_turn, keys, by),
            bulk=True,
        )
        total += moved
        if not moved or len(keys) < PIECE:
            break
    return total


def _due() -> list[str]:
    """Ended periods; of who has run out only a renewal begins another one."""
    return list(_ended().order_by("period_until_at").values_list("username_key", flat=True)[:PIECE])


def _ended() -> "QuerySet[Subscriber]":
    now = clock.now()
    goes_on = Q(expires_at=None) | Q(expires_at__gt=now)
    return Subscriber.objects.filter(goes_on, period_until_at__lte=now)


def _turn(keys: Sequence[str], by: Actor) -> int:
    """Only what is more than the next stretch of the same is worth an entry: another package."""
    rows = _ended().filter(username_key__in=keys).select_for_update(of=("self",), no_key=True)
    found = list(rows.select_related("package", "next_package").order_by("pk"))
    changes = {}
    for row in found:
        old = {name: getattr(row, name) for name in _TAKEN}
        if _begin_next(row):
            changes[row.pk] = old, {name: getattr(row, name) for name in _TAKEN}
    update_rows(
        Subscriber,
        ("period_from_at", "period_until_at"),
        [(row.pk, row.period_from_at, row.period_until_at) for row in found],
    )
    moved = [row for row in found if row.pk in changes]
    update_rows(Subscriber, _TAKEN, map(attrgetter("pk", *_TAKEN), moved))
    audit.record_batch("change package", moved, by=by, changes=changes, scope="packages to come")
    return len(found)


def _begin_next(row: Subscriber) -> bool:
    """The period in which the present lies, after the one that has ended; whether another package is
    there with it."""
    now, coming = clock.now(), row.next_package
    gets_end = coming is not None and _gets_end(row, coming)
    if coming is not None:
        _take_next(row)
    if gets_end:
        row.renewal_day = _day_at(row.period_until_at)
    row.period_from_at, row.period_until_at = validity.period_at(
        row.package, row.period_until_at, now, zone=clock.isp_zone(), renewal_day=_day(row)
    )
    if gets_end:
        row.expires_at = row.period_until_at
    return coming is not None


def _take_next(stored: Subscriber) -> None:
    assert stored.next_package is not None  # noqa: S101 - asked by the caller
    stored.package, stored.next_package = stored.next_package, None


def _gets_end(stored: Subscriber, package: Package) -> bool:
    """Whether it has no end since its package has none, and will have one with this."""
    has_none = stored.expires_at is None and stored.package.validity == validity.NONE
    return has_none and package.validity != validity.NONE


def _day_at(at: datetime) -> int:
    """The day of the month that periods of who begins at this time end on."""
    return validity.day_of(at, zone=clock.isp_zone(), usual=None)


def _begin_period(stored: Subscriber, at: datetime) -> None:
    stored.period_from_at = at
    stored.period_until_at = validity.period_end(
        stored.package, at, zone=clock.isp_zone(), renewal_day=_day(stored)
    )


def _day(stored: Subscriber) -> int:
    return stored.renewal_day or 1
