"""A tenant's subscribers as its people see them: may each log in, and why was one refused.

What FreeRADIUS kept is found by username. Before a subscriber had it, a name may have been somebody
else's, so older logins and sessions are not shown. Of routers one learns the names of those that
carry links of one's own; the provider's people, and what they noted, are not told.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from dashboards.my.alerts import PROVIDER
from dashboards.my.history import PORTAL
from ispcore.accounts.models import Account
from ispcore.accounts.scope import visible
from ispcore.base import clock
from ispcore.base.models import AuditEntry
from resellers.models import Mapping
from subscribers.models import StatusChange, Subscriber
from subscribers.pages import logins, states
from subscribers.pages.logins import LoginRow, SessionRow
from subscribers.pages.radius_side import asked
from subscribers.pages.states import Verdict
from subscribers.tasks import PERIODS

Status = Subscriber.Status
MOST_CHANGES = 20
AWAY = "Logins and sessions cannot be read just now. All else here is current."
OLDER = "A session under this name is older than the subscriber is here."
A_ROUTER = "a router of your provider"
ASK = "Your provider can tell why"
# what FreeRADIUS kept, where the words for staff say what only staff can do or see
REASONS = logins.REASONS | {
    "wrong password": "Wrong password: the device has another one",
    "wrong device": "It came from another device than the one it is bound to",
    "too many devices": "Logged in already, on as many devices as it may",
    "disabled": "Disabled by your provider",
    "not allowed": ASK,
    "password unreadable": "Its password cannot be read any more: give it another one",
    "": "No reason was kept",
}


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A status, from when on, and who gave it."""

    key: int
    at: datetime
    kind: str
    word: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What FreeRADIUS kept of a subscriber; `older` is open under its name from before it had it."""

    logins: list[LoginRow]
    sessions: list[SessionRow]
    older: int


# ---- the list


def of(account: Account) -> "QuerySet[Subscriber]":
    """The subscribers that an account sees, without anybody's password."""
    rows = visible(Subscriber.objects.select_related("package", "next_package"), account)
    return rows.defer("radius_password")


def having(status: str, now: datetime) -> Q:
    """Those that have this status at that time, as `states.shown_status` says; "": all."""
    over = Q(status=Status.ACTIVE, expires_at__lte=now)
    if status == Status.EXPIRED:
        return Q(status=Status.EXPIRED) | over
    if status == Status.ACTIVE:
        return Q(status=Status.ACTIVE) & (Q(expires_at=None) | Q(expires_at__gt=now))
    return Q(status=status) if status else Q()


def counts(rows: "QuerySet[Subscriber]", now: datetime) -> dict[str, int]:
    """By status, and under "" all together: one query."""
    each = {str(status): Count("pk", filter=having(status, now)) for status in Status}
    found: dict[str, int] = rows.order_by().aggregate(**each)
    return {"": sum(found.values())} | found


def shown(rows: Iterable[Subscriber]) -> list[tuple[Subscriber, str, str]]:
    """(subscriber, kind, word) of each."""
    now = clock.now()
    return [(row, *states.shown_status(row, now)) for row in rows]


# ---- the page of one


def context(row: Subscriber, account: Account) -> dict[str, Any]:
    """What the page of a subscriber says."""
    changes = _changes(row, account)
    since, carrying = _since(row), _carrying(account)
    kept, fault = asked(lambda: _kept(row, since, carrying))
    return {
        "subscriber": row,
        "chip": states.shown_status(row, clock.now()),
        "verdicts": [
            states.verdict(row, changes[0] if changes else None),
            *_about(kept),
        ],
        "changes": [_change_row(each) for each in changes],
        "facts": _facts(row),
        "fault": AWAY if fault else "",
        "logins": kept.logins if kept else [],
        "sessions": kept.sessions if kept else [],
    }


def _about(kept: Kept | None) -> list[Verdict]:
    """Whether it is online, and whether the last login was refused."""
    if kept is None:
        return [Verdict("unknown", "Whether it is online is unknown", AWAY)]
    said = [Verdict(*logins.online_words(kept.sessions))]
    if kept.older and said[0].kind != "ok":
        said = [Verdict("unknown", "Whether it is online is unknown", OLDER)]
    if kept.logins and kept.logins[0].word == "Refused":
        said.append(Verdict("critical", f"The last login was refused. {kept.logins[0].why}."))
    return said


def _kept(row: Subscriber, since: datetime, carrying: set[int]) -> Kept:
    """Logins and sessions since the subscriber has its name."""
    found = logins.sessions(row.username_key, row.package.interim_s)
    own = [each for each in found if each.started_at is not None and each.started_at >= since]
    return Kept(
        [_login(each) for each in logins.last_logins(row.username_key) if each.at >= since],
        [_session(each, carrying) for each in own],
        sum(each.word != "Ended" for each in found) - sum(each.word != "Ended" for each in own),
    )


def _since(row: Subscriber) -> datetime:
    """From when on the name is this subscriber's: since it was made, or given another name."""
    entries = AuditEntry.objects.filter(
        object_kind=Subscriber._meta.label_lower, object_id=str(row.pk), action="rename"
    )
    at = entries.order_by("-at").values_list("at", flat=True).first()
    return max(at, row.created_at) if at else row.created_at


def _carrying(account: Account) -> set[int]:
    """The routers whose names the account's people know: links of theirs are there, or were."""
    rows = visible(Mapping.objects.order_by(), account)
    return set(rows.values_list("router", flat=True).distinct())


def _login(found: LoginRow) -> LoginRow:
    why = REASONS.get(found.reason, ASK)
    if found.word == "Accepted":
        why = f"into the walled garden: {why}" if found.reason else ""
    return replace(found, why=why)


def _session(found: SessionRow, carrying: set[int]) -> SessionRow:
    is_known = found.router is not None and found.router.pk in carrying
    return replace(found, nas=found.nas if is_known else A_ROUTER, router=None)


def _changes(row: Subscriber, account: Account) -> list[StatusChange]:
    """The newest first. Of who is not of the tenant neither name nor reason is told."""
    found = list(row.status_changes.order_by("-at", "-pk")[:MOST_CHANGES])
    people = Account.objects.filter(tenant_id=account.tenant_id or 0)
    own = set(
        people.filter(username__in={each.by for each in found}).values_list("username", flat=True)
    )
    for each in found:
        if each.by not in own:
            each.by = PORTAL if each.by == PERIODS.name else PROVIDER
            each.reason = ""
    return found


def _change_row(each: StatusChange) -> ChangeRow:
    kind, word = states.KINDS[Status(each.new)], str(Status(each.new).label)
    return ChangeRow(each.pk, each.at, kind, word, each.by, each.reason)


def _facts(row: Subscriber) -> list[tuple[str, str]]:
    package = row.package
    coming = f"{row.next_package}, from {states.day_and_time(row.period_until_at)}"
    ends = states.day_and_time(row.expires_at) if row.expires_at else "no end"
    return [
        ("Account", row.account_number),
        ("Package", f"{package.name}, {package.limit.short_words}"),
        *([("Then", coming)] if row.next_package else []),
        ("Ends", ends),
        ("Renewed for", states.validity_words(package)),
        ("Quota", states.quota_words(package)),
        ("Devices", f"{row.devices:,}" if row.devices else "no limit"),
        ("Address", row.ipv4 or "given at login"),
        *([("IPv6", prefix)] if (prefix := row.ipv6_prefix or row.delegated_prefix) else []),
        ("Device", f"{row.mac} only" if row.mac else "any"),
    ]
