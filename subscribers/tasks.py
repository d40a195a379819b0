"""Jobs of the provision cluster: each calls operations, and may be started twice without harm."""

from ispcore.base import audit
from ispcore.base.audit import Actor
from subscribers.operations import periods, statuses, unreadable

PERIODS = Actor("periods of subscribers")


def turn_periods() -> str:
    """Who has run out is expired; of the others the next period begins where one has ended."""
    with audit.coming_from("job"):
        expired = statuses.expire_due(by=PERIODS)
        begun = periods.turn_due(by=PERIODS)
    return f"{expired} expired, {begun} periods begun"


def look_for_unreadable() -> str:
    """Passwords that no key opens are found before a change makes them refusals."""
    return f"{unreadable.look()} passwords cannot be read"
