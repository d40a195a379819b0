"""Two readings of an interface and what lies between them: every rule of RFC 2863 and practice."""

import pytest

from ispcore.base.timeseries.counters import (
    COUNTER32,
    TICKS_WRAP,
    UNKNOWN_SPEED_CAP_BPS,
    Interval,
    Snapshot,
    interval,
)
from ispcore.base.timeseries.quality import Quality

GIGABIT = 1_000_000_000
NOON_MS = 1_772_452_800_000
DAY_TICKS = 8_640_000
MINUTE = 60


def seen(
    after_s: float,
    octets: int,
    *,
    up_s: float | None = None,
    up_before_s: float = 86_400,
    bits: int = 64,
    discontinuity: int | None = None,
    step: int = 1,
) -> Snapshot:
    """A reading `after_s` seconds after noon; out is twice in; the router was up a day at noon."""
    uptime_s = up_before_s + after_s if up_s is None else up_s
    return Snapshot(
        at_ms=NOON_MS + round(after_s * 1000),
        uptime_ticks=round(uptime_s * 100) % TICKS_WRAP,
        in_octets=octets,
        out_octets=octets * 2 % 2**bits,
        bits=bits,
        discontinuity_ticks=discontinuity,
        uptime_step_ticks=step,
    )


def between(before: Snapshot, after: Snapshot, speed_bps: int | None = GIGABIT) -> Interval:
    found = interval(before, after, speed_bps=speed_bps)
    assert found is not None
    return found


def discarded_for(found: Interval) -> Quality:
    assert found.in_octets is None
    assert found.out_octets is None
    assert found.in_bps is None
    assert found.out_bps is None
    return found.quality


def test_rate_is_octets_times_eight_over_the_time_between() -> None:
    found = between(seen(0, 1_000), seen(60, 751_000))
    assert (found.in_octets, found.out_octets) == (750_000, 1_500_000)
    assert (found.in_bps, found.out_bps) == (100_000, 200_000)
    assert found.quality == Quality.GOOD


def test_time_comes_from_the_routers_uptime_when_it_grew() -> None:
    slow_answer = between(seen(0, 0), seen(62, 750_000, up_s=86_460))
    assert slow_answer.span_ms == 60_000
    assert slow_answer.in_bps == 100_000


def test_time_comes_from_our_clock_when_the_uptime_stands_still() -> None:
    found = between(seen(0, 0), seen(60, 750_000, up_s=86_400))
    assert found.span_ms == 60_000


def test_uptime_in_whole_seconds_yields_to_our_clock() -> None:
    """RouterOS' API: the uptime said 61 s, 60.4 s went by."""
    found = between(seen(0, 0, step=100), seen(60.4, 755_000, up_s=86_461, step=100))
    assert found.span_ms == 60_400
    assert found.in_bps == 100_000


def test_uptime_in_whole_seconds_that_did_not_move_is_no_duplicate() -> None:
    found = between(seen(0, 0, step=100), seen(0.5, 6_250, up_s=86_400, step=100))
    assert (found.span_ms, found.in_bps) == (500, 100_000)


def test_uptime_wraps_after_497_days_without_a_restart() -> None:
    almost = TICKS_WRAP / 100 - 20
    before, after = seen(0, 0, up_s=almost), seen(60, 750_000, up_s=almost + 60)
    assert after.uptime_ticks < before.uptime_ticks
    assert between(before, after).in_bps == 100_000


def test_uptime_that_fell_is_a_restart() -> None:
    found = between(seen(0, 5_000), seen(60, 9_000, up_s=30))
    assert discarded_for(found) == Quality.RESTARTED
    assert (found.start_ms, found.end_ms) == (NOON_MS, NOON_MS + 60_000)


@pytest.mark.parametrize("days", [100, 300, 496.9])
def test_restart_of_a_router_that_was_up_long_is_not_taken_for_a_wrap(days: float) -> None:
    found = between(seen(0, 5_000, up_s=days * 86_400), seen(300, 9_000, up_s=120))
    assert discarded_for(found) == Quality.RESTARTED


