"""What a reseller uses: now, over time, and as it is billed."""

import time
from datetime import date, datetime, timedelta

import pytest
from django.test import override_settings

from ispcore.base import clock
from ispcore.base.timeseries.quality import Quality
from resellers import queries
from resellers.models import Mapping, Plan, Reseller
from resellers.operations import resellers
from resellers.usage_queries import daily_peaks, five_minutes, percentile, series
from routers.models import Router
from tests.resellers.conftest import BY, NOON, Clock, M, five, mapped, rate, sample, store

Lines = tuple[Mapping, Mapping]


@pytest.fixture
def lines(dhaka: Reseller, router: Router) -> Lines:
    """One VLAN that faces the reseller, and one port that faces the uplink."""
    return (
        mapped(dhaka, router, "vlan-312"),
        mapped(dhaka, router, "uplink-313", side=Mapping.Side.UPLINK),
    )


def an_hour(lines: Lines, start: datetime = NOON - timedelta(hours=1)) -> None:
    """(in, out) of 10 and 100 on the one, 7 and 1 on the other: down 107, up 11."""
    facing, uplink = lines
    rows = [sample(facing, start + five(slot), 10, 100) for slot in range(12)]
    rows += [sample(uplink, start + five(slot), 7, 1) for slot in range(12)]
    store(rows)


# ---- now


def current(reseller: Reseller) -> queries.Current:
    row = Reseller.objects.select_related("plan").get(pk=reseller.pk)
    return queries.current([row])[row.pk]


def test_now_is_the_sum_seen_from_the_resellers_side(dhaka: Reseller, lines: Lines) -> None:
    rate(lines[0], in_bps=10 * M, out_bps=100 * M)
    rate(lines[1], in_bps=50 * M, out_bps=5 * M, at=NOON - timedelta(minutes=1))
    found = current(dhaka)
    assert (found.down_bps, found.up_bps) == (150 * M, 15 * M)
    assert (found.down_percent, found.up_percent, found.percent) == (75, 15, 75)
    assert (found.known, found.total, found.at) == (2, 2, NOON - timedelta(minutes=1))


def test_now_is_unknown_while_one_mapping_is(dhaka: Reseller, lines: Lines) -> None:
    rate(lines[0], in_bps=10 * M, out_bps=100 * M)
    rate(lines[1], in_bps=1, out_bps=1, at=NOON - timedelta(minutes=20))
    found = current(dhaka)
    assert (found.down_bps, found.percent, found.known, found.total) == (None, None, 1, 2)


def test_now_without_a_plan_or_mapping_has_no_percent(noon: Clock, db: None) -> None:
    found = current(resellers.create("Bare Net", by=BY))
    assert (found.down_bps, found.percent, found.total, found.plan_down_bps) == (
        None,
        None,
        0,
        None,
    )


def test_a_routers_page_learns_who_is_behind_an_interface(dhaka: Reseller, lines: Lines) -> None:
    behind = queries.carried_by([lines[0].interface_id, 999])
    assert list(behind) == [lines[0].interface_id]
    carried = behind[lines[0].interface_id]
    assert (carried.name, carried.capacity_bps) == ("Dhaka Fibre", 200 * M)


# ---- over time


def test_points_are_sums_over_the_mappings(dhaka: Reseller, lines: Lines) -> None:
    an_hour(lines)
    points = five_minutes(dhaka, NOON - timedelta(hours=1), NOON)
    assert len(points) == 12
    assert {(p.down_bps, p.up_bps, p.missing) for p in points} == {(107, 11, 0)}
    assert points[0].at == NOON - timedelta(hours=1)


def test_a_point_with_a_mapping_missing_is_not_received(dhaka: Reseller, lines: Lines) -> None:
    an_hour(lines, NOON - timedelta(hours=2))
    at = NOON - timedelta(hours=1)
    store([sample(lines[0], at, 10, 100)])
    point = five_minutes(dhaka, at, at + five(1))[0]
    assert (point.down_bps, point.up_bps, point.missing) == (None, None, 1)


@pytest.mark.parametrize(("covered_s", "received"), [(150, True), (149, False)])
def test_a_sample_counts_from_half_of_its_time(
    dhaka: Reseller, lines: Lines, covered_s: int, *, received: bool
) -> None:
    at = NOON - timedelta(hours=1)
    store([sample(line, at, 8, 8, covered_s=covered_s) for line in lines])
    assert (five_minutes(dhaka, at, at + five(1))[0].down_bps is not None) is received


