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
from subscribers.operations import account_numbers, judging, prefixes, units

# what `edit` changes; everything else has an operation of its own
EDITABLE = frozenset(
    {
        *("device_limit", "ipv4", "ipv6_prefix", "delegated_prefix"),
        *("full_name", "phone", "email", "address", "notes"),
    }
)


def create(subscriber: Subscriber, *, by: Actor) -> Subscriber:
    """Store a new subscriber, active from now on; it has its account number afterwards.

    Without `expires_at` the first period of the package begins now. Raises ValidationError naming
    the field and fault, NotYours.
    """
    units.allow(by, May.EDIT_SUBSCRIBERS, subscriber.package)
    begin(subscriber)
    judging.tidy(subscriber)
    units.refuse_strangers(by, subscriber.username_key)

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
        new = audit.snapshot(subscriber)
        audit.record("create", subscriber, by=by, new=new, tenant_id=subscriber.tenant_id)
        return subscriber

    scope = units.usernames(subscriber.username_key)
    return units.run(f"create subscriber {subscriber}", scope, change, refused=[subscriber])


def _put_on(subscriber: Subscriber, package: Package | None) -> None:
    if package is None:
        raise ValidationError({"package": f"There is no package {subscriber.package} any more."})
    subscriber.package = package


def begin(subscriber: Subscriber) -> None:
    """Set the first period of a subscriber that is new, from now on."""
    now, package = clock.now(), subscriber.package
    zone = clock.isp_zone()
    day = now.astimezone(zone).day
    until = validity.period_end(package, now, zone=zone, renewal_day=day)
    subscriber.status = Subscriber.Status.ACTIVE
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


def rename(subscriber: Subscriber, *, username: str, by: Actor, reason: str = "") -> Subscriber:
    """Give another username; the old one cannot log in from then on. Sessions and accounting of the
    old one are kept. Raises ValidationError, NotYours, SubscriberMoved."""
    key = normalised(username)
    units.refuse_strangers(by, key)

    def set_name(stored: Subscriber) -> None:
        stored.username = username

    return units.change_one(subscriber, set_name, action="rename", by=by, reason=reason, also=[key])


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
