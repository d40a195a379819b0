"""What each method of reaching a router says, and whether the router answers at all."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from ispcore.base import clock
from ispcore.live.publish import publish
from monitoring.models import Metric
from monitoring.operations import rules
from monitoring.operations.alerts import Subject
from monitoring.operations.rules import Observation, Says
from monitoring.thresholds import Level
from routers.models import Router, RouterCheck
from routers.queries import (
    collection_age_periods,
    counted,
    is_silent,
    polled_still,
    unreachable_since,
)

logger = logging.getLogger(__name__)
State = RouterCheck.State
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


def record(results: Sequence[Checked]) -> None:
    """Store the latest answers; `since` moves only when the state does. Pages are told.

    What was asked of a router that was removed meanwhile is dropped. Rows are taken in one order,
    so that collection, watch and people wait for each other and never for ever.
    """
    now = clock.now()
    with transaction.atomic():
        asked = Router.objects.filter(pk__in={each.router.pk for each in results})
        ids = set(asked.values_list("pk", flat=True))
        kept = [each for each in results if each.router.pk in ids]
        kept.sort(key=lambda each: (each.router.pk, each.method))
        rows = RouterCheck.objects.select_for_update().filter(router_id__in=ids).order_by("pk")
        known = {(row.router_id, row.method): row for row in rows}
        changed = [_apply(each, known.get((each.router.pk, each.method)), now) for each in kept]
        RouterCheck.objects.bulk_create(
            changed,
            batch_size=500,
            update_conflicts=True,
            unique_fields=["router", "method"],
            update_fields=[
                "state", "since", "checked_at", "last_ok_at", "took_ms", "detail", "error_kind",
                "error", "updated_at",
            ],
        )  # fmt: skip
        for router_id in sorted(ids):
            publish("router", str(router_id))
        if any(row.since == now for row in changed):
            publish("overview")


def evaluate(routers: Iterable[Router]) -> None:
    """Judge reachability and freshness of these routers by the rules; of those polled still."""
    now, judged = clock.now(), list(routers)
    still = polled_still(router.pk for router in judged)
    polled = [router for router in judged if router.pk in still]
    checks = _checks_of(polled)
    reach, fresh = [], []
    for router in polled:
        subject, tried = subject_of(router), counted(router, checks.get(router.pk, []))
        since = unreachable_since(tried)
        silent_s = (now - since).total_seconds() if since else 0.0
        reach.append(Observation(subject, silent_s if tried else None, _silent_words(tried)))
        age = collection_age_periods(router, now)
        fresh.append(Observation(subject, age, _stale_words(router)))
    rules.evaluate(Metric.ROUTER_UNREACHABLE_S, reach, at=now)
    rules.evaluate(Metric.ROUTER_COLLECTION_AGE_PERIODS, fresh, at=now)


def subject_of(router: Router) -> Subject:
    """The router as monitoring names it."""
    return Subject("routers.router", router.pk, router.name, router.tenant_id)


def _apply(each: Checked, row: RouterCheck | None, now: datetime) -> RouterCheck:
    state = State.UNKNOWN if each.ok is None else State.OK if each.ok else State.FAILED
    if row is None:
        row = RouterCheck(router=each.router, method=each.method, since=now, state=state)
        _log(each, state)
    elif row.state != state or _is_there(row.error_kind) != _is_there(each.error_kind):
        row.state, row.since = state, now
        _log(each, state)
    row.checked_at = row.updated_at = now
    row.last_ok_at = now if each.ok else row.last_ok_at
    row.took_ms, row.detail = each.took_ms, each.detail[:200]
    row.error_kind, row.error = each.error_kind[:12], each.error[:250]
    return row


def _is_there(error_kind: str) -> bool:
    """Who refuses or talks nonsense is there: to fall silent is another failure, since then."""
    return error_kind in {"refused", "nonsense"}


def _log(each: Checked, state: str) -> None:
    if state == State.FAILED:
        logger.warning("%s: %s: %s", each.router.name, each.method, each.error)
    else:
        logger.info("%s: %s: %s", each.router.name, each.method, state)


def _checks_of(routers: Sequence[Router]) -> dict[int, list[RouterCheck]]:
    found: dict[int, list[RouterCheck]] = {}
    for row in RouterCheck.objects.filter(router__in=routers):
        found.setdefault(row.router_id, []).append(row)
    return found


def _silent_words(checks: Sequence[RouterCheck]) -> Says:
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


def _stale_words(router: Router) -> Says:
    def says(_level: Level) -> str:
        if router.read_at is None:
            return "Nothing was ever collected"
        at = router.read_at.astimezone(clock.isp_zone())
        return f"Collection stale: last reading {at:%H:%M:%S}"

    return says
