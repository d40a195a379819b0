"""Forgetting what FreeRADIUS answered (radpostauth): what is old, and most of what guessing makes.

Who guesses passwords makes a row with each of them. Answers to who had the right one are bounded by
the subscribers there are; of the others only the newest are kept, so that an attack fills no disk
and drives out no other's answers. Rows go in bites, by keys that FreeRADIUS' stock table has an
index of: in the order of time, which is that of ids, and in it those of one reason.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain, islice

from django.conf import settings
from django.db import Error
from django.db.models import QuerySet

from ispcore.base import clock
from ispcore.base.unit_of_work import faults
from radius.models import PostAuth

GUESSED = ("wrong password", "unknown user", "password unreadable", "not allowed")
"""What deploy/freeradius/policy.conf writes of who has not sent the right password; the last also
of who has no password, by rows made by hand."""
MOST_GUESSED = 200_000
"""Of each of them."""
BITE = 5_000  # rows of one statement
MOST_BITES = 300  # of one run: the next goes on


def forget() -> int:
    """Delete answers from before LOGINS_KEEP_DAYS (0: none), and of guesses all but the newest
    MOST_GUESSED; returns how many. Raises RadiusAway."""
    try:
        bites = chain(_old(), *map(_excess, GUESSED))
        return sum(islice(bites, MOST_BITES))
    except Error as error:
        faults.tell(error, faults.RADIUS)


def _old() -> Iterator[int]:
    """The oldest, bite by bite."""
    before = clock.now() - timedelta(days=settings.LOGINS_KEEP_DAYS)
    while settings.LOGINS_KEEP_DAYS:
        oldest = PostAuth.objects.order_by("id").values_list("id", "answered_at")[:BITE]
        old = [pk for pk, at in oldest if at < before]
        if not old:
            return
        yield _delete(PostAuth.objects.filter(id__in=old))


def _excess(reason: str) -> Iterator[int]:
    """The oldest of those that are more than enough."""
    rows = PostAuth.objects.filter(reason=reason)
    newest = rows.order_by("-id").values_list("id", flat=True)
    for last in newest[MOST_GUESSED : MOST_GUESSED + 1]:
        excess = rows.filter(id__lte=last)
        while some := list(excess.order_by("id").values_list("id", flat=True)[:BITE]):
            yield _delete(excess.filter(id__lte=some[-1]))


def _delete(rows: "QuerySet[PostAuth]") -> int:
    """Without reading them first."""
    return rows._raw_delete(rows.db)
