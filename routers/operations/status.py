"""What each method of reaching a router says, and whether the router answers at all."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from ispcore.base import clock
from ispcore.live.publish import publish, publish_each
from monitoring.models import Metric
from monitoring.operations import rules
from monitoring.operations.alerts import Subject
from monitoring.operations.rules import Observation, Says
from monitoring.thresholds import Level
from routers.models import Router, RouterCheck
from routers.operations import check_rows
from routers.operations.check_rows import CheckRow, Key, Looks
from routers.queries import (
    UPLINK,
    Said,
    Sight,
    collection_age_periods,
    counted,
    is_silent,
    polled_still,
    sight,
    unreachable_since,
)

logger = logging.getLogger(__name__)
State = RouterCheck.State
PING = RouterCheck.Method.PING
# a router that flaps is not called unreachable at every dip, but when it stays away so long
FLAPPING_SILENT = timedelta(minutes=2)
METRICS = (
    Metric.ROUTER_UNREACHABLE_S,
    Metric.ROUTER_FLAPPING_CHANGES,
    Metric.ROUTER_COLLECTION_AGE_PERIODS,
)
_IN_WORDS = {"ping": "ping", "api": "API", "snmp": "SNMP"}


@dataclass(frozen=True, slots=True)
class Checked:
    """One answer, or the lack of one, of one router to one method."""

    router: Router
    method: str
    ok: bool | None  # None: nothing can be said
    took_ms: float | None = None
    detail: str = ""
    error_kind: str = ""
    error: str = ""
    since: datetime | None = None  # of a failure that was seen before it was sure

    @property
    def key(self) -> Key:
        return self.router.pk, self.method

    @property
    def state(self) -> str:
        return State.UNKNOWN if self.ok is None else State.OK if self.ok else State.FAILED

    @property
    def looks(self) -> Looks:
        """As CheckRow.looks once it is stored."""
        return self.state, self.detail[:200], self.error_kind[:12], self.error[:250]


def record(results: Sequence[Checked], *, refresh_s: int = 0) -> set[int]:
    """Store the latest answers; `since` moves only when the state does. Pages are told what they
    show. Returns the routers of which something in words changed.

    With `refresh_s` an answer that says the same as before is stored once in so many seconds only
    (its time and duration are that old at most), at another second for each router.
    What was asked of a router that was removed meanwhile is dropped. Rows are taken in one order,
    so that collection, watch and people wait for each other and never for ever.
    """
    now = clock.now()
    latest = {each.key: each for each in results}
    due = _due(latest, now, refresh_s) if refresh_s else latest
    if not due:
        return set()
    with transaction.atomic():
        asked = Router.objects.filter(pk__in={pk for pk, _ in due})
        ids = set(asked.values_list("pk", flat=True))
        rows = check_rows.read(ids, methods={method for _, method in due}, lock=True)
        known = {row.key: row for row in rows}
        before = {key: (row.since, row.looks) for key, row in known.items()}
        kept = [due[key] for key in sorted(due) if key[0] in ids]
        stored = [_apply(each, known.get(each.key), now) for each in kept]
        check_rows.write(stored, at=now)
        return _announce(stored, before)


def _announce(stored: Sequence[CheckRow], before: Mapping[Key, tuple[datetime, Looks]]) -> set[int]:
    """Tell the pages that show what changed; returns the routers it changed of."""
    news = [row for row in stored if before.get(row.key) != (row.since, row.looks)]
    changed = {row.router_id for row in news}
    publish_each("router", map(str, changed))
    if any(row.key not in before or before[row.key][0] != row.since for row in news):
        publish("overview")
    return changed


def evaluate(routers: Iterable[Router]) -> None:
    """Judge reachability, flapping and freshness of these routers by the rules; of those polled
    still."""
    now, judged = clock.now(), list(routers)
    still = polled_still(router.pk for router in judged)
    polled = [router for router in judged if router.pk in still]
    if not polled:
        return
    seen, checks = sight(now), _checks_of(still)
    found = [_observed(router, checks.get(router.pk, []), seen, now) for router in polled]
    for metric, observations in zip(METRICS, zip(*found, strict=True), strict=True):
        rules.evaluate(metric, observations, at=now)


def _observed(
    router: Router, said: Sequence[CheckRow], seen: Sight, now: datetime
) -> tuple[Observation, Observation, Observation]:
    """What there is to see of a router, in the order of METRICS."""
    subject, tried = subject_of(router), seen.proven(counted(router, said))
    ping = next((row for row in said if row.method == PING), None)
    flapping = ping is not None and ping.flapping.lasts(now)
    changes: float | None = ping.flap_changes if ping and flapping else 0
    age = collection_age_periods(router, now) if seen.could_be_read(router) else None
    if seen.is_blind(router, said):
        silent_s, changes, age = _seen_since(tried, ping, seen), None, None
    else:
        silent_s = _silent_s(tried, flapping, now)
    return (
        Observation(subject, silent_s, _silent_words(tried)),
        Observation(subject, changes, _flapping_words(ping)),
        Observation(subject, age, _stale_words(router)),
    )


def _silent_s(tried: Sequence[CheckRow], flapping: bool, now: datetime) -> float | None:
    """For how long nothing answers; None where that proves nothing."""
    if not tried:
        return None
    since = unreachable_since(tried)
    if since is None:
        return 0.0
    if flapping and now - since < FLAPPING_SILENT:
        return None
    return (now - since).total_seconds()


def _seen_since(tried: Sequence[CheckRow], ping: CheckRow | None, seen: Sight) -> float | None:
    """While our uplink is gone, silence proves nothing; an answer to another host's poll does."""
    since = ping.since if ping else max(u.gone_since for u in seen.gone if u.gone_since)
    answered = any(row.state == State.OK and row.checked_at > since for row in tried)
    return 0.0 if answered else None


