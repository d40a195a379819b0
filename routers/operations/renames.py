"""A person's word on an interface that seems to have been renamed: the same, or another."""

from django.db import transaction

from ispcore.base import audit, clock
from ispcore.base.audit import Actor
from ispcore.live.publish import publish
from routers import hooks
from routers.hooks import InterfacesChanged, Renamed
from routers.models import Interface, InterfaceChange

Outcome = InterfaceChange.Outcome


class RenameSettled(Exception):
    """Somebody answered first, or later changes of the router did; nothing was changed."""

    def __init__(self, old: Interface, new: Interface) -> None:
        super().__init__(
            f"{old} and {new}: whether this is one interface is not open any more. "
            "Nothing was changed."
        )


def confirm_rename(old: Interface, new: Interface, *, by: Actor) -> None:
    """`new` is what `old` was: what hangs on the old one goes on with the new one, from when
    discovery found the other name; history stays where it is.

    Raises RenameSettled where the suspicion is not open, and what moving it may raise
    (ValidationError, where the new one is taken); then nothing changed.
    """
    with transaction.atomic():
        change = _settle(old, new, Outcome.CONFIRMED, by)
        renamed = Renamed(change.interface, change.other or new, change.at, by)
        for listener in hooks.interfaces_changed_in_transaction:
            listener(InterfacesChanged(change.router, renamed))
        _record("confirm rename", change, by)


def dismiss_rename(old: Interface, new: Interface, *, by: Actor) -> None:
    """They are two interfaces: the suspicion is closed, and nothing moves. Raises RenameSettled."""
    with transaction.atomic():
        change = _settle(old, new, Outcome.DISMISSED, by)
        for listener in hooks.interfaces_changed_in_transaction:
            listener(InterfacesChanged(change.router))
        _record("dismiss rename", change, by)


def _settle(old: Interface, new: Interface, outcome: str, by: Actor) -> InterfaceChange:
    """Close the suspicion; the row count decides who was first."""
    suspicions = InterfaceChange.objects.filter(
        kind=InterfaceChange.Kind.RENAMED, interface=old, other=new, resolved_at=None
    )
    change = suspicions.select_related("router", "interface", "other").first()
    moved = change is not None and suspicions.filter(pk=change.pk).update(
        outcome=outcome, resolved_at=clock.now(), resolved_by=by.name[:150]
    )
    if change is None or not moved:
        raise RenameSettled(old, new)
    return change


def _record(action: str, change: InterfaceChange, by: Actor) -> None:
    router, names = change.router, {"old": str(change.interface), "new": str(change.other)}
    audit.record(action, router, by=by, new=names, tenant_id=router.tenant_id)
    publish("router", str(router.pk))
    publish("overview")
