"""Thirty days of usage, from the same curves that the lab's routers go on with."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ispcore.base import clock
from ispcore.base.timeseries import partitions, store
from ispcore.base.timeseries.buckets import BUCKET_S
from ispcore.base.timeseries.quality import Quality
from ispcore.demo.network import DemoVlan
from lab import traffic
from resellers.models import Mapping, Usage, UsageHourly
from resellers.operations import usage
from routers.models import InterfaceUsage
from routers.operations.storing import USAGE_COLUMNS

RESTARTED_ROUTER = "utt-edge-01"
RESTART_AGO, RESTART_FOR = timedelta(hours=31), timedelta(minutes=75)
SPARK = timedelta(hours=7)
GOOD, LOST = int(Quality.DEMO), int(Quality.DEMO | Quality.RESTARTED)


def write(lines: Sequence[tuple[Mapping, DemoVlan]], since: datetime) -> int:
    """Store the usage of every line from `since` to now; returns the number of samples."""
    until = int(clock.now().timestamp()) // BUCKET_S * BUCKET_S
    written = 0
    for model in (Usage, UsageHourly, InterfaceUsage):
        partitions.ensure(model.series, since, clock.now())
    for mapping, vlan in lines:
        rows = list(_rows(mapping.pk, vlan, int(since.timestamp()) // BUCKET_S * BUCKET_S, until))
        written += usage.insert(rows)
        recent = [(mapping.interface_id, *row[1:]) for row in rows if row[1] > clock.now() - SPARK]
        store.insert(InterfaceUsage, USAGE_COLUMNS, recent)
    usage.roll_up()
    return written


def _rows(key: int, vlan: DemoVlan, start: int, end: int) -> Iterator[tuple[Any, ...]]:
    """Rows of usage_5m: in is up (from the reseller), out is down."""
    lost_from = (clock.now() - RESTART_AGO).timestamp()
    lost = (lost_from, lost_from + RESTART_FOR.total_seconds())
    for at in range(start, end, BUCKET_S):
        bucket = datetime.fromtimestamp(at, UTC)
        if vlan.router == RESTARTED_ROUTER and lost[0] <= at < lost[1]:
            yield (key, bucket, None, None, None, None, 0, LOST, "demo")
            continue
        down, up = traffic.octets(vlan.profile, at, at + BUCKET_S)
        yield (
            key,
            bucket,
            up,
            down,
            up * 8 // BUCKET_S,
            down * 8 // BUCKET_S,
            BUCKET_S,
            GOOD,
            "demo",
        )
