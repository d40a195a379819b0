"""From finished interface buckets to resellers' usage, its roll-ups, and the rules on it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from ispcore.base import clock, units
from ispcore.base.timeseries import store
from ispcore.live.publish import publish
from monitoring.models import Metric
from monitoring.operations import rules
from monitoring.operations.rules import Observation, Subject
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
    mappings = _live_mappings({each.interface_id for each in collected.buckets})
    rows = [
        usage_row(mapping.pk, each)
        for each in collected.buckets
        if (mapping := mappings.get(each.interface_id)) and _belongs(each, mapping)
    ]
    insert(rows)


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
    for reseller in resellers:
        publish("reseller", str(reseller.pk))
    publish("overview")


def evaluate(resellers: Sequence[Reseller]) -> None:
    """Judge the present use of each reseller's plan by the rules."""
    now_used = queries.current(resellers)
    seen = [_observation(reseller, now_used[reseller.pk]) for reseller in resellers]
    rules.evaluate(Metric.RESELLER_UTILISATION_PERCENT, seen)


def _observation(reseller: Reseller, current: "queries.Current") -> Observation:
    active = reseller.status == Reseller.Status.ACTIVE
    return Observation(
        Subject("resellers.reseller", reseller.pk, reseller.name, reseller.tenant_id),
        current.percent if active else None,
        says=lambda _level: _words(current),
        impact=lambda level: (
            "over plan" if level == Level.CRITICAL else f"over {reseller.warning_percent} %"
        ),
        warning=reseller.warning_percent,
        critical=reseller.critical_percent,
    )


def _words(current: "queries.Current") -> str:
    used, plan, word = (
        (current.down_bps, current.plan_down_bps, "")
        if (current.down_percent or 0) >= (current.up_percent or 0)
        else (current.up_bps, current.plan_up_bps, " up")
    )
    percent = units.format_percent(current.percent)
    return f"{units.format_bps(used)}{word} of {units.format_bps(plan)} · {percent}"


def _live_mappings(interface_ids: Iterable[int]) -> dict[int, Mapping]:
    live = Mapping.objects.filter(interface_id__in=list(interface_ids), ended_at=None)
    return {mapping.interface_id: mapping for mapping in live}


def _belongs(each: FinishedBucket, mapping: Mapping) -> bool:
    """Traffic of before the mapping began belongs to nobody, or to whoever had it then."""
    return each.bucket.start_ms + 300_000 > mapping.started_at.timestamp() * 1000


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
