"""Our own uplink: whether routers that do not answer are gone, or we see nobody ourselves."""

import ipaddress
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from ispcore.base import clock
from ispcore.protocols import icmp, routes
from ispcore.protocols.icmp import PingResult
from monitoring.models import Metric
from monitoring.operations import rules
from monitoring.operations.alerts import Subject
from monitoring.operations.rules import Observation
from routers.models import Router, Uplink

logger = logging.getLogger(__name__)
LEAST_ROUTERS = 3  # one or two that are silent may well be down both


def anchors(routers: Sequence[Router]) -> list[str]:
    """What to ping beside these routers, to tell their silence from our own: what the settings name,
    else the default gateways towards them (there is none towards this machine itself)."""
    if settings.UPLINK_PROBES:
        return list(settings.UPLINK_PROBES)
    targets = [ipaddress.ip_address(router.address) for router in routers]
    versions = {target.version for target in targets if not target.is_loopback}
    hops = routes.default_gateways() if versions else []
    return [hop for hop in hops if ipaddress.ip_address(hop).version in versions]


def why_gone(
    routers: Sequence[Router],
    echoes: Mapping[int, PingResult],
    beside: Mapping[str, PingResult],
) -> str:
    """Why our own uplink must be gone, in words; empty where it is not.

    `echoes` are those of `routers`, by primary key, `beside` those of the anchors, of the same
    seconds. Probes that the settings name decide alone. Without them it takes three routers of
    which none answers, and that nothing can leave this machine or no default gateway answers.
    """
    named = ", ".join(beside)
    if any(_answers(result) for result in beside.values()):
        return ""
    if settings.UPLINK_PROBES:
        return f"{named} {'does' if len(beside) == 1 else 'do'} not answer"
    if len(routers) < LEAST_ROUTERS or any(_answers(echoes[r.pk]) for r in routers):
        return ""
    if not any(routes.has_route(router.address) for router in routers):
        return "no route to any router"
    return f"no router answers, nor does the default gateway {named}" if beside else ""


def note(why: str) -> None:
    """This host's uplink is gone, and why; or it is there, where `why` is empty."""
    now = clock.now()
    with transaction.atomic():
        rows = Uplink.objects.select_for_update().filter(node=settings.NODE)
        row = rows.first() or Uplink(node=settings.NODE)
        if not why and row.gone_since is None:
            return
        _log(row, why)
        row.returned_at = row.returned_at if why else now
        row.gone_since = (row.gone_since or now) if why else None
        row.checked_at, row.words = now, why[:200]
        row.save()
    _judge(row, now)


def subject_of(row: Uplink) -> Subject:
    """What alerts of a host's uplink are about."""
    return Subject("routers.uplink", row.pk, f"Uplink of {row.node}")


def _judge(row: Uplink, now: datetime) -> None:
    gone_s = (now - row.gone_since).total_seconds() if row.gone_since else None
    seen = Observation(
        subject_of(row),
        0.0 if gone_s is None else max(gone_s, 1.0),
        says=lambda _level: f"Our own uplink is gone: {row.words}",
        impact=lambda _level: "routers that do not answer are unknown, not down",
    )
    rules.evaluate(Metric.UPLINK_GONE_S, [seen], at=now)


def _answers(result: PingResult) -> bool:
    """Somebody is there, even if only to refuse a connection."""
    return bool(result.alive) or result.error == icmp.REFUSED


def _log(row: Uplink, why: str) -> None:
    if why and row.gone_since is None:
        logger.warning("%s: our own uplink is gone: %s", row.node, why)
    elif not why:
        logger.info("%s: our own uplink is back", row.node)
