"""Binds a line to one device, by its MAC address."""

from django.core.exceptions import ValidationError

from ispcore.base.audit import Actor
from subscribers.models import Subscriber, words
from subscribers.operations import units


def bind_mac(subscriber: Subscriber, *, mac: str, by: Actor, reason: str = "") -> Subscriber:
    """From now on the line logs in from this device only. Raises ValidationError, NotYours,
    SubscriberMoved."""
    try:
        found = words.mac_of(mac)
    except ValidationError as error:
        raise ValidationError({"mac": error.messages}) from error
    if not found:
        raise ValidationError({"mac": words.MAC_WORDS})

    def change(stored: Subscriber) -> None:
        stored.mac = found

    return units.change_one(subscriber, change, action="bind MAC", by=by, reason=reason)


def unbind_mac(subscriber: Subscriber, *, by: Actor, reason: str = "") -> Subscriber:
    """From now on the line logs in from any device. Raises NotYours, SubscriberMoved."""

    def change(stored: Subscriber) -> None:
        stored.mac = ""

    return units.change_one(
        subscriber, change, action="unbind MAC", by=by, reason=reason, is_judged=False
    )
