"""From finished interface buckets to resellers' usage, its roll-ups, and the rules on it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from ispcore.base import clock, units
from ispcore.base.timeseries import store
from ispcore.base.timeseries.buckets import BUCKET_MS, Bucket
from ispcore.live.publish import publish
from monitoring.models import Metric
from monitoring.operations import rules
from monitoring.operations.alerts import Subject
from monitoring.operations.rules import Observation
from monitoring.thresholds import Level
from resellers import queries
from resellers.models import Mapping, Reseller, Usage, UsageDaily, UsageHourly
from routers.hooks import Collected, FinishedBucket
from routers.operations.storing import usage_row

COLUMNS = (
    "mapping_id", "bucket", "in_octets", "out_octets", "in_bps", "out_bps", "covered_s",
    "quality", "source",
)  # fmt: skip
SUMS = ("in_octets", "out_octets", "covered_s", "samples")
MAXIMA = ("in_bps_max", "out_bps_max")


def record(collected: Collected) -> None:
    """Write the usage of every mapped interface that has a finished bucket.

    Runs inside the transaction of the collection, so that a bucket is stored with the reading
    that finished it, or not at all.
    """
    if not collected.buckets:
        return
    mappings = _mappings(collected.buckets)
    owned = [(_owner(each, mappings[each.interface_id]), each) for each in collected.buckets]
    insert([usage_row(mapping.pk, each) for mapping, each in owned if mapping])


def insert(rows: Sequence[tuple[Any, ...]]) -> int:
    """Store usage rows (columns as COLUMNS) that are new, and add them to the roll-ups."""
    new = store.insert(Usage, COLUMNS, rows)
    seen = [row for row in new if row[4] is not None]
    _roll_up(UsageHourly, "hour", _hour, seen)
    _roll_up(UsageDaily, "day", _day, seen)
    return len(new)


def announce(collected: Collected) -> None:
    """After the collection is stored: judge the resellers concerned, and tell their pages."""
    touched = Reseller.objects.filter(
        mappings__interface_id__in=collected.rated_interface_ids, mappings__ended_at=None
    ).distinct()
    resellers = list(touched.select_related("tenant", "plan"))
    if resellers:
        evaluate(resellers)
    fuller = {each.interface_id for each in collected.buckets}
    owners = Mapping.objects.filter(interface__in=fuller).values_list("reseller_id", flat=True)
    with transaction.atomic():
        for reseller in resellers:
            publish("reseller", str(reseller.pk))
        for pk in owners.distinct() if fuller else ():
            publish("reseller-usage", str(pk))
        publish("overview")


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


def _mappings(buckets: Sequence[FinishedBucket]) -> dict[int, list[Mapping]]:
    """The mappings of these interfaces that were live in any of the buckets, by interface."""
    oldest = datetime.fromtimestamp(min(b.bucket.start_ms for b in buckets) / 1000, UTC)
    rows = Mapping.objects.filter(
        Q(ended_at=None) | Q(ended_at__gt=oldest),
        interface_id__in={b.interface_id for b in buckets},
    )
    found: dict[int, list[Mapping]] = defaultdict(list)
    for mapping in rows:
        found[mapping.interface_id].append(mapping)
    return found


def _owner(each: FinishedBucket, mappings: Sequence[Mapping]) -> Mapping | None:
    """Whose the bucket is: the mapping's that was live for most of what was seen of it, if any.

    Traffic of before a mapping began is not its reseller's, and what flowed before it ended is,
    also where a late poll brings it afterwards.
    """
    owner = max(mappings, key=lambda mapping: _live_ms(each.bucket, mapping), default=None)
    if owner is None:
        return None
    seen_ms = min(each.bucket.covered_ms or BUCKET_MS, BUCKET_MS)
    return owner if 2 * _live_ms(each.bucket, owner) >= seen_ms else None


def _live_ms(bucket: Bucket, mapping: Mapping) -> int:
    end_ms = bucket.start_ms + BUCKET_MS
    since = max(bucket.start_ms, round(mapping.started_at.timestamp() * 1000))
    until = min(end_ms, round(mapping.ended_at.timestamp() * 1000)) if mapping.ended_at else end_ms
    return max(until - since, 0)


def _hour(at: datetime) -> Any:
    return at.replace(minute=0, second=0, microsecond=0)


def _day(at: datetime) -> Any:
    return clock.isp_date(at)


def _roll_up(model: Any, name: str, cut: Any, rows: Sequence[Sequence[Any]]) -> None:
    """Add rows onto their hour or day; each row is new, so nothing is added twice."""
    sums: dict[tuple[Any, Any], list[int]] = defaultdict(lambda: [0] * 6)
    for mapping_id, bucket, in_octets, out_octets, in_bps, out_bps, covered_s, *_ in rows:
        entry = sums[mapping_id, cut(bucket)]
        entry[0] += in_octets
        entry[1] += out_octets
        entry[2] += covered_s
        entry[3] += 1
        entry[4] = max(entry[4], in_bps)
        entry[5] = max(entry[5], out_bps)
    ordered = [(*key, *values) for key, values in sorted(sums.items())]
    store.add_up(model, ("mapping_id", name), SUMS, MAXIMA, ordered)
