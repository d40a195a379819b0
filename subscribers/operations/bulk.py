"""Changes many subscribers alike, in one unit of work: who cannot be changed so is left, and named."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import Any

from django.core.exceptions import ValidationError

from ispcore.accounts import scope
from ispcore.accounts.models import Account
from ispcore.accounts.roles import May
from ispcore.base import audit, faults
from ispcore.base.audit import Actor
from ispcore.base.bulk import update_rows
from subscribers.models import Package, Subscriber
from subscribers.operations import judging, periods, statuses, units
from subscribers.queries import named

Status = Subscriber.Status
Edit = Callable[[Subscriber], None]
AT_ONCE = 500
"""Names in one unit: with more, nobody else could be provisioned meanwhile."""
MOST_NAMED = 5
_COLUMNS = (
    *("status", "package_id", "next_package_id", "expires_at", "renewal_day"),
    *("period_from_at", "period_until_at"),
)
_values_of = attrgetter("pk", *_COLUMNS)


@dataclass(slots=True)
class Outcome:
    """How many were changed, and how many were not, with the reason of the first few."""

    changed: int = 0
    left: int = 0
    why: list[str] = field(default_factory=list)


def suspend(keys: Sequence[str], *, by: Actor, reason: str = "") -> Outcome:
    """As `statuses.suspend`, of up to AT_ONCE. Raises NotYours."""
    edit = statuses.moving(Status.SUSPENDED, action="suspend")
    return _change(keys, lambda: edit, action="suspend", by=by, reason=reason)


def resume(keys: Sequence[str], *, by: Actor, reason: str = "") -> Outcome:
    """As `statuses.resume`, of up to AT_ONCE. Raises NotYours."""
    edit = statuses.moving(Status.ACTIVE, action="resume")
    return _change(keys, lambda: edit, action="resume", by=by, reason=reason)


def renew(keys: Sequence[str], *, by: Actor, times: int = 1, reason: str = "") -> Outcome:
    """As `periods.renew`, of up to AT_ONCE. Raises ValidationError, NotYours."""
    edit = periods.renewing(periods=times)
    return _change(keys, lambda: edit, action="renew", by=by, reason=reason)


def change_package(
    keys: Sequence[str],
    *,
    package: Package,
    by: Actor,
    at_next_period: bool = False,
    reason: str = "",
) -> Outcome:
    """As `periods.change_package`, of up to AT_ONCE. Raises NotYours."""
    action = "change package later" if at_next_period else "change package"
    begin = partial(periods.taking, package, at_next_period=at_next_period)
    return _change(keys, begin, action=action, by=by, reason=reason, is_judged=True)


def _change(
    keys: Sequence[str],
    begin: Callable[[], Edit],
    *,
    action: str,
    by: Actor,
    reason: str,
    is_judged: bool = False,
) -> Outcome:
    """`begin` is called in the unit, and what it returns with each subscriber."""
    units.allow(by, May.EDIT_SUBSCRIBERS)

    def change() -> Outcome:
        outcome, edit = Outcome(), begin()
        moved: list[Subscriber] = []
        changes: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
        for row in _locked(keys, by):
            old = audit.snapshot(row)
            try:
                edit(row)
                if is_judged:
                    judging.check(row)
            except (units.StatusStands, ValidationError) as error:
                outcome.left += 1
                outcome.why.append(_why(row, error))
                continue
            moved.append(row)
            changes[row.pk] = old, audit.snapshot(row)
        update_rows(Subscriber, _COLUMNS, map(_values_of, moved))
        units.note_statuses(
            ((row, changes[row.pk][0]["status"]) for row in moved), by=by, reason=reason
        )
        what = f"{len(keys)} chosen subscribers"
        audit.record_batch(action, moved, by=by, changes=changes, scope=what, reason=reason)
        outcome.changed, outcome.why = len(moved), outcome.why[:MOST_NAMED]
        return outcome

    return units.run(
        f"{action}, {len(keys)} subscribers", units.usernames(*keys), change, bulk=True
    )


def _locked(keys: Sequence[str], by: Actor) -> list[Subscriber]:
    """Those of these names that whoever asks may see; names that are gone are passed over."""
    rows = named(keys).select_for_update(of=("self",), no_key=True)
    account = Account.objects.filter(pk=by.account_id).first() if by.account_id else None
    if account is not None and not account.sees_all:
        rows = rows.filter(
            pk__in=scope.visible(Subscriber.objects.order_by(), account).values("pk")
        )
    return list(rows.select_related("package", "next_package").order_by("pk"))


def _why(row: Subscriber, error: Exception) -> str:
    said = faults.words_of(error, Subscriber).removesuffix(faults.UNCHANGED).strip()
    return said if str(row) in said else f"{row}: {said}"
