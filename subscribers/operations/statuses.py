"""Who may log in: suspended and taken up again, disabled, expired."""

from collections.abc import Callable, Sequence
from functools import partial

from ispcore.base import audit, clock, faults
from ispcore.base.audit import Actor
from subscribers.models import Subscriber
from subscribers.operations import units
from subscribers.queries import MOST_UNITS, PIECE

Status = Subscriber.Status
# what each status can be left for
LEADS_TO = {
    Status.SUSPENDED: (Status.ACTIVE, Status.EXPIRED),
    Status.DISABLED: (Status.ACTIVE, Status.EXPIRED, Status.SUSPENDED),
    Status.ACTIVE: (Status.SUSPENDED, Status.DISABLED),
}


def suspend(subscriber: Subscriber, *, by: Actor, reason: str = "") -> Subscriber:
    """No login until it is resumed, or into the walled garden, as the package says.

    Raises StatusStands, NotYours, SubscriberMoved.
    """
    return _move(subscriber, Status.SUSPENDED, action="suspend", by=by, reason=reason)


def disable(subscriber: Subscriber, *, by: Actor, reason: str = "") -> Subscriber:
    """No login at all until it is resumed, whatever the package says. Raises as `suspend`."""
    return _move(subscriber, Status.DISABLED, action="disable", by=by, reason=reason)


def resume(
    subscriber: Subscriber, *, by: Actor, reason: str = "", only: Status | None = None
) -> Subscriber:
    """Take up again what was suspended or disabled, or `only` one of these; what ran out meanwhile
    is expired then.

    Raises as `suspend`.
    """
    return _move(subscriber, Status.ACTIVE, action="resume", by=by, reason=reason, only=only)


def expire_due(*, by: Actor) -> int:
    """Mark who has run out, in units of 2,000; FreeRADIUS refused them from the very second, by
    their Expiration. At most MOST_UNITS of them; returns how many."""
    total = 0
    for _ in range(MOST_UNITS):
        if not (keys := _due()):
            break
        moved = units.run(
            f"expire {len(keys)} subscribers",
            units.usernames(*keys),
            partial(_expire, keys, by),
            bulk=True,
        )
        total += moved
        if not moved or len(keys) < PIECE:  # others did it, or these were the last
            break
    return total


def moving(to: Status, *, action: str, only: Status | None = None) -> Callable[[Subscriber], None]:
    """What moves one stored subscriber to this status. It raises StatusStands where that one's own
    status does not lead there, or is not the `only` one that should."""

    def change(stored: Subscriber) -> None:
        old = Status(stored.status)
        if old not in LEADS_TO[to] or only not in (None, old):
            said = f"{stored} is {old.label.lower()}"
            raise units.StatusStands(f"{said}: it cannot {action} now. {faults.UNCHANGED}")
        stored.status = _reached(stored, to)

    return change


def _move(
    subscriber: Subscriber,
    to: Status,
    *,
    action: str,
    by: Actor,
    reason: str,
    only: Status | None = None,
) -> Subscriber:
    change = moving(to, action=action, only=only)
    return units.change_one(
        subscriber, change, action=action, by=by, reason=reason, is_judged=False
    )


def _reached(stored: Subscriber, to: Status) -> Status:
    is_over = stored.expires_at is not None and stored.expires_at <= clock.now()
    return Status.EXPIRED if to == Status.ACTIVE and is_over else to


def _due() -> list[str]:
    rows = Subscriber.objects.filter(status=Status.ACTIVE, expires_at__lte=clock.now())
    return list(rows.order_by("expires_at").values_list("username_key", flat=True)[:PIECE])


def _expire(keys: Sequence[str], by: Actor) -> int:
    due = Subscriber.objects.filter(
        username_key__in=keys, status=Status.ACTIVE, expires_at__lte=clock.now()
    )
    rows = list(due.select_for_update(no_key=True).order_by("pk"))
    moved = {"status": Status.ACTIVE.value}, {"status": Status.EXPIRED.value}
    Subscriber.objects.filter(pk__in=[row.pk for row in rows]).update(status=Status.EXPIRED)
    for row in rows:
        row.status = Status.EXPIRED
    units.note_statuses([(row, Status.ACTIVE) for row in rows], by=by)
    changes = {row.pk: moved for row in rows}
    audit.record_batch("expire", rows, by=by, changes=changes, scope="subscribers past their end")
    return len(rows)
