"""From finished buckets to a reseller's usage, its roll-ups, and the alerts on it."""

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import override_settings

from ispcore.base import clock
from ispcore.base.timeseries.buckets import Bucket
from ispcore.base.timeseries.quality import Quality
from ispcore.base.timeseries.samples import Samples
from ispcore.live.models import LiveEvent
from monitoring.models import Alert, AlertEvent
from resellers.models import Mapping, Reseller, Usage, UsageDaily, UsageHourly
from resellers.operations import mappings, plans, resellers, usage
from resellers.tasks import evaluate
from routers.hooks import Collected, FinishedBucket
from routers.models import Router
from routers.operations import advance
from tests.harness.environment import VENDOR
from tests.resellers.conftest import BY, NOON, Clock, M, five, mapped, rate, sample, store

Totals = tuple[int, int, int, int, int, int]


def brought(mapping: Mapping, buckets: Sequence[FinishedBucket] = ()) -> Collected:
    """What a collection of the mapping's router brought."""
    return Collected(Samples.of(buckets), frozenset({mapping.router_id}), frozenset())


def finished(mapping: Mapping, at: datetime, octets: int = 300, covered_s: int = 300) -> Collected:
    start_ms = round(at.timestamp() * 1000)
    bucket = Bucket(start_ms, octets, octets * 2, covered_s * 1000)
    return brought(mapping, [advance.finished(mapping.interface_id, bucket, "snmp")])


def stored() -> dict[tuple[int, datetime], int | None]:
    return {(u.mapping_id, u.bucket): u.in_octets for u in Usage.objects.all()}


# ---- whose a bucket is


def test_a_bucket_becomes_usage_of_the_mapping(dhaka: Reseller, router: Router) -> None:
    mapping = mapped(dhaka, router, "vlan-312")
    usage.record(finished(mapping, NOON))
    row = Usage.objects.get()
    assert (row.mapping_id, row.bucket, row.in_octets, row.out_octets) == (
        mapping.pk,
        NOON,
        300,
        600,
    )
    assert (row.in_bps, row.out_bps, row.source, row.reasons) == (8, 16, "snmp", [])


def test_a_gap_is_usage_that_is_unknown_with_its_reason(dhaka: Reseller, router: Router) -> None:
    mapping = mapped(dhaka, router, "vlan-312")
    gap = Bucket(round(NOON.timestamp() * 1000), 0, 0, 0, Quality.RESTARTED)
    usage.record(brought(mapping, [advance.finished(mapping.interface_id, gap, "snmp")]))
    row = Usage.objects.get()
    assert (row.in_octets, row.in_bps, row.covered_s) == (None, None, 0)
    assert row.reasons == ["the router restarted"]
    assert not UsageHourly.objects.exists()


def test_an_interface_that_carries_nobody_leaves_no_usage(dhaka: Reseller, router: Router) -> None:
    mapping = mapped(dhaka, router, "vlan-312")
    usage.record(Collected(Samples.of([]), frozenset(), frozenset()))
    usage.record(
        brought(mapping, [advance.finished(mapping.interface_id + 99, Bucket(0, 1, 1, 1), "snmp")])
    )
    assert stored() == {}


@pytest.mark.parametrize(
    ("started_s", "covered_s", "belongs"),
    [
        (0, 300, True),
        (149, 300, True),  # most of what was seen is after the start
        (151, 300, False),  # most of it is somebody else's
        (200, 100, True),  # and nothing was read before it
        (300, 300, False),
        (-1, 20, True),
    ],
)
def test_a_bucket_in_which_a_mapping_starts_is_its_own_if_most_of_it_is(
    dhaka: Reseller, router: Router, started_s: int, covered_s: int, *, belongs: bool
) -> None:
    mapping = mapped(dhaka, router, "vlan-312", started_at=NOON + timedelta(seconds=started_s))
    usage.record(finished(mapping, NOON, covered_s=covered_s))
    assert bool(stored()) is belongs