def test_restart_during_a_long_absence_is_seen_though_the_uptime_is_higher_now() -> None:
    """Up an hour when last read; restarted in the three hours of silence; up two hours now."""
    before = seen(0, 5_000, up_s=3_600)
    assert discarded_for(between(before, seen(10_800, 9_000, up_s=7_200))) == Quality.RESTARTED


def test_restart_right_after_the_last_reading_is_seen_after_a_long_absence() -> None:
    """The uptime lacks two minutes of three hours: less than the clocks' tolerance, still a restart."""
    before = seen(0, 5_000, up_s=3_600)
    assert discarded_for(between(before, seen(10_800, 9_000, up_s=10_680))) == Quality.RESTARTED


def test_discontinuity_time_that_moved_discards() -> None:
    before, after = seen(0, 5_000, discontinuity=100), seen(60, 9_000, discontinuity=DAY_TICKS)
    assert discarded_for(between(before, after)) == Quality.DISCONTINUOUS


def test_discontinuity_told_by_only_one_of_two_sources_is_no_change() -> None:
    """SNMP tells ifCounterDiscontinuityTime, the API does not: falling back is not a reset."""
    by_snmp, by_api = seen(0, 0, discontinuity=100), seen(60, 750_000, step=100)
    assert between(by_snmp, by_api).in_octets == 750_000
    assert between(by_api, seen(120, 1_500_000, discontinuity=100)).in_octets == 750_000


def test_counter64_that_fell_discards() -> None:
    assert discarded_for(between(seen(0, 9_000), seen(60, 5_000))) == Quality.COUNTER_FELL


def test_one_direction_that_fell_discards_both() -> None:
    before = seen(0, 9_000)
    after = Snapshot(NOON_MS + 60_000, before.uptime_ticks + 6_000, 10_000, 0)
    assert discarded_for(between(before, after)) == Quality.COUNTER_FELL


def test_counter32_wraps_once() -> None:
    before = seen(0, COUNTER32 - 250_000, bits=32)
    found = between(before, seen(60, 500_000, bits=32))
    assert found.in_octets == 750_000
    assert found.quality & Quality.WRAPPED


def test_counter32_that_fell_too_far_to_have_wrapped_discards() -> None:
    """To wrap it would have had to carry more than 1.1 times what the interface can."""
    before, after = seen(0, 1_000_000_000, bits=32), seen(60, 900_000_000, bits=32)
    assert discarded_for(between(before, after, 100_000_000)) & Quality.COUNTER_FELL


def test_counter32_that_may_have_wrapped_twice_is_marked() -> None:
    """Cisco's table: at 1 Gb/s a 32-bit counter wraps every 34 s."""
    before, after = seen(0, 0, bits=32), seen(300, 1_000_000, bits=32)
    assert between(before, after).quality & Quality.AMBIGUOUS
    assert not between(before, after, 100_000_000).quality & Quality.AMBIGUOUS


def test_counters_of_different_width_are_compared_in_the_narrower() -> None:
    """64 bits by the API, then 32 by SNMP: the same counter, seen through a smaller window."""
    wide = seen(0, 5 * COUNTER32 + 1_000)
    narrow = seen(60, 751_000, bits=32)
    assert between(wide, narrow).in_octets == 750_000
    assert between(narrow, seen(120, 5 * COUNTER32 + 1_501_000)).in_octets == 750_000


def test_a_rate_up_to_a_tenth_above_the_interface_is_believed() -> None:
    octets = GIGABIT * 60 // 8 // 2  # out is twice in
    assert between(seen(0, 0), seen(60, round(octets * 1.09))).in_octets
    too_fast = between(seen(0, 0), seen(60, round(octets * 1.11)))
    assert discarded_for(too_fast) == Quality.TOO_FAST


def test_an_interface_of_unknown_speed_is_held_to_the_cap() -> None:
    octets = UNKNOWN_SPEED_CAP_BPS * 60 // 8 // 2
    assert between(seen(0, 0), seen(60, octets), None).in_octets == octets
    spike = between(seen(0, 0), seen(60, octets * 2), None)
    assert discarded_for(spike) == Quality.TOO_FAST
    assert between(seen(0, 0), seen(60, 1_000), 0).in_octets == 1_000


