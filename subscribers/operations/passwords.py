"""Passwords: the one that routers ask for, and the one of the subscriber's own pages."""

import secrets

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from ispcore.accounts.roles import May
from ispcore.base import audit
from ispcore.base.audit import Actor
from ispcore.base.unit_of_work import sending
from subscribers.models import Subscriber, words
from subscribers.operations import units

# none that is read as another one: no 0 and O, 1 and l
LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
LENGTH = 12


def generate() -> str:
    """A RADIUS password that nobody chose and everybody can type."""
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


def change_password(
    subscriber: Subscriber, *, password: str, by: Actor, reason: str = ""
) -> Subscriber:
    """Replace the RADIUS password: the next login needs it, sessions go on.

    Raises ValidationError, NotYours, SubscriberMoved.
    """
    words.check_password(password)

    def change(stored: Subscriber) -> None:
        stored.radius_password = password

    return units.change_one(subscriber, change, action="change password", by=by, reason=reason)


def set_web_password(subscriber: Subscriber, *, password: str, by: Actor, reason: str = "") -> None:
    """Replace the password of the subscriber's own pages; FreeRADIUS has nothing to do with it.

    A hash takes a core for a moment on purpose: never for many at once. Raises ValidationError on a
    weak one, NotYours, SubscriberMoved.
    """
    units.allow(by, May.EDIT_SUBSCRIBERS, subscriber)
    validate_password(password)
    made = make_password(password)
    with transaction.atomic():
        sending.begin()
        stored = units.locked(subscriber)
        old, stored.web_password = stored.web_password, made
        stored.save(update_fields=["web_password", "updated_at"])
        audit.record(
            "change web password",
            stored,
            by=by,
            old={"web_password": old},
            new={"web_password": made},
            tenant_id=stored.tenant_id,
            reason=reason,
        )
        sending.end(None)