def subject_of(router: Router) -> Subject:
    """The router as monitoring names it."""
    return Subject("routers.router", router.pk, router.name, router.tenant_id)


def _apply(each: Checked, row: CheckRow | None, now: datetime) -> CheckRow:
    state = each.state
    if row is None:
        since = each.since or now
        row = CheckRow(each.router.pk, each.method, state, since=since, checked_at=now)
        row.failed_at = since if each.ok is False else None
        _log(each)
    elif row.state != state or _is_there(row.error_kind) != _is_there(each.error_kind):
        if UPLINK not in {row.error_kind, each.error_kind} or state == State.FAILED:
            _log(each)
        row.since = _moved(row, each, now)
        row.state = state
    row.checked_at = now
    row.last_ok_at = now if each.ok else row.last_ok_at
    row.took_ms = each.took_ms
    _, row.detail, row.error_kind, row.error = each.looks
    return row


def _moved(row: CheckRow, each: Checked, now: datetime) -> datetime:
    """Since when the new state holds. Not to know interrupts no failure, and is no change."""
    if each.ok is None:
        return now
    if each.ok == (row.failed_at is not None) and row.state != each.state:
        flips = row.flapping.changed(now)
        row.flips, row.flapping_since, row.flap_changes = flips.times, flips.since, flips.changes
    if each.ok:
        row.failed_at = None
        return now
    if row.state == State.FAILED or row.failed_at is None:  # another failure, or a new one
        row.failed_at = each.since or now
    return row.failed_at


def _is_there(error_kind: str) -> bool:
    """Who refuses or talks nonsense is there: to fall silent is another failure, since then."""
    return error_kind in {"refused", "nonsense"}


def _log(each: Checked) -> None:
    if each.state == State.FAILED:
        logger.warning("%s: %s: %s", each.router.name, each.method, each.error)
    else:
        logger.info("%s: %s: %s", each.router.name, each.method, each.state)


def _due(latest: dict[Key, Checked], now: datetime, refresh_s: int) -> dict[Key, Checked]:
    """The answers that are news, and those whose turn it is to be refreshed. Nothing is locked."""
    methods = {method for _, method in latest}
    same = set()
    for row in check_rows.read({pk for pk, _ in latest}, methods=methods):
        news = latest.get(row.key)
        is_fresh = _turn(row, now, refresh_s) == _turn(row, row.checked_at, refresh_s)
        if is_fresh and news is not None and news.looks == row.looks:
            same.add(row.key)
    return {key: each for key, each in latest.items() if key not in same}


def _turn(row: CheckRow, at: datetime, refresh_s: int) -> int:
    return (int(at.timestamp()) + row.router_id) // refresh_s


def _checks_of(router_ids: Iterable[int]) -> dict[int, list[CheckRow]]:
    found: dict[int, list[CheckRow]] = {}
    for row in check_rows.read(router_ids):
        found.setdefault(row.router_id, []).append(row)
    return found


def _silent_words(checks: Sequence[Said]) -> Says:
    silent = {row.method for row in checks if is_silent(row)}
    methods = [words for method, words in _IN_WORDS.items() if method in silent]

    def says(_level: Level) -> str:
        listed = (
            " or ".join([", ".join(methods[:-1]), methods[-1]])
            if len(methods) > 1
            else (methods[0] if methods else "anything")
        )
        return f"No answer to {listed}"

    return says


def _flapping_words(ping: CheckRow | None) -> Says:
    def says(_level: Level) -> str:
        since = ping.flapping_since if ping else None
        at = f" since {since.astimezone(clock.isp_zone()):%H:%M}" if since else ""
        return f"Flapping{at}: ping comes and goes"

    return says


def _stale_words(router: Router) -> Says:
    def says(_level: Level) -> str:
        if router.read_at is None:
            return "Nothing was ever collected"
        at = router.read_at.astimezone(clock.isp_zone())
        return f"Collection stale: last reading {at:%H:%M:%S}"

    return says
