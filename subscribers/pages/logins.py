"""Logins and sessions of a username, as FreeRADIUS has kept them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ispcore.base import clock, units
from radius.models import Accounting, NasReload, PostAuth
from radius.operations.nas import nas_column
from routers.models import Router
from routers.queries import without_secrets

MOST_LOGINS = 10
MOST_SESSIONS = 10
MOST_OPEN = 50
STALE_INTERVALS = 3
LEAST_STALE_S = 900
ACCEPTED = "Access-Accept"
# what deploy/freeradius/policy.conf writes into radpostauth, and what there is to do
REASONS = {
    "wrong password": "Wrong password: the router sent another one than the portal has",
    "unknown user": "There was no subscriber of this name",
    "wrong device": "It came from another device than the MAC address it is bound to",
    "too many devices": "Logged in already, on as many devices as it may: see open sessions",
    "expired": "Expired: renew it",
    "suspended": "Suspended: resume it",
    "disabled": "Disabled: resume it",
    "not allowed": "Not allowed by a row of FreeRADIUS that is not the portal's",
    "password unreadable": "The portal cannot read its password: see above",
    "quota used up": "The quota of this period is used up",
    "quota in use": "What is left of the quota is with its other devices: see open sessions",
}
CAUSES = {
    "User-Request": "the subscriber ended it",
    "Lost-Carrier": "the line was lost",
    "Lost-Service": "the service was lost",
    "Idle-Timeout": "no traffic for too long",
    "Session-Timeout": "its time was over",
    "Admin-Reset": "ended on the router",
    "Admin-Reboot": "the router was restarted",
    "NAS-Reboot": "the router was restarted",
    "NAS-Error": "the router had an error",
    "NAS-Request": "the router ended it",
    "Port-Error": "an error of the port",
}


@dataclass(frozen=True, slots=True)
class LoginRow:
    """`reason` is what FreeRADIUS kept, `why` the same in words for staff."""

    key: int
    at: datetime
    kind: str
    word: str
    why: str
    reason: str


@dataclass(frozen=True, slots=True)
class SessionRow:
    """`heard_at` is when the router reported of it last."""

    key: int
    kind: str
    word: str
    why: str
    nas: str
    router: Router | None
    started_at: datetime | None
    lasted: timedelta | None
    heard_at: datetime | None
    down_octets: int | None
    up_octets: int | None
    address: str
    device: str


def last_logins(username_key: str) -> list[LoginRow]:
    """The newest ten, one query."""
    rows = PostAuth.objects.filter(username=username_key).order_by("-answered_at", "-id")
    return [_login(row) for row in rows.only("reply", "answered_at", "reason")[:MOST_LOGINS]]


def refused(username: str, since: datetime) -> LoginRow | None:
    """The last answer to a name since then, if it was a refusal; also to one that nobody has."""
    rows = PostAuth.objects.filter(username=username, answered_at__gte=since)
    last = rows.only("reply", "answered_at", "reason").order_by("-answered_at", "-id").first()
    return _login(last) if last is not None and last.reply != ACCEPTED else None


def sessions(username_key: str, interim_s: int) -> list[SessionRow]:
    """All that are open, and the last that have ended. Three queries, and one for the routers."""
    rows = Accounting.objects.filter(username=username_key)
    open_ = list(rows.filter(stopped_at=None).order_by("-started_at", "-id")[:MOST_OPEN])
    ended = list(rows.exclude(stopped_at=None).order_by("-stopped_at", "-id")[:MOST_SESSIONS])
    found = [*open_, *ended[: max(MOST_SESSIONS - len(open_), 0)]]
    addresses = {row.nas_address for row in found}
    known = NasReload.objects.filter(nas_address__in={row.nas_address for row in open_})
    restarted = dict(known.values_list("nas_address", "reloaded_at"))
    routers = _routers(addresses)
    now = clock.now()
    stale_after = timedelta(seconds=max(STALE_INTERVALS * interim_s, LEAST_STALE_S))
    return [
        _session(row, routers, restarted.get(row.nas_address), now - stale_after, now)
        for row in found
    ]


def online_words(rows: Sequence[SessionRow]) -> tuple[str, str]:
    """(kind, words) of all open sessions together."""
    online = [row for row in rows if row.word == "Online"]
    unsure = [row for row in rows if row.word == "Unknown"]
    if online:
        where = ", ".join(sorted({row.nas for row in online}))
        return "ok", f"Online on {where}" if len(online) == 1 else f"{len(online)} sessions online"
    if unsure:
        return "unknown", "Unknown: its session was not reported on for long"
    return "low", "Not online"


def _login(row: PostAuth) -> LoginRow:
    reason = row.reason or ""
    if row.reply == ACCEPTED and not reason:
        return LoginRow(row.id, row.answered_at, "ok", "Accepted", "", reason)
    if row.reply == ACCEPTED:
        why = f"into the walled garden: {reason}"
        return LoginRow(row.id, row.answered_at, "warning", "Accepted", why, reason)
    why = REASONS.get(reason, reason or "No reason was kept")
    return LoginRow(row.id, row.answered_at, "critical", "Refused", why, reason)


def _session(
    row: Accounting,
    routers: dict[str, Router],
    restarted_at: datetime | None,
    heard_since: datetime,
    now: datetime,
) -> SessionRow:
    heard_at = row.updated_at or row.started_at
    kind, word, why = _state(row, heard_at, restarted_at, heard_since, now)
    router = routers.get(row.nas_address)
    end = row.stopped_at or (now if word == "Online" else heard_at)
    return SessionRow(
        key=row.id,
        kind=kind,
        word=word,
        why=why,
        nas=router.name if router else row.nas_address or "unknown router",
        router=router,
        started_at=row.started_at,
        lasted=end - row.started_at if end and row.started_at else None,
        heard_at=heard_at,
        down_octets=row.output_octets,
        up_octets=row.input_octets,
        address=row.ipv4 or row.ipv6 or row.ipv6_prefix,
        device=row.calling_station,
    )


def _state(
    row: Accounting,
    heard_at: datetime | None,
    restarted_at: datetime | None,
    heard_since: datetime,
    now: datetime,
) -> tuple[str, str, str]:
    """An open row is what the router last said, and no proof that the line is there."""
    if row.stopped_at is not None:
        cause = row.terminate_cause
        return "low", "Ended", CAUSES.get(cause, cause.replace("-", " ").lower())
    if restarted_at is not None and row.started_at is not None and row.started_at < restarted_at:
        return "unknown", "Unknown", "its router was restarted since"
    if heard_at is None:
        return "unknown", "Unknown", "never reported on"
    if heard_at < heard_since:
        return "unknown", "Unknown", f"no report for {units.format_duration(now - heard_at)}"
    return "ok", "Online", ""


def _routers(addresses: set[str]) -> dict[str, Router]:
    """By what radacct has of their address."""
    if not addresses:
        return {}
    rows = without_secrets(Router.objects.order_by("pk"))
    return {column: row for row in rows if (column := nas_column(row.address)) in addresses}
