"""Numbers, ages, states and small drawings as templates write them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from django.template import Context, Template
from django.test import override_settings

from ispcore.base import clock
from ispcore.base.templatetags import isp

NOW = datetime(2026, 11, 20, 15, 34, 12, tzinfo=UTC)  # 21:34:12 in Dhaka


@pytest.fixture(autouse=True)
def _friday_evening_in_dhaka() -> Iterator[None]:
    with override_settings(TIME_ZONE="Asia/Dhaka"), clock.frozen(NOW):
        yield


def text(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html).replace("\u00a0", " ")


def test_a_rate_has_three_digits_and_a_quieter_unit() -> None:
    assert isp.bps(412_000_000) == "<b>412</b>\u00a0<i>Mbps</i>"
    assert text(isp.bps(3_420_000_000)) == "3.42 Gbps"


def test_what_is_not_known_is_a_word_and_never_a_zero() -> None:
    for written in (isp.bps(None), isp.octets(None), isp.number(None)):
        assert text(written) == "unknown"
    assert isp.percent(None) == isp.change_percent(None) == isp.duration(None) == "unknown"
    assert text(isp.bps(0)) == "0 bps"


def test_use_and_plan_are_written_in_the_unit_of_the_plan() -> None:
    assert text(isp.bps_of(1_200_000_000, 500_000_000)) == "1,200 of 500 Mbps"
    assert text(isp.bps_of(None, 500_000_000)) == "unknown of 500 Mbps"
    assert text(isp.bps_of(5_000_000, None)) == "5.00 Mbps no limit"


def test_a_limit_has_no_idle_decimals() -> None:
    assert text(isp.limit(10_000_000_000)) == "10 Gbps"
    assert text(isp.limit(2_500_000_000)) == "2.5 Gbps"
    assert isp.limit(None) == "no limit"


@pytest.mark.parametrize(
    ("value", "words"), [(12.2, "+12 %"), (-6, "\u22126 %"), (0.2, "±0 %"), (-0.2, "±0 %")]
)
def test_a_difference_carries_its_sign(value: float, words: str) -> None:
    assert text(isp.change_percent(value)) == words


def test_an_age_says_the_exact_time_of_the_zone_on_hover() -> None:
    html = isp.ago(NOW - timedelta(minutes=17, seconds=7))
    assert text(html) == "17 min"
    assert 'datetime="2026-11-20T15:17:05Z"' in html
    assert 'title="Fri 20 Nov 2026, 21:17:05 Asia/Dhaka"' in html
    assert "data-age" in html


def test_what_ends_at_midnight_lasts_to_the_day_before() -> None:
    midnight = datetime(2026, 12, 31, 18, tzinfo=UTC)  # of 1 January in Dhaka
    assert isp.last_day(midnight) == "31 Dec 2026"
    assert isp.last_day(midnight + timedelta(seconds=1)) == "1 Jan 2027"


def test_a_clock_time_names_the_day_when_it_is_not_today() -> None:
    assert text(isp.clock_time(NOW - timedelta(minutes=4))) == "21:30:12"
    assert text(isp.clock_time(NOW - timedelta(hours=22))) == "19 Nov 23:34"
    assert text(isp.clock_time(None)) == text(isp.minute(None)) == text(isp.ago(None)) == "never"


def test_how_long_something_took_is_as_fine_as_it_needs() -> None:
    assert [text(isp.took(ms)) for ms in (0.84, 112.3, 1900, None)] == [
        "0.8 ms",
        "112 ms",
        "1.9 s",
        "no answer",
    ]


def test_a_value_grows_old_after_twice_its_period() -> None:
    at_ms = int(NOW.timestamp()) * 1000
    assert isp.stale_after(NOW, 60) == f'data-stale-after="{at_ms + 120_000}"'
    assert isp.stale_after(None, 60) == ""


@pytest.mark.parametrize(
    ("percent", "kind"), [(79.9, "calm"), (80, "warning"), (99.9, "warning"), (100, "critical")]
)
def test_a_meter_takes_its_colour_from_the_thresholds(percent: float, kind: str) -> None:
    drawn = ElementTree.fromstring(isp.meter(percent))  # noqa: S314
    assert drawn.get("class") == f"meter {kind}"
    assert drawn.findall("rect[@class='fill']")[0].get("width") == f"{percent:g}"


def test_a_meter_shows_over_use_up_to_a_quarter_above_the_plan() -> None:
    drawn = ElementTree.fromstring(isp.meter(340))  # noqa: S314
    assert drawn.findall("rect[@class='fill']")[0].get("width") == "125"
    assert (drawn.get("aria-label") or "").startswith("340\u00a0% of plan")


def test_a_meter_of_the_past_is_never_red() -> None:
    assert 'class="meter warning"' in isp.meter(140, 100, 126, history=True)
    assert 'class="meter calm"' in isp.meter(99, 100, 126, history=True)


def test_a_meter_of_nothing_known_is_an_outline_that_says_so() -> None:
    html = isp.meter(None)
    assert 'aria-label="unknown"' in html
    assert 'class="fill"' not in html


def test_a_sparkline_leaves_its_gaps_open() -> None:
    html = isp.spark([1, 2, None, None, 3, 4])
    assert html.count("<polyline") == 2


def test_a_sparkline_shows_a_single_sample() -> None:
    html = isp.spark([None, 5, None])
    assert html.count("<polyline") == 1
    assert re.search(r'points="48.0,[\d.]+ 49.0,', html)


def test_a_sparkline_of_zeros_lies_on_its_base() -> None:
    line = re.search(r'<polyline class="line" points="([^"]+)"', isp.spark([0, 0, 0]))
    assert line
    assert {point.split(",")[1] for point in line[1].split()} == {"19.0"}


def test_a_sparkline_without_samples_says_no_data() -> None:
    assert text(isp.spark([None, None])) == "no data"
    assert text(isp.spark([])) == "no data"


def test_a_hostile_name_stays_text() -> None:
    page = Template("{% load isp %}{% chip 'ok' name %}{% state 'ok' name %}{% icon name %}")
    html = page.render(Context({"name": '<script>alert(1)</script>"'}))
    assert "<script" not in html


def test_marks_need_no_inline_style() -> None:
    marks = (isp.meter(93), isp.meter(None), isp.spark([1, None, 2]), isp.chip("critical", "Over"))
    assert not any("style" in mark for mark in marks)


def test_a_phone_number_is_dialled_by_its_digits() -> None:
    assert isp.phone_digits("+880 2 (000) 000-1") == "+88020000001"


def test_a_count_agrees_with_its_noun() -> None:
    assert text(isp.plural(1, "match", "matches")) == "1 match"
    assert text(isp.plural(1234, "router")) == "1,234 routers"
