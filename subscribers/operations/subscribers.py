"""Make, change, rename and delete subscribers; RADIUS follows in the same unit of work."""

from collections.abc import Mapping

from django.core.exceptions import ValidationError

from ispcore.accounts.roles import May
from ispcore.base import audit, clock, statements
from ispcore.base.audit import Actor
from ispcore.base.seen import refuse_moved
from radius.rows import normalised
from subscribers import queries, validity
from subscribers.models import Package, Subscriber
from subscribers.operations import account_numbers, judging, prefixes, strangers, units
from subscribers.projector import NotNew

# what `edit` changes; everything else has an operation of its own
EDITABLE = frozenset(
    {
        *("device_limit", "ipv4", "ipv6_prefix", "delegated_prefix"),
        *("full_name", "phone", "email", "address", "notes"),
    }
)


def create(subscriber: Subscriber, *, by: Actor, take_over: bool = False) -> Subscriber:
    """Store a new subscriber, active from now on; it has its account number afterwards.

    Without `expires_at` the first period of the package begins now, and ends with it. Rows of the
    username that somebody has made in FreeRADIUS by hand are replaced where `take_over` says so, by
    who sees everything. Raises NotYours, and ValidationError naming the field and fault: also for an
    end that is past, and as MadeByHand for such rows.
    """
    units.allow(by, May.EDIT_SUBSCRIBERS, subscriber.package)
    judging.refuse_past(subscriber)
    begin(subscriber)
    judging.tidy(subscriber)
    key = subscriber.username_key
    replaced = strangers.taken_over([key], by=by, take_over=True) if take_over else {}

    def change() -> Subscriber:
        subscriber.pk, subscriber._state.adding = None, True  # anew, should the unit be run again
        prefixes.claim(subscriber)
        package, number = statements.first_rows(
            queries.asking_for_package(subscriber.package_id),
            account_numbers.advancing(subscriber.tenant_id),
        )
        _put_on(subscriber, queries.package_of(package))
        judging.check(subscriber)
        [subscriber.account_number] = account_numbers.taken(number, subscriber.tenant_id)
        statements.insert(subscriber)
        new = strangers.noted(replaced, key) | audit.snapshot(subscriber)
        audit.record("create", subscriber, by=by, new=new, tenant_id=subscriber.tenant_id)
        return subscriber

    scope = units.usernames(key, are_new=not take_over)
    try:
        return units.run(f"create subscriber {subscriber}", scope, change, refused=[subscriber])
    except NotNew as error:
        raise strangers.refusal(key, by=by) from error


def _put_on(subscriber: Subscriber, package: Package | None) -> None:
    if package is None:
        raise ValidationError({"package": f"There is no package {subscriber.package} any more."})
    subscriber.package = package


def begin(subscriber: Subscriber) -> None:
    """Set the first period of a subscriber that is new, from now on; with an end that is past it has
    run out."""
    now, package = clock.now(), subscriber.package
    zone = clock.isp_zone()
    day = now.astimezone(zone).day
    until = validity.period_end(package, now, zone=zone, renewal_day=day)
    is_over = subscriber.expires_at is not None and subscriber.expires_at <= now
    subscriber.status = Subscriber.Status.EXPIRED if is_over else Subscriber.Status.ACTIVE
    subscriber.renewal_day, subscriber.period_from_at = day, now
    if package.validity != validity.NONE:
        subscriber.expires_at = subscriber.expires_at or until
    subscriber.period_until_at = until


def edit(
    subscriber: Subscriber,
    *,
    changes: Mapping[str, object],
    by: Actor,
    seen: Mapping[str, str] | None = None,
) -> Subscriber:
    """Change these fields and leave the others as they are stored, whoever changed them meanwhile;
    of those that were `seen`, nobody may have.

    Raises ValidationError naming the field and fault, ChangedMeanwhile, NotYours, SubscriberMoved.
    """
    if strange := sorted(changes.keys() - EDITABLE):
        raise ValidationError(f"These are not changed by editing: {', '.join(strange)}.")

    def set_fields(stored: Subscriber) -> None:
        refuse_moved(stored, seen or {})
        for name, value in changes.items():
            setattr(stored, name, value)

    return units.change_one(subscriber, set_fields, action="change", by=by)


def rename(
    subscriber: Subscriber, *, username: str, by: Actor, reason: str = "", take_over: bool = False
) -> Subscriber:
    """Give another username; the old one cannot log in from then on. Sessions and accounting of the
    old one are kept; `take_over` as with `create`. Raises ValidationError, MadeByHand among them,
    NotYours, SubscriberMoved."""
    key = normalised(username)
    noted = strangers.noted(strangers.taken_over([key], by=by, take_over=take_over), key)

    def set_name(stored: Subscriber) -> None:
        stored.username = username

    return units.change_one(
        subscriber, set_name, action="rename", by=by, reason=reason, also=[key], noted=noted
    )


def project_again(subscriber: Subscriber, *, by: Actor, reason: str = "") -> Subscriber:
    """Make the rows of its name what the portal says, whoever changed them by hand. Raises NotYours,
    SubscriberMoved."""

    def leave(stored: Subscriber) -> None:
        """The truth stays; its projection is written with every change."""

    action = "put right RADIUS rows"
    return units.change_one(subscriber, leave, action=action, by=by, reason=reason, is_judged=False)


def delete(subscriber: Subscriber, *, by: Actor, reason: str = "") -> None:
    """Take a subscriber away; accounting and the audit log keep what was. Raises NotYours,
    SubscriberMoved."""
    units.allow(by, May.EDIT_SUBSCRIBERS, subscriber)

    def change() -> None:
        stored = units.locked(subscriber)
        old, tenant_id = audit.snapshot(stored), stored.tenant_id
        audit.record("delete", stored, by=by, old=old, tenant_id=tenant_id, reason=reason)
        stored.delete()

    units.run(f"delete subscriber {subscriber}", units.usernames(subscriber.username_key), change)
