"""Usernames that FreeRADIUS has and the portal has not: made by hand, often for somebody else's line.

Nobody takes them over unknowingly, and who does not see everything not at all.
"""

from collections.abc import Iterable, Mapping, Sequence

from django.core.exceptions import ValidationError
from django.db import Error

from ispcore.accounts.models import Account
from ispcore.base import unit_of_work
from ispcore.base.audit import Actor
from ispcore.base.rls import identity
from ispcore.base.unit_of_work.faults import BUSY, RADIUS, tell
from radius import rows as radius_rows
from subscribers import queries

Found = Mapping[str, Sequence[str]]
"""By normalised username, the attribute of each row: names, never values."""
STRANGER = (
    "“{}” is taken: FreeRADIUS knows it from elsewhere, and only the provider can take it over."
)
MOST_NAMED = 10


class MadeByHand(ValidationError):
    """FreeRADIUS has rows of the username that the portal did not make; nothing was changed."""

    may_take_over = True
    """Whether whoever asked may replace them."""


def found(keys: Iterable[str]) -> Found:
    """Those of these that FreeRADIUS alone has. Raises NotProvisioned."""
    there = _found(keys)
    if there:
        unit_of_work.recover(there)  # half of what a dead writer made is nobody's
        there = _found(there)
        if there and unit_of_work.in_doubt(there):  # or of one that is still at it
            raise unit_of_work.Busy(BUSY)
    return there


def taken_over(keys: Iterable[str], *, by: Actor, take_over: bool) -> Found:
    """`found`, for who means to write over it. Raises MadeByHand, NotProvisioned."""
    there = found(keys)
    if there and not (take_over and _sees_all(by)):
        raise _refused(there, by)
    return there


def refusal(key: str, *, by: Actor) -> MadeByHand:
    """What a unit that found rows of a new name is refused with. Raises NotProvisioned."""
    return _refused(found([key]) or {key: []}, by)


def words(key: str, attributes: Sequence[str]) -> str:
    """ "RADIUS already has 3 rows for “rahim” that were made by hand: Cleartext-Password, group"."""
    count, names = len(attributes), list(dict.fromkeys(attributes))
    rows, were = ("a row", "was") if count == 1 else (f"{count or 'some'} rows", "were")
    more = ["others"] if len(names) > MOST_NAMED else []
    listed = ", ".join(names[:MOST_NAMED] + more)
    made = f"RADIUS already has {rows} for “{key}” that {were} made by hand"
    return f"{made}: {listed}." if listed else f"{made}."


def noted(there: Found, key: str) -> dict[str, str]:
    """What the audit entry of who is named so says beside its columns."""
    attributes = there.get(key)
    return {"replaced_in_radius": ", ".join(dict.fromkeys(attributes))} if attributes else {}


def _refused(there: Found, by: Actor) -> MadeByHand:
    first = min(there)
    if not _sees_all(by):
        refused = MadeByHand({"username": STRANGER.format(first)})
        refused.may_take_over = False
        return refused
    others = len(there) - 1
    more = f" And for {others:,} more of these usernames." if others else ""
    return MadeByHand({"username": f"{words(first, there[first])}{more}"})


def _sees_all(by: Actor) -> bool:
    """Commands and jobs, which have no account, do."""
    account = Account.objects.filter(pk=by.account_id).first() if by.account_id else None
    return account.sees_all if account is not None else by.account_id is None


@identity.acting_for_all()
def _found(keys: Iterable[str]) -> Found:
    try:
        there = radius_rows.attributes(keys)
    except Error as error:
        tell(error, RADIUS)
    known = set(queries.named(there).values_list("username_key", flat=True)) if there else set()
    return {key: names for key, names in there.items() if key not in known}
