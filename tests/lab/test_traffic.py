"""Traffic is a pure function of time, and its integral is exact."""

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from lab.traffic import SLOT_S, Level, Profile, octets, rate_bps
from tests.lab.conftest import EVENING, meghna

instants = st.floats(EVENING, EVENING + 40_000)


def local(day: int, hour: int, zone: str = "Asia/Dhaka") -> float:
    return datetime(2026, 1, day, hour, tzinfo=ZoneInfo(zone)).timestamp()


def mean_down_bps(profile: Profile, start: float, hours: float = 1) -> float:
    return octets(profile, start, start + hours * 3600)[0] * 8 / (hours * 3600)


@given(instants, instants, instants)
def test_octets_of_adjoining_intervals_add_up_exactly(
    first: float, second: float, third: float
) -> None:
    start, middle, end = sorted((first, second, third))
    parts = octets(meghna(), start, middle), octets(meghna(), middle, end)
    assert octets(meghna(), start, end) == (parts[0][0] + parts[1][0], parts[0][1] + parts[1][1])


@given(instants, st.floats(0, 5000))
def test_octets_never_fall(start: float, length: float) -> None:
    down, up = octets(meghna(), start, start + length)
    assert down >= 0
    assert up >= 0


@given(instants)
def test_the_rate_is_the_slope_of_the_octets(at: float) -> None:
    step_start = at - at % 20
    down, up = octets(meghna(), step_start, step_start + 10)
    rate_down, rate_up = rate_bps(meghna(), step_start + 5)
    assert (down * 8, up * 8) == (rate_down * 10, rate_up * 10)


def test_the_day_has_a_trough_at_five_a_plateau_and_a_peak_at_ten() -> None:
    weekday = 12  # a Monday
    trough, afternoon, peak = (mean_down_bps(meghna(), local(weekday, h)) for h in (5, 15, 22))
    assert trough < 0.4 * afternoon
    assert 0.5 * peak < afternoon < 0.85 * peak
    assert 170_000_000 < peak < 230_000_000


def test_the_evening_of_the_curve_follows_the_zone() -> None:
    cairo = Profile(200_000_000, 40_000_000, zone="Africa/Cairo")
    assert mean_down_bps(cairo, local(12, 22, "Africa/Cairo")) > 150_000_000
    assert mean_down_bps(cairo, local(12, 5, "Africa/Cairo")) < 70_000_000


def test_homes_are_busier_in_the_daytime_of_a_friday() -> None:
    steady = Profile(200_000_000, 40_000_000, noise=0.0)
    assert mean_down_bps(steady, local(9, 13)) > 1.1 * mean_down_bps(steady, local(12, 13))


def test_two_seeds_differ_and_one_seed_repeats() -> None:
    assert octets(meghna(1), EVENING, EVENING + 900) == octets(meghna(1), EVENING, EVENING + 900)
    assert octets(meghna(1), EVENING, EVENING + 900) != octets(meghna(2), EVENING, EVENING + 900)


def test_an_absolute_level_is_exact() -> None:
    level = Level(down_bps=216_000_000, up_bps=8_000_000)
    assert rate_bps(meghna(), EVENING + 7, level) == (216_000_000, 8_000_000)
    assert octets(meghna(), EVENING + 3, EVENING + 63, level) == (1_620_000_000, 60_000_000)


def test_one_direction_may_be_fixed_alone() -> None:
    level = Level(down_bps=5_000_000)
    rates = [rate_bps(meghna(), EVENING + step * 20, level) for step in range(15)]
    assert {down for down, _ in rates} == {5_000_000}
    assert len({up for _, up in rates}) > 5


def test_a_multiplier_scales_the_octets() -> None:
    usual = octets(meghna(), EVENING, EVENING + SLOT_S)[0]
    tripled = octets(meghna(), EVENING, EVENING + SLOT_S, Level(multiplier=3))[0]
    assert abs(tripled - 3 * usual) <= 3 * SLOT_S


def test_thirty_days_of_a_vlan_take_a_fraction_of_a_second() -> None:
    start = time.process_time()  # about 0.05 s on an idle machine, five times that when traced
    for slot in range(8640):
        octets(meghna(99), EVENING + slot * SLOT_S, EVENING + (slot + 1) * SLOT_S)
    assert time.process_time() - start < 0.8


def test_the_epoch_was_a_thursday() -> None:
    assert datetime.fromtimestamp(0, UTC).weekday() == 3