def test_a_late_poll_still_counts_for_the_mapping_that_has_ended(
    dhaka: Reseller, router: Router, noon: Clock
) -> None:
    old = mapped(dhaka, router, "vlan-312")
    noon(NOON + timedelta(minutes=12))
    mappings.end(old, by=BY)
    other = resellers.create("Chattogram Net", by=BY)
    new = mappings.add(other, interface=old.interface, by=BY)
    for slot in range(4):
        usage.record(finished(old, NOON + five(slot)))
    assert {(pk, at) for pk, at in stored()} == {
        (old.pk, NOON),
        (old.pk, NOON + five(1)),
        (new.pk, NOON + five(2)),  # 12:10 to 12:15: two minutes his, three the other's
        (new.pk, NOON + five(3)),
    }


# ---- once, and summed up


def fresh_rollups(cut: Any) -> dict[tuple[int, Any], Totals]:
    """What the roll-ups should be, from usage_5m alone."""
    sums: dict[tuple[int, Any], list[int]] = defaultdict(lambda: [0] * 6)
    for u in Usage.objects.exclude(in_bps=None):
        into = sums[u.mapping_id, cut(u.bucket)]
        values = (u.in_octets, u.out_octets, u.covered_s, 1)
        into[:4] = [have + (new or 0) for have, new in zip(into, values, strict=False)]
        into[4:] = [max(into[4], u.in_bps or 0), max(into[5], u.out_bps or 0)]
    return {key: tuple(values) for key, values in sums.items()}  # type: ignore[misc]


def stored_rollups(model: Any, name: str) -> dict[tuple[int, Any], Totals]:
    columns = ("in_octets", "out_octets", "covered_s", "samples", "in_bps_max", "out_bps_max")
    rows = model.objects.values_list("mapping_id", name, *columns)
    return {(pk, at): tuple(values) for pk, at, *values in rows}


def hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Dhaka", "Africa/Cairo", "Asia/Kolkata"])
def test_rollups_equal_a_fresh_sum_after_random_batches_with_duplicates(
    dhaka: Reseller, router: Router, zone: str
) -> None:
    """Three days around the night on which Egypt's clocks go forward, and back."""
    chance = random.Random(7)
    lines = [mapped(dhaka, router, f"vlan-{n}", days=400) for n in range(3)]
    with override_settings(TIME_ZONE=zone):
        for first in (
            datetime(2026, 4, 22, 12, tzinfo=UTC),
            datetime(2026, 10, 28, 12, tzinfo=UTC),
        ):
            rows = [
                sample(line, first + five(slot), chance.randrange(10**9), chance.randrange(10**9))
                if chance.random() > 0.05
                else sample(line, first + five(slot), None, None, covered_s=0, quality=4)
                for slot in range(3 * 288)
                for line in lines
            ]
            chance.shuffle(rows)
            while rows:
                size = chance.randrange(1, 400)
                batch, rows = rows[:size], rows[size:]
                batch += chance.sample(batch, len(batch) // 4)  # twice in one batch
                store(batch)
                store(batch[: len(batch) // 2])  # and once more
        assert stored_rollups(UsageHourly, "hour") == fresh_rollups(hour)
        assert stored_rollups(UsageDaily, "day") == fresh_rollups(clock.isp_date)


def test_a_day_of_cairo_has_23_or_25_hours_of_samples(dhaka: Reseller, router: Router) -> None:
    line = mapped(dhaka, router, "vlan-312", days=400)
    with override_settings(TIME_ZONE="Africa/Cairo"):
        for day in (date(2026, 4, 24), date(2026, 10, 29)):
            start = clock.day_start(day - timedelta(days=1))
            store([sample(line, start + five(slot), 8, 8) for slot in range(3 * 288)])
        samples = {row.day: row.samples for row in UsageDaily.objects.all()}
    assert samples[date(2026, 4, 24)] == 23 * 12
    assert samples[date(2026, 10, 29)] == 25 * 12


def test_storing_the_same_rows_again_changes_nothing(dhaka: Reseller, router: Router) -> None:
    line = mapped(dhaka, router, "vlan-312")
    rows = [sample(line, NOON + five(slot), 80, 160) for slot in range(12)]
    assert (store(rows), store(rows), store([])) == (12, 0, 0)
    assert UsageHourly.objects.get().samples == UsageDaily.objects.get().samples == 12


# ---- alerts


@pytest.fixture
def over(dhaka: Reseller, router: Router, noon: Clock) -> Mapping:
    """Twelve minutes at 180 of 200 Mbps: an alert is open."""
    mapping = mapped(dhaka, router, "vlan-312")
    for minutes in (0, 12):
        at = NOON + timedelta(minutes=minutes)
        noon(at)
        rate(mapping, in_bps=1 * M, out_bps=180 * M, at=at)
        usage.evaluate([reload(dhaka)])
    return mapping


def reload(reseller: Reseller) -> Reseller:
    return Reseller.objects.select_related("tenant", "plan").get(pk=reseller.pk)


def ended_with() -> str:
    return AlertEvent.objects.get(kind="resolved").text


def test_use_above_the_warning_for_ten_minutes_alerts(over: Mapping) -> None:
    alert = Alert.objects.get()
    assert (alert.severity, alert.state, alert.tenant_id) == (
        "medium",
        "open",
        over.reseller.tenant_id,
    )
    assert alert.summary.replace("\u00a0", " ") == "180 Mbps of 200 Mbps · 90 %"
    assert alert.impact == "over 80 %"


def test_upload_counts_as_well(dhaka: Reseller, router: Router, noon: Clock) -> None:
    mapping = mapped(dhaka, router, "vlan-312")
    for minutes in (0, 12):
        noon(NOON + timedelta(minutes=minutes))
        rate(mapping, in_bps=110 * M, out_bps=1 * M, at=clock.now())
        usage.evaluate([reload(dhaka)])
    alert = Alert.objects.get()
    assert (alert.severity, alert.impact) == ("critical", "over plan")
    assert alert.summary.replace("\u00a0", " ") == "110 Mbps up of 100 Mbps · 110 %"


def test_a_resellers_own_thresholds_decide(dhaka: Reseller, router: Router, noon: Clock) -> None:
    dhaka.warning_percent, dhaka.critical_percent = 95, 120
    resellers.save(dhaka, by=BY)
    mapping = mapped(dhaka, router, "vlan-312")
    for minutes in (0, 12):
        noon(NOON + timedelta(minutes=minutes))
        rate(mapping, in_bps=0, out_bps=180 * M, at=clock.now())
        usage.evaluate([reload(dhaka)])
    assert not Alert.objects.exists()


def test_a_rate_that_got_old_changes_nothing(over: Mapping, noon: Clock) -> None:
    noon(NOON + timedelta(hours=3))
    assert "1 resellers judged" in evaluate()
    assert Alert.objects.get().state == "open"


def test_an_alert_ends_when_the_plan_is_taken_away(over: Mapping) -> None:
    plans.change(over.reseller, plan=None, by=BY)
    usage.evaluate([reload(over.reseller)])
    assert ended_with() == "The reseller has no plan any more"


def test_an_alert_ends_when_the_reseller_is_suspended(over: Mapping) -> None:
    over.reseller.status = "suspended"
    resellers.save(over.reseller, by=BY)
    usage.evaluate([reload(over.reseller)])
    assert ended_with() == "The reseller is suspended now"


def test_an_alert_ends_with_the_last_mapping(over: Mapping) -> None:
    mappings.end(over, by=BY)
    usage.evaluate([reload(over.reseller)])
    assert ended_with() == "No interface is mapped to the reseller any more"


@pytest.mark.skipif(VENDOR == "postgresql", reason="PostgreSQL keeps no table of events")
def test_pages_are_told_of_usage_only_when_a_bucket_was_finished(
    dhaka: Reseller, router: Router
) -> None:
    """Chart and percentile are made of a month of samples: not for every reading."""
    mapping = mapped(dhaka, router, "vlan-312")
    LiveEvent.objects.all().delete()
    usage.announce(brought(mapping))
    key = str(dhaka.pk)
    assert _told() == {("reseller", key), ("overview", "")}
    usage.announce(finished(mapping, NOON))
    assert ("reseller-usage", key) in _told()


def _told() -> set[tuple[str, str]]:
    return set(LiveEvent.objects.values_list("topic", "key"))


def test_what_was_collected_is_judged_and_announced(over: Mapping, noon: Clock) -> None:
    at = NOON + timedelta(minutes=20)
    noon(at)
    rate(over, in_bps=0, out_bps=250 * M, at=at)
    usage.announce(brought(over))
    noon(at + timedelta(minutes=10))
    rate(over, in_bps=0, out_bps=250 * M, at=clock.now())
    usage.announce(brought(over))
    assert Alert.objects.get().severity == "critical"
    usage.announce(Collected(Samples.of([]), frozenset(), frozenset()))