def test_the_same_reading_twice_is_nothing_new() -> None:
    assert interval(seen(60, 9_000), seen(60, 9_000), speed_bps=GIGABIT) is None


def test_a_reading_that_arrives_late_is_left_out() -> None:
    assert interval(seen(60, 9_000), seen(0, 5_000), speed_bps=GIGABIT) is None


def test_a_reading_that_another_host_brings_hours_later_is_left_out() -> None:
    """Taken for a restart, it would be counted from twice."""
    newest = seen(7_200, 9_000_000)
    assert interval(newest, seen(0, 5_000), speed_bps=GIGABIT) is None
    a_little_ahead = Snapshot(NOON_MS + 7_203_000, seen(7_199, 0).uptime_ticks, 8_000_000, 0)
    assert interval(newest, a_little_ahead, speed_bps=GIGABIT) is None


def test_a_late_reading_is_left_out_though_our_clock_was_stepped_after_it() -> None:
    newest = seen(-3_540, 9_000, up_s=86_460)
    assert interval(newest, seen(0, 5_000, up_s=86_400), speed_bps=GIGABIT) is None


def test_a_late_reading_of_before_the_uptime_wrapped_is_left_out() -> None:
    wrapped = Snapshot(NOON_MS, 3_000, 9_000, 9_000)
    before = Snapshot(NOON_MS - 60_000, TICKS_WRAP - 3_000, 5_000, 5_000)
    assert interval(wrapped, before, speed_bps=GIGABIT) is None


def test_an_uptime_that_leaps_by_a_year_is_not_believed() -> None:
    """Its octets would be spread over a hundred thousand buckets."""
    found = between(seen(0, 0), seen(60, 750_000, up_s=366 * 86_400))
    assert discarded_for(found) == Quality.DISCONTINUOUS | Quality.CLOCK_STEPPED
    assert found.end_ms - found.start_ms == 60_000


def test_an_interface_that_tells_an_absurd_speed_is_held_to_the_cap() -> None:
    octets = UNKNOWN_SPEED_CAP_BPS * 60 // 8
    assert discarded_for(between(seen(0, 0), seen(60, octets), 2**32 * 10**6)) == Quality.TOO_FAST


def test_no_interval_has_more_octets_than_its_column_holds() -> None:
    """100 days at 100 Tbit/s would be, and the whole collection would fail for it."""
    days = 100 * 86_400
    found = between(seen(0, 0), seen(days, 2**62, up_before_s=86_400), 100 * 10**12)
    assert discarded_for(found) == Quality.TOO_FAST


def test_our_clock_stepped_forward_and_the_uptime_was_used() -> None:
    found = between(seen(0, 0), seen(3_660, 750_000, up_s=86_460))
    assert (found.in_bps, found.quality) == (100_000, Quality.CLOCK_STEPPED)
    assert found.end_ms - found.start_ms == 60_000


def test_our_clock_stepped_back_and_the_uptime_was_used() -> None:
    found = between(seen(0, 0), seen(-3_540, 750_000, up_s=86_460))
    assert (found.in_bps, found.quality) == (100_000, Quality.CLOCK_STEPPED)
    assert found.end_ms - found.start_ms == 60_000


def test_our_clock_stepped_back_by_a_moment_never_ends_before_it_starts() -> None:
    found = between(seen(0, 0), seen(-1, 37_500, up_s=86_403))
    assert found.end_ms - found.start_ms == 3_000
    assert found.in_bps == 100_000


def test_our_clock_stepped_far_back_while_the_router_restarted() -> None:
    """Not a late reading: none is late by an hour."""
    found = between(seen(0, 9_000), seen(-3_600, 100, up_s=20))
    assert discarded_for(found) == Quality.RESTARTED
    assert found.start_ms == found.end_ms


def test_a_reading_after_hours_is_one_interval() -> None:
    found = between(seen(0, 0), seen(10_800, 135_000_000))
    assert found.in_bps == 100_000
    assert found.quality == Quality.GOOD