def test_the_newest_buckets_are_not_missing_before_they_are_due(
    dhaka: Reseller, lines: Lines, noon: Clock
) -> None:
    an_hour(lines)
    noon(NOON + five(2))
    with override_settings(COLLECT_PERIOD_S=300):
        assert len(five_minutes(dhaka, NOON - timedelta(hours=1), NOON + five(9))) == 12
    noon(NOON + five(4))
    points = five_minutes(dhaka, NOON - timedelta(hours=1), NOON + five(9))
    assert [p.missing for p in points[12:]] == [2, 2]


def test_a_mapping_counts_from_its_first_whole_bucket_to_its_last(
    dhaka: Reseller, router: Router, noon: Clock
) -> None:
    start = NOON - timedelta(hours=1)
    first = mapped(dhaka, router, "vlan-1", days=1)
    second = mapped(dhaka, router, "vlan-2", started_at=start + timedelta(minutes=7))
    rows = [sample(first, start + five(slot), 1, 10) for slot in range(12)]
    rows += [sample(second, start + five(slot), 2, 100) for slot in range(1, 12)]
    store(rows)
    Mapping.objects.filter(pk=second.pk).update(ended_at=start + timedelta(minutes=33))
    points = five_minutes(dhaka, start, NOON)
    assert [p.down_bps for p in points] == [10, 10, 110, 110, 110, 110] + [10] * 6


def test_time_before_the_first_mapping_is_not_missing(dhaka: Reseller, router: Router) -> None:
    line = mapped(dhaka, router, "vlan-1", started_at=NOON - timedelta(minutes=30))
    store([sample(line, NOON - timedelta(minutes=30) + five(slot), 1, 1) for slot in range(6)])
    assert len(five_minutes(dhaka, NOON - timedelta(days=1), NOON)) == 6
    assert five_minutes(dhaka, NOON - timedelta(days=9), NOON - timedelta(days=8)) == []


def test_one_resellers_usage_is_not_anothers(dhaka: Reseller, lines: Lines, plan: Plan) -> None:
    an_hour(lines)
    other = resellers.create("Chattogram Net", plan=plan, by=BY)
    assert five_minutes(other, NOON - timedelta(hours=1), NOON) == []


def test_gaps_have_a_start_an_end_and_the_worst_reason(dhaka: Reseller, router: Router) -> None:
    line = mapped(dhaka, router, "vlan-1")
    start = NOON - timedelta(hours=1)
    rows = [sample(line, start + five(slot), 1, 1) for slot in (0, 1, 4, 5)]
    rows += [
        sample(line, start + five(slot), None, None, covered_s=0, quality=int(flags))
        for slot, flags in ((2, Quality.PARTIAL), (3, Quality.RESTARTED | Quality.PARTIAL))
    ]
    store(rows)
    found = series(dhaka, start, NOON)
    assert [(g.start, g.end, g.reason) for g in found.gaps] == [
        (start + five(2), start + five(4), "the router restarted"),
        (start + five(6), NOON - five(2), "no reading"),  # the last two are not due yet
    ]


def test_a_sample_of_which_a_part_was_discarded_is_told_with_the_reason(
    dhaka: Reseller, router: Router
) -> None:
    line = mapped(dhaka, router, "vlan-1")
    start = NOON - timedelta(minutes=30)
    rows = [sample(line, start + five(slot), 1, 1) for slot in (0, 1, 3, 4, 5)]
    flags = int(Quality.RESTARTED | Quality.PARTIAL)
    rows.append(sample(line, start + five(2), 1, 7, covered_s=240, quality=flags))
    store(rows)
    found = series(dhaka, start, NOON)
    assert [(g.start, g.end, g.reason) for g in found.partial] == [
        (start + five(2), start + five(3), "the router restarted")
    ]
    assert found.gaps == []
    assert found.points[2].down_bps == 7


def test_a_long_series_is_thinned_to_means_and_keeps_its_peak(
    dhaka: Reseller, router: Router
) -> None:
    line = mapped(dhaka, router, "vlan-1")
    start = NOON - timedelta(days=10)
    rows = [sample(line, start + five(slot), 1, 100) for slot in range(2_880)]
    rows[1_000] = sample(line, start + five(1_000), 1, 900)
    rows[10] = sample(line, start + five(10), None, None, covered_s=0, quality=4)
    rows[11] = sample(line, start + five(11), None, None, covered_s=0, quality=4)
    store(rows)
    found = series(dhaka, start, NOON)
    assert (found.step_s, len(found.points)) == (600, 1_440)
    assert found.points[500].down_bps == 500
    assert found.points[5].down_bps is None
    assert found.peak is not None
    assert (found.peak.down_bps, found.peak.at) == (900, start + five(1_000))


