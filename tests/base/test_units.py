"""What people type as a bit rate, and how numbers are written back to them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispcore.base import units
from ispcore.base.units import NBSP, NotARate


@pytest.mark.parametrize(
    ("typed", "bps"),
    [
        ("200M", 200_000_000),
        ("1.5 Gbps", 1_500_000_000),
        ("64k", 64_000),
        ("2000000", 2_000_000),
        ("2,000,000", 2_000_000),
        (" 10 mbps ", 10_000_000),
        ("1.25T", 1_250_000_000_000),
        ("0.5 kbit/s", 500),
        ("0", 0),
    ],
)
def test_rates_are_read_as_people_type_them(typed: str, bps: int) -> None:
    assert units.parse_bps(typed) == bps


@pytest.mark.parametrize(
    "typed",
    ["", "fast", "-5M", "200 MB", "1,5 Gbps", "1 500 M", "1e9", "0.0001k", "٣M", "NaN", "M", "1.M"],
)
def test_what_is_not_a_rate_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(NotARate):
        units.parse_bps(typed)


@given(st.integers(0, 10**15 - 1))
def test_a_rate_written_for_a_form_is_read_back_the_same(bps: int) -> None:
    assert units.parse_bps(units.rate_text(bps)) == bps


@pytest.mark.parametrize(
    ("bps", "text"),
    [
        (None, "unknown"),
        (0, "0 bps"),
        (412_000_000, "412 Mbps"),
        (1_500_000_000, "1.50 Gbps"),
        (999_499, "999 kbps"),
        (999_600, "1.00 Mbps"),
        (17_240, "17.2 kbps"),
        (99_960, "100 kbps"),
    ],
)
def test_rates_are_written_with_three_digits(bps: int | None, text: str) -> None:
    assert units.format_bps(bps) == text.replace(" ", NBSP)


def test_octets_are_decimal() -> None:
    assert units.format_octets(1_240_000_000_000) == f"1.24{NBSP}TB"
    assert units.format_octets(None) == "unknown"


@pytest.mark.parametrize(
    ("percent", "text"), [(None, "unknown"), (0, "0 %"), (3.14, "3.1 %"), (108.4, "108 %")]
)
def test_percent_has_a_decimal_below_ten(percent: float | None, text: str) -> None:
    assert units.format_percent(percent) == text.replace(" ", NBSP)


def test_use_of_an_unknown_or_missing_capacity_is_unknown() -> None:
    assert units.utilisation_percent(50, 200) == 25
    assert units.utilisation_percent(None, 200) is None
    assert units.utilisation_percent(50, None) is None
    assert units.utilisation_percent(50, 0) is None


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=38), "38 s"),
        (timedelta(minutes=12, seconds=5), "12 min"),
        (timedelta(hours=1, minutes=54), "1 h 54 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(days=41, hours=6), "41 d 6 h"),
    ],
)
def test_ages_have_two_units_at_most(span: timedelta, text: str) -> None:
    assert units.format_duration(span).replace(NBSP, " ") == text
