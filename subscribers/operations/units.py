"""What all changes of subscribers have in common: who may, one unit of work, what is refused."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models

from ispcore.accounts import scope
from ispcore.accounts.models import Account
from ispcore.accounts.roles import May
from ispcore.base import audit, faults, unit_of_work
from ispcore.base.audit import Actor
from ispcore.base.unit_of_work import Scope
from subscribers.models import StatusChange, Subscriber
from subscribers.operations import judging, prefixes
from subscribers.projector import SUBSCRIBER

Made = TypeVar("Made")


class NotYours(Exception):
    """Whoever asks may not change this; nothing was changed."""


class SubscriberMoved(Exception):
    """The subscriber was renamed or deleted meanwhile; nothing was changed."""


class StatusStands(Exception):
    """The subscriber's status does not allow it, or is that already; nothing was changed."""


def allow(by: Actor, capability: May, *rows: models.Model) -> None:
    """Raises NotYours unless the account may do this, and sees each of these rows.

    Commands and jobs, which have no account, may.
    """
    if by.account_id is None:
        return
    account = Account.objects.filter(pk=by.account_id).first()
    if account is None or not account.may(capability):
        raise NotYours(f"{by.name} may not do this. {faults.UNCHANGED}")
    for row in () if account.sees_all else rows:
        own: Any = row._meta.model._default_manager.filter(pk=row.pk)
        if not scope.visible(own, account).exists():
            raise NotYours(f"{by.name} does not see {row}. {faults.UNCHANGED}")


def run(
    what: str,
    of: Scope | Callable[[], Scope],
    change: Callable[[], Made],
    *,
    model: type[models.Model] = Subscriber,
    refused: Sequence[Subscriber] = (),
    bulk: bool = False,
) -> Made:
    """One unit of work. Raises ValidationError for what a constraint refuses, too: of the
    subscribers in `refused` it names the field that somebody else has already."""
    try:
        return unit_of_work.run(what, of, change, bulk=bulk)
    except IntegrityError as error:
        if "constraint" not in str(error):  # a trigger's word, which is no fault of what was asked
            raise
        judging.refuse_taken(*refused)
        raise ValidationError(faults.words_of(error, model)) from error


def usernames(*keys: str, are_new: bool = False) -> Scope:
    return Scope(SUBSCRIBER, tuple(sorted(set(keys))), is_new=are_new)


def change_one(
    subscriber: Subscriber,
    edit: Callable[[Subscriber], None],
    *,
    action: str,
    by: Actor,
    reason: str = "",
    also: Sequence[str] = (),
    noted: Mapping[str, str] | None = None,
    is_judged: bool = True,
) -> Subscriber:
    """Change one stored subscriber by `edit`, which gets it locked; returns it as it is now.

    What `edit` leaves is judged before it is stored, unless it changes nothing that could be wrong.
    `also` are keys that its rows move to, `noted` what its entry says beside columns. Raises
    ValidationError, NotYours, SubscriberMoved, and what `edit` raises.
    """
    allow(by, May.EDIT_SUBSCRIBERS, subscriber)
    key = subscriber.username_key
    refused: list[Subscriber] = []

    def change() -> Subscriber:
        stored = locked(subscriber)
        refused[:] = [stored]
        old = audit.snapshot(stored)
        edit(stored)
        if is_judged:
            judging.tidy(stored)
            judging.check(stored)
            if any(getattr(stored, name) != old[name] for name in prefixes.COLUMNS):
                prefixes.claim(stored)
        stored.save()
        note_statuses([(stored, old["status"])], by=by, reason=reason)
        new = audit.snapshot(stored) | dict(noted or {})
        audit.record(
            action, stored, by=by, old=old, new=new, tenant_id=stored.tenant_id, reason=reason
        )
        return stored

    return run(f"{action} {subscriber}", usernames(key, *also), change, refused=refused)


def note_statuses(moved: Iterable[tuple[Subscriber, str]], *, by: Actor, reason: str = "") -> None:
    """Enter the status that each has now into its history, where that it had was another one."""
    who = {"by": by.name[:150], "reason": reason[:200]}
    StatusChange.objects.bulk_create(
        [
            StatusChange(subscriber=row, old=old, new=row.status, **who)
            for row, old in moved
            if row.status != old
        ],
        batch_size=500,
    )


def locked(subscriber: Subscriber) -> Subscriber:
    """The stored row, locked. Raises SubscriberMoved where it is not under the name that the unit
    of work has locked any more."""
    rows = Subscriber.objects.select_for_update(of=("self",), no_key=True)
    stored = rows.select_related("package", "next_package").filter(pk=subscriber.pk).first()
    if stored is None or stored.username_key != subscriber.username_key:
        raise SubscriberMoved(
            f"{subscriber} was renamed or deleted meanwhile: look again. {faults.UNCHANGED}"
        )
    return stored
