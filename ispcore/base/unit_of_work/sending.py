"""A page that is sent twice is done once: the token that it carries stands with the change itself.

An answer may be lost, a button pressed twice, a page loaded again. Whoever sends the same token gets
what was said at the first time, and nothing is changed.
"""

import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError

from ispcore.base import clock
from ispcore.base.audit import Actor
from ispcore.base.models import SentPage
from ispcore.base.rls import identity
from ispcore.base.secrets import Sealed

T = TypeVar("T")
Told = Mapping[str, Any]
LOST = (
    "What was said of it then cannot be shown any more: look at the page of what was changed, and give "
    "it another password if one was made up."
)
KEEP = timedelta(days=30)  # far longer than a page can still be sent: its session has ended


class DoneBefore(Exception):
    """The page was sent before, and done then; nothing was done again.

    What was `told` is empty where no key opens it any more, or where somebody else sent the page.
    """

    def __init__(self, told: Told, at: datetime) -> None:
        local = at.astimezone(clock.isp_zone())
        words = f"That was done at {local:%H:%M:%S} already, and was not done again."
        super().__init__(words if told else f"{words} {LOST}")
        self.told = told


class _Sent(Exception):
    """A unit that stands has this token."""


@dataclass(frozen=True, slots=True)
class _Page:
    token: UUID
    account_id: int
    told: Callable[[Any], Told]


_present: ContextVar[_Page | None] = ContextVar("sent_page", default=None)


def once(token: UUID | None, do: Callable[[], T], *, by: Actor, told: Callable[[T], Told]) -> Told:
    """Call `do`, which runs one unit of work (or calls `begin` and `end` in a transaction of the
    portal's database alone), and return what is `told` of its result: plain values, which are kept
    in the same transaction.

    Without a token, or for what no person does, there is nothing to keep. Raises DoneBefore, and what
    `do` raises.
    """
    if token is None or by.account_id is None:
        return told(do())
    refuse_repeated(token, by=by)
    reset = _present.set(_Page(token, by.account_id, told))
    try:
        return told(do())
    except _Sent:  # in the meantime
        refuse_repeated(token, by=by)
        raise DoneBefore({}, clock.now()) from None  # by another account
    finally:
        _present.reset(reset)


@identity.acting_for_all()
def refuse_repeated(token: UUID | None, *, by: Actor) -> None:
    """Raises DoneBefore. To be asked before what was sent is judged: a name that it has taken itself
    is taken."""
    if token is None or by.account_id is None:
        return
    row = SentPage.objects.filter(token=token, account_id=by.account_id).first()
    if row is not None:
        raise DoneBefore({} if isinstance(row.said, Sealed) else json.loads(row.said), row.at)


def forget_sent() -> int:
    """Delete what is old; returns how many."""
    rows = SentPage.objects.filter(at__lt=clock.now() - KEEP)
    return rows._raw_delete(rows.db)


@identity.acting_for_all()
def begin() -> None:
    """In the portal's transaction of a change, before its change: take the page's token, if there is
    one. Waits for a unit in flight that has it."""
    if (page := _present.get()) is None:
        return
    try:
        SentPage(token=page.token, account_id=page.account_id).save(force_insert=True)
    except IntegrityError:
        raise _Sent from None


@identity.acting_for_all()
def end(result: object) -> None:
    """After the change: keep what is told of it."""
    if page := _present.get():
        said = json.dumps(page.told(result), cls=DjangoJSONEncoder)
        SentPage.objects.filter(token=page.token).update(said=said)