def test_daily_peaks_are_cut_in_the_isps_zone(dhaka: Reseller, router: Router) -> None:
    line = mapped(dhaka, router, "vlan-1")
    with override_settings(TIME_ZONE="Asia/Dhaka"):
        midnight = clock.day_start(date(2026, 3, 2))
        store([sample(line, midnight - five(1), 1, 900), sample(line, midnight, 1, 500)])
        store([sample(line, midnight + five(1), 1, 700)])
        peaks = dict(daily_peaks(dhaka, days=3))
    assert list(peaks) == [date(2026, 3, 2), date(2026, 3, 1), date(2026, 2, 28)]
    assert [p and p.down_bps for p in peaks.values()] == [700, 900, None]


# ---- as it is billed


def test_the_percentile_takes_each_direction_for_itself_and_bills_the_larger(
    dhaka: Reseller, router: Router
) -> None:
    line = mapped(dhaka, router, "vlan-1")
    start = NOON - timedelta(days=1)
    store([sample(line, start + five(slot), 1_000 - slot, slot) for slot in range(288)])
    found = percentile(dhaka, start, NOON)
    assert (found.down_bps, found.up_bps) == (273, 986)  # rank 274 of 288 each
    assert (found.bps, found.direction) == (986, "up")
    assert (found.received, found.expected, found.missing) == (288, 288, 0)
    assert (found.completeness_percent, found.is_estimated) == (100, False)


def test_below_95_percent_complete_it_is_an_estimate(dhaka: Reseller, router: Router) -> None:
    line = mapped(dhaka, router, "vlan-1")
    start = NOON - timedelta(days=1)
    for missing, estimated in ((14, False), (15, True)):
        line = mapped(dhaka, router, f"vlan-{missing}", started_at=start)
        Mapping.objects.exclude(pk=line.pk).update(ended_at=start - timedelta(days=1))
        store([sample(line, start + five(slot), 5, 5) for slot in range(missing, 288)])
        found = percentile(dhaka, start, NOON)
        assert (found.missing, found.is_estimated) == (missing, estimated)
        assert found.bps == 5  # never filled with zero


def test_a_sum_with_a_mapping_missing_is_left_out_of_the_bill(
    dhaka: Reseller, lines: Lines
) -> None:
    an_hour(lines)
    store(
        [sample(lines[0], NOON - timedelta(hours=2) + five(slot), 1, 9_999) for slot in range(12)]
    )
    found = percentile(dhaka, NOON - timedelta(hours=2), NOON)
    assert (found.down_bps, found.received, found.expected) == (107, 12, 24)


def test_nothing_received_has_no_percentile(dhaka: Reseller, lines: Lines) -> None:
    found = percentile(dhaka, NOON - timedelta(hours=1), NOON)
    assert (found.bps, found.received, found.is_estimated) == (None, 0, True)
    future = percentile(dhaka, NOON + timedelta(days=1), NOON + timedelta(days=2))
    assert (future.bps, future.expected, future.completeness_percent) == (None, 0, None)
    assert future.is_estimated is False


def test_a_month_of_three_mappings_is_read_in_a_moment(dhaka: Reseller, router: Router) -> None:
    start = NOON - timedelta(days=30)
    for name in ("vlan-1", "vlan-2", "vlan-3"):
        line = mapped(dhaka, router, name)
        store([sample(line, start + five(slot), slot, slot * 2) for slot in range(8_640)])
    began = time.process_time()
    points = five_minutes(dhaka, start, NOON)
    took_s = time.process_time() - began
    assert (len(points), points[-1].down_bps) == (8_640, 3 * 8_639 * 2)
    assert took_s < 1.0  # 0.1 s on an idle machine


def test_the_end_of_a_range_is_cut_to_the_grid(dhaka: Reseller, lines: Lines) -> None:
    an_hour(lines)
    odd = timedelta(minutes=2, seconds=7)
    points = five_minutes(dhaka, NOON - timedelta(hours=1) + odd, NOON - odd)
    assert (points[0].at, points[-1].at) == (NOON - timedelta(hours=1), NOON - five(2))
