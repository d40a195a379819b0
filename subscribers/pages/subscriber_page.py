"""A subscriber's page: who it is, whether it may log in, what FreeRADIUS has of it and did with it."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from ispcore.accounts.pages import page_url
from ispcore.base import clock
from ispcore.base.secrets import Sealed
from ispcore.base.templatetags.isp import plural
from subscribers.models import StatusChange, Subscriber
from subscribers.pages import logins, states, truth
from subscribers.pages.logins import LoginRow, SessionRow
from subscribers.pages.radius_side import asked
from subscribers.pages.states import Verdict

MOST_CHANGES = 20


@dataclass(frozen=True, slots=True)
class RadiusSide:
    """All that was read of FreeRADIUS' database."""

    sides: list[truth.Side]
    logins: list[LoginRow]
    sessions: list[SessionRow]


def spots(row: Subscriber) -> dict[str, Any]:
    """What the template of the page needs, but its buttons."""
    changes = list(row.status_changes.all()[:MOST_CHANGES])
    read, fault = asked(lambda: _radius(row))
    kind, word = states.shown_status(row, clock.now())
    return {
        "subscriber": row,
        "chip": (kind, word),
        "verdicts": [
            *_unreadable(row),
            states.verdict(row, changes[0] if changes else None),
            *_about(read, fault),
        ],
        "changes": [_change(each) for each in changes],
        "facts": _facts(row),
        "radius_fault": fault,
        "sides": read.sides if read else None,
        "differing": truth.differing(read.sides) if read else 0,
        "own_differ": truth.differing(read.sides, truth.OWN) if read else 0,
        "logins": read.logins if read else None,
        "sessions": [(each, _router_url(each)) for each in read.sessions] if read else None,
        "journal_url": reverse("admin:base_journalentry_changelist"),
    }


def _radius(row: Subscriber) -> RadiusSide:
    return RadiusSide(
        truth.of_subscriber(row),
        logins.last_logins(row.username_key),
        logins.sessions(row.username_key, row.package.interim_s),
    )


def _unreadable(row: Subscriber) -> list[Verdict]:
    """A page of its own says what is to be done before anything else does."""
    if not isinstance(row.radius_password, Sealed):
        return []
    more = (
        "FreeRADIUS refuses every login from its next change on. Put the old key back into "
        "FIELD_ENCRYPTION_KEYS and put right its rows below, or change the password."
    )
    return [Verdict("critical", "The portal cannot read its RADIUS password", more)]


def _about(read: RadiusSide | None, fault: str) -> list[Verdict]:
    """Whether it is online; whether the last login was refused; whether the picture can be trusted."""
    if read is None:
        return [Verdict("unknown", fault, "Whether it is online is unknown too.")]
    kind, words = logins.online_words(read.sessions)
    said = [Verdict(kind, words)]
    if read.logins and read.logins[0].word == "Refused":
        said.append(Verdict("critical", f"The last login was refused. {read.logins[0].why}."))
    count = truth.differing(read.sides)
    if count:
        words = f"FreeRADIUS differs from the portal in {plural(count, 'row')}"
        said.append(Verdict("critical", words, "Put it right below."))
    else:
        said.append(Verdict("ok", "FreeRADIUS has exactly what the portal says"))
    return said


def _facts(row: Subscriber) -> list[tuple[str, str]]:
    package = row.package
    coming = f"{row.next_package}, from {states.day_and_time(row.period_until_at)}"
    return [
        ("Rate", package.limit.short_words),
        *([("Then", coming)] if row.next_package else []),
        ("Period", f"until {states.day_and_time(row.period_until_at)}"),
        ("Quota", states.quota_words(package)),
        ("Devices", f"{row.devices:,}" if row.devices else "no limit"),
        ("IPv4", row.ipv4 or _pool(package.ipv4_pool)),
        ("IPv6 prefix", row.ipv6_prefix or _pool(package.ipv6_pool)),
        ("Delegated prefix", row.delegated_prefix or _pool(package.delegated_pool)),
    ]


def _pool(name: str) -> str:
    return f"from pool {name}" if name else "the router chooses"


def _change(each: StatusChange) -> dict[str, Any]:
    return {
        "key": each.pk,
        "at": each.at,
        "kind": states.KINDS[Subscriber.Status(each.new)],
        "word": each.get_new_display(),
        "by": each.by,
        "reason": each.reason,
    }


def _router_url(session: SessionRow) -> str:
    return page_url(session.router) if session.router else ""
