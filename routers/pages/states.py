"""A router as its page and live spots show it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from ispcore.base import clock, units
from ispcore.base.templatetags.isp import took
from monitoring import pages as alert_pages
from monitoring import queries as alert_queries
from routers import hooks
from routers.hooks import Carried
from routers.models import Poll, Router, RouterCheck
from routers.queries import (
    UPLINK,
    collection_age_periods,
    counted,
    methods_in_use,
    unreachable_since,
)

MOST_POLLS = 12
STALE_PERIODS = 2.5
State = RouterCheck.State


@dataclass(frozen=True, slots=True)
class Chip:
    """A state in one icon and a word."""

    kind: str
    word: str


UPLINK_GONE = Chip("unknown", "Unknown: our own uplink is gone")


@dataclass(frozen=True, slots=True)
class CheckRow:
    method: str
    kind: str
    words: str
    at: datetime | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the router said it is: maker and model, operating system and version."""

    model: str
    version: str
    uptime: timedelta | None
    address: str


@dataclass(frozen=True, slots=True)
class PollRow:
    at: datetime
    took_ms: float | None
    kind: str
    words: str


def health(router: Router, checks: Iterable[RouterCheck], now: datetime) -> Chip:
    """Whether a router is there, in one word: ok, warning (stale, flapping), critical, unknown or
    low (off)."""
    if not router.is_polled:
        return Chip("low", "Polling off")
    checks = list(checks)
    ping = next((c for c in checks if c.method == RouterCheck.Method.PING), None)
    tried = counted(router, checks)
    if ping is not None and ping.error_kind == UPLINK and not _heard(tried, after=ping.since):
        return UPLINK_GONE
    if not tried:
        return Chip("unknown", "Not checked yet")
    since = unreachable_since(tried)
    flaps = ping is not None and ping.flapping.lasts(now)
    if since is not None:
        silent = f"No answer for {units.format_duration(now - since)}"
        return Chip("critical", f"{silent}, flapping" if flaps else silent)
    if flaps:
        return Chip("warning", "Up, flapping")
    return _reading(router, now)


def health_where_all_answer(router: Router, methods: Iterable[str], now: datetime) -> Chip:
    """`health` of a router all of whose checks are OK and none flaps, from their methods alone."""
    if not router.is_polled:
        return Chip("low", "Polling off")
    in_use = methods_in_use(router)
    if not any(in_use[method] for method in methods):
        return Chip("unknown", "Not checked yet")
    return _reading(router, now)


def _heard(checks: Iterable[RouterCheck], *, after: datetime) -> bool:
    return any(check.state == State.OK and check.checked_at > after for check in checks)


def _reading(router: Router, now: datetime) -> Chip:
    """Of one that is up: whether it is read too."""
    age = collection_age_periods(router, now)
    if age is None or router.read_at is None:
        return Chip("unknown", "Up, nothing collected yet")
    if age > STALE_PERIODS:
        return Chip(
            "warning", f"Up, last reading {units.format_duration(now - router.read_at)} ago"
        )
    return Chip("ok", "Up")


def carried_by(interface_ids: Sequence[int]) -> dict[int, Carried]:
    """Who is behind each of these interfaces, as the higher apps say."""
    found: dict[int, Carried] = {}
    for ask in hooks.carried_by:
        found |= dict(ask(interface_ids))
    return found


def actions(router: Router) -> dict[str, str]:
    """Where the buttons of a router lead; who may not press them does not see them."""
    return {
        "edit": reverse("admin:routers_router_change", args=[router.pk]),
        "test": reverse("admin:routers_router_test", args=[router.pk]),
        "discover": reverse("admin:routers_router_discover", args=[router.pk]),
        "poll": reverse("admin:routers_router_poll", args=[router.pk]),
    }


def state_spots(router: Router) -> dict[str, Any]:
    """All of a router's page but its interfaces and what they carry."""
    now = clock.now()
    checks = list(router.checks.all())
    alerts = alert_queries.of_subject("routers.router", router.pk)
    polls = router.polls.order_by("-at", "-pk")[:MOST_POLLS]
    return alert_pages.always() | {
        "router": router,
        "actions": actions(router),
        "chips": [health(router, checks, now)],
        "facts": _facts(router, now),
        "checks": _check_rows(router, checks),
        "polls": [_poll_row(poll) for poll in polls],
        "alerts": alert_pages.rows(alerts),
    }


def _facts(router: Router, now: datetime) -> Facts:
    return Facts(
        model=" ".join(word for word in (router.vendor, router.board) if word),
        version=" ".join(word for word in (router.os_name, router.os_version) if word),
        uptime=now - router.booted_at if router.booted_at else None,
        address=router.address,
    )


def _check_rows(router: Router, checks: Sequence[RouterCheck]) -> list[CheckRow]:
    known: Mapping[str, RouterCheck] = {check.method: check for check in checks}
    rows = []
    for name, is_used in methods_in_use(router).items():
        method = RouterCheck.Method(name)
        check = known.get(method)
        if not is_used:
            rows.append(CheckRow(str(method.label), "low", "not in use", None, None))
        elif check is not None:
            rows.append(_check_row(check))
        else:
            rows.append(CheckRow(str(method.label), "unknown", "not checked yet", None, None))
    return rows


def _check_row(check: RouterCheck) -> CheckRow:
    kind = {State.OK: "ok", State.FAILED: "critical"}.get(State(check.state), "unknown")
    if check.state == State.OK:
        parts = [took(check.took_ms) if check.took_ms is not None else "", check.detail]
        words = ", ".join(part for part in parts if part) or "answers"
    else:
        words = check.error or check.detail or "unknown"
    return CheckRow(check.get_method_display(), kind, words, check.checked_at, check.since)


def _poll_row(poll: Poll) -> PollRow:
    kind = {Poll.Result.OK: "ok", Poll.Result.PARTIAL: "warning"}.get(
        Poll.Result(poll.result), "critical"
    )
    by = {"api": " by the API", "snmp": " by SNMP"}.get(poll.source, "")
    if kind == "critical":
        words = f"{poll.get_result_display()}: {poll.detail}"  # which names its methods
    else:
        words = f"{poll.got} of {poll.wanted} interfaces{by}"
        words += f": {poll.detail}" if poll.detail else ""
    return PollRow(poll.at, poll.took_ms, kind, words)
