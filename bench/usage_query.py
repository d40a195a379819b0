"""How long questions about a month of usage take, through the portal's own queries.

17 million 5-minute rows: 2,000 VLANs (400 resellers, five each, one of them towards the uplink),
30 days in Asia/Dhaka up to now, written in time order into the partitioned table and rolled up by
the portal's own step. Medians over VLANs and resellers drawn by chance, in one process and warm.

`vlan_24h_ms` the last 24 h of one VLAN as points; `chart_ms` the chart of a VLAN's month, below
2,000 points with gaps and peak; `chart_reseller_ms` the same of a reseller's five VLANs;
`top20_ms` the 20 resellers with most octets in the month; `p95_all_s` every reseller's exact 95th
percentile of the month. `..._raw_...` is the same rows by a plain SELECT of the driver, and
`scan_raw_s` what it takes the server to read and add up the month at all.
"""

import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import emit

VLANS, PER_RESELLER, DRAWN = 2_000, 5, 40
ZONE = "Asia/Dhaka"
START = datetime(2026, 5, 31, 18, tzinfo=UTC)  # 1 June in Dhaka
LAST = START + timedelta(days=30, minutes=-10)  # the newest finished bucket
NOW = LAST + timedelta(minutes=7)
SERVER = {
    "shared_buffers": "1GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "effective_cache_size": "4GB",
    "random_page_cost": "1.1",
    "max_wal_size": "4GB",
    "autovacuum": "on",
}
# a curve per VLAN over the day with noise, in whole bit/s
LOAD = """
    INSERT INTO usage_5m (mapping_id, bucket, in_octets, out_octets, in_bps, out_bps, covered_s,
                          quality, source)
    SELECT m.id, at, up * 300 / 8, down * 300 / 8, up, down, 300, 0, 'snmp'
    FROM generate_series(%s::timestamptz, %s::timestamptz, '5 min') AS at,
         LATERAL (SELECT extract(epoch FROM at)::bigint / 300 AS slot) AS s,
         LATERAL (SELECT (1 - cos(2 * pi() * (slot + 72) / 288)) AS shape) AS c,
         (SELECT id FROM reseller_router_mapping ORDER BY id) AS m,
         LATERAL (SELECT (shape * 1e6 * (m.id %% 97 + 3))::bigint
                         + slot * 7919 * m.id %% 900001 AS down) AS d,
         LATERAL (SELECT down / 6 + slot * 31 * m.id %% 100003 AS up) AS u
"""
SCAN = "SELECT sum(in_bps), sum(out_bps) FROM usage_5m WHERE bucket >= %s AND bucket <= %s"


def main() -> None:
    from tests.harness import databases

    server = databases.PostgreSQL(**SERVER)
    server.start()
    try:
        os.environ |= {
            "DATABASE_URL": server.create("bench"),
            "SECRET_KEY": "bench",
            "FIELD_ENCRYPTION_KEYS": "A" * 43 + "=",
            "ISPCORE_TIME_ZONE": ZONE,
            "DJANGO_SETTINGS_MODULE": "ispcore.settings",
        }
        import django

        django.setup()
        from ispcore.base import clock

        with clock.frozen(NOW):
            emit("usage_query", _prepare() | _measure())
    finally:
        server.stop()


def _prepare() -> dict[str, float]:
    from django.core.management import call_command
    from django.db import connection

    from bench.fleet import mapped_interfaces
    from ispcore.base.timeseries import partitions, rollups
    from resellers.models import Mapping, Usage, UsageHourly
    from resellers.operations import usage

    call_command("migrate", verbosity=0)
    keys = mapped_interfaces(VLANS, per_reseller=PER_RESELLER, started_at=START)
    Mapping.objects.filter(pk__in=keys[::PER_RESELLER]).update(side=Mapping.Side.UPLINK)
    for model in (Usage, UsageHourly):
        partitions.ensure(model.series, START, NOW)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        load_s = _timed(lambda: cursor.execute(LOAD, [START, LAST]))
        rows = cursor.rowcount
    _say(f"{rows} rows in {load_s:.0f} s")
    hours = int((NOW - START) / timedelta(hours=1)) + 1
    rollups.mark(Usage, (START + timedelta(hours=n) for n in range(hours)))
    rollup_s = _timed(usage.roll_up)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    _say(f"{hours} hours rolled up in {rollup_s:.0f} s")
    return {
        "load_rows": rows,
        "load_s": round(load_s, 1),
        "rollup_ms_per_hour": round(1000 * rollup_s / hours, 1),
    }


def _measure() -> dict[str, float]:
    from django.db import connection

    from ispcore.base import clock
    from resellers import usage_queries
    from resellers.models import Mapping, Reseller

    chance = random.Random(7)  # noqa: S311 - the same draw each time
    mappings = chance.sample(list(Mapping.objects.all()), DRAWN)
    resellers = chance.sample(list(Reseller.objects.all()), DRAWN)
    day, month = NOW - timedelta(days=1), clock.month_start(clock.isp_date(NOW))

    def points(mapping: Mapping) -> None:
        assert len(usage_queries.points([mapping], day, NOW)) == 288  # noqa: S101

    def chart(mappings: Sequence[Mapping]) -> None:
        shown = usage_queries.chart(mappings, month, NOW)
        assert 1_700 < len(shown.points) <= 2_000  # noqa: S101

    def chart_reseller(reseller: Reseller) -> None:
        chart(list(Mapping.objects.filter(reseller=reseller)))

    def raw(key: int, since: datetime) -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT bucket, in_bps, out_bps FROM usage_5m "
                "WHERE mapping_id = %s AND bucket >= %s AND bucket < %s ORDER BY bucket",
                [key, since, NOW],
            )
            return len(cursor.fetchall())

    def scan(_: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(SCAN, [START, NOW])
            cursor.fetchall()

    def top(_: int) -> None:
        assert len(usage_queries.top(20, month, NOW)) == 20  # noqa: S101

    def percentiles(_: int) -> None:
        found = usage_queries.percentiles(month, NOW)
        assert len(found) == VLANS // PER_RESELLER  # noqa: S101
        assert {p.received for p in found.values()} == {30 * 288 - 1}  # noqa: S101

    return {
        "vlan_24h_ms": _median_ms(points, mappings),
        "vlan_24h_raw_ms": _median_ms(lambda m: raw(m.pk, day), mappings),
        "chart_ms": _median_ms(lambda m: chart([m]), mappings),
        "chart_raw_ms": _median_ms(lambda m: raw(m.pk, month), mappings),
        "chart_reseller_ms": _median_ms(chart_reseller, resellers),
        "top20_ms": _median_ms(top, range(10)),
        "p95_all_s": round(_median_ms(percentiles, range(2)) / 1000, 2),
        "scan_raw_s": round(_median_ms(scan, range(2)) / 1000, 2),
    }


def _median_ms(ask: Callable[[Any], object], about: Sequence[Any]) -> float:
    """The median, each asked twice and the second time counted."""
    took = []
    for each in about:
        ask(each)
        took.append(1000 * _timed(lambda each=each: ask(each)))
    return round(statistics.median(took), 1)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
