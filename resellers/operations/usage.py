"""From finished interface buckets to resellers' usage, its roll-ups, and the rules on it."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Q

from ispcore.base import units
from ispcore.base.timeseries import rollups, store
from ispcore.base.timeseries.buckets import BUCKET_S
from ispcore.live.publish import publish, publish_each
from monitoring.models import Metric
from monitoring.operations import rules
from monitoring.operations.alerts import Subject
from monitoring.operations.rules import Observation
from monitoring.thresholds import Level
from resellers import queries
from resellers.models import Mapping, Reseller, Usage, UsageDaily, UsageHourly
from routers.hooks import Collected, FinishedBucket

COLUMNS = (
    "mapping_id", "bucket", "in_octets", "out_octets", "in_bps", "out_bps", "covered_s",
    "quality", "source",
)  # fmt: skip
ROLLUP = rollups.Rollup(Usage, UsageHourly, UsageDaily, "mapping_id")
logger = logging.getLogger(__name__)


def record(collected: Collected) -> None:
    """Write the usage of every mapped interface that has a finished bucket.

    Runs inside the transaction of the collection, so that a bucket is stored with the reading
    that finished it, or not at all.
    """
    if collected.buckets:
        new = collected.buckets.under(_owners(collected)).insert(Usage, COLUMNS)
        rollups.mark(Usage, new)


def insert(rows: Sequence[tuple[Any, ...]]) -> int:
    """Store usage rows (columns as COLUMNS) that are new, and mark their hours for `roll_up`.

    Returns how many were new.
    """
    with transaction.atomic():
        new = store.insert(Usage, COLUMNS, rows)
        rollups.mark(Usage, (row[1] for row in new))
    return len(new)


def roll_up() -> int:
    """Bring hourly and daily usage up to date with what was stored; returns the hours computed.

    Not in the transaction that stores: 50,000 lines take a second, and nobody's reading waits.
    """
    return rollups.roll_up(ROLLUP)


def recut_days(first: date, last: date) -> int:
    """Cut daily usage anew after the ISP's zone was changed; returns how many days it could."""
    return rollups.recut(ROLLUP, first, last)


def _roll_up_now() -> None:
    """What cannot be summed up now is by the job, and does not stop what comes after us."""
    try:
        roll_up()
    except DatabaseError as error:
        logger.warning("usage: roll-up put off to its job: %s", error)


def announce(collected: Collected) -> None:
    """After the collection is stored: judge the resellers concerned, and tell their pages."""
    carried = Mapping.objects.filter(ended_at=None, router_id__in=collected.router_ids)
    touched = Reseller.objects.filter(pk__in=carried.values("reseller_id"))
    resellers = list(touched.select_related("tenant", "plan"))
    if resellers:
        evaluate(resellers)
    with transaction.atomic():
        publish_each("reseller", (str(reseller.pk) for reseller in resellers))
        publish("overview")
    if collected.buckets:
        _roll_up_now()
        with transaction.atomic():
            publish_each("reseller-usage", (str(reseller.pk) for reseller in resellers))


def evaluate(resellers: Sequence[Reseller]) -> None:
    """Judge the present use of each reseller's plan by the rules."""
    now_used = queries.current(resellers)
    seen = [_observation(reseller, now_used[reseller.pk]) for reseller in resellers]
    rules.evaluate(Metric.RESELLER_UTILISATION_PERCENT, seen)


def _observation(reseller: Reseller, current: "queries.Current") -> Observation:
    return Observation(
        Subject("resellers.reseller", reseller.pk, reseller.name, reseller.tenant_id),
        current.percent,
        says=lambda _level: _words(current),
        impact=lambda level: (
            "over plan" if level == Level.CRITICAL else f"over {reseller.warning_percent} %"
        ),
        warning=reseller.warning_percent,
        critical=reseller.critical_percent,
        void=_void(reseller, current),
    )


def _void(reseller: Reseller, current: "queries.Current") -> str:
    """Why the use of its plan cannot be judged at all; empty where it can."""
    if reseller.status != Reseller.Status.ACTIVE:
        return f"The reseller is {reseller.get_status_display().lower()} now"
    if reseller.plan is None:
        return "The reseller has no plan any more"
    return "" if current.total else "No interface is mapped to the reseller any more"


def _words(current: "queries.Current") -> str:
    used, plan, word = (
        (current.down_bps, current.plan_down_bps, "")
        if (current.down_percent or 0) >= (current.up_percent or 0)
        else (current.up_bps, current.plan_up_bps, " up")
    )
    percent = units.format_percent(current.percent)
    return f"{units.format_bps(used)}{word} of {units.format_bps(plan)} · {percent}"


def _owners(collected: Collected) -> list[int]:
    """Whose each bucket is: the primary key of its mapping, 0 where nobody's."""
    buckets = collected.buckets
    oldest = min(buckets.instants)
    mappings = Mapping.objects.filter(router_id__in=collected.router_ids)
    lasting = mappings.filter(ended_at=None, started_at__lte=oldest)
    settled = dict(lasting.values_list("interface_id", "pk"))
    moving: dict[int, list[Mapping]] = defaultdict(list)
    for mapping in mappings.filter(
        Q(ended_at__gt=oldest) | Q(ended_at=None, started_at__gt=oldest)
    ).order_by("pk"):
        moving[mapping.interface_id].append(mapping)
    owners = [settled.get(key, 0) for key in buckets.keys]
    for n, key in enumerate(buckets.keys) if moving else ():
        if not owners[n] and key in moving:
            owners[n] = _owner(FinishedBucket(*buckets[n]), moving[key]) or 0
    return owners


def _owner(each: FinishedBucket, mappings: Sequence[Mapping]) -> int | None:
    """The mapping that was live for most of what was seen of the bucket, if any.

    Traffic of before a mapping began is not its reseller's, and what flowed before it ended is,
    also where a late poll brings it afterwards.
    """
    owner = max(mappings, key=lambda mapping: _live_s(each, mapping))
    return owner.pk if 2 * _live_s(each, owner) >= (each.covered_s or BUCKET_S) else None


def _live_s(each: FinishedBucket, mapping: Mapping) -> float:
    end = each.bucket + timedelta(seconds=BUCKET_S)
    since = max(each.bucket, mapping.started_at)
    until = min(end, mapping.ended_at) if mapping.ended_at else end
    return max((until - since).total_seconds(), 0.0)
