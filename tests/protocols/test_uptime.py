"""RouterOS durations."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispcore.protocols.errors import Nonsense
from ispcore.protocols.routeros import parse_uptime


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1w2d03:04:05", 788_645),
        ("3d4h5m6s", 273_906),
        ("00:00:00", 0),
        ("03:04:05", 11_045),
        ("5m6s", 306),
        ("7s", 7),
        ("52w", 31_449_600),
        ("1d00:00:01", 86_401),
        ("5s200ms", 5.2),
        ("200ms", 0.2),
        ("1.5s", 1.5),
    ],
)
def test_each_form_is_understood(text: str, seconds: float) -> None:
    assert parse_uptime(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    ["", "never", "1", "-5s", "1h2d", "00:61:00", "1d2", "5s ", "٣s", "1w2d03:04", "1:2:3:4"],
)
def test_anything_else_is_nonsense(text: str) -> None:
    with pytest.raises(Nonsense, match="not a RouterOS duration"):
        parse_uptime(text)


def parts(seconds: int) -> tuple[int, int, int, int, int]:
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    week, day = divmod(days, 7)
    return week, day, hour, minute, second


UPTIMES = st.integers(0, 20 * 365 * 86_400)


@given(UPTIMES)
def test_the_clock_form_reads_back(seconds: int) -> None:
    week, day, hour, minute, second = parts(seconds)
    text = f"{week}w" * bool(week) + f"{day}d" * bool(day) + f"{hour:02}:{minute:02}:{second:02}"
    assert parse_uptime(text) == seconds


@given(UPTIMES.filter(bool))
def test_the_letter_form_reads_back(seconds: int) -> None:
    text = "".join(
        f"{number}{unit}" for number, unit in zip(parts(seconds), "wdhms", strict=True) if number
    )
    assert parse_uptime(text) == seconds


@given(st.text(max_size=20))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    with suppress(Nonsense):
        assert parse_uptime(text) >= 0
