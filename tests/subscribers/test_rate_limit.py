"""Mikrotik-Rate-Limit: as RouterOS' manual has it, read and written without loss."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from subscribers import rate_limit
from subscribers.rate_limit import MOST_BPS, NotARateLimit, Pair, RateLimit, faults, made, parse

# RouterOS manual, RADIUS client chapter; and what operators were seen to use
ORACLES = json.loads((Path(__file__).parent / "rate_limits.json").read_text())
BPS = some.integers(1, MOST_BPS)
OPTIONAL = some.one_of(some.just(0), BPS)


def pairs(values: some.SearchStrategy[int]) -> some.SearchStrategy[Pair]:
    return some.builds(Pair, values, values)


LIMITS = some.builds(
    made,
    pairs(BPS),
    pairs(OPTIONAL),
    pairs(OPTIONAL),
    pairs(some.integers(0, 3_600)),
    some.one_of(some.none(), some.integers(1, 8)),
    pairs(OPTIONAL),
)


@pytest.mark.parametrize("case", ORACLES["cases"], ids=lambda case: case["text"])
def test_a_published_limit_is_read_as_the_manual_says(case: dict[str, int | str]) -> None:
    limit = parse(str(case["text"]))
    assert (limit.rate.up, limit.rate.down) == (case["rx"], case["tx"])
    assert (limit.burst.up, limit.burst.down) == (case.get("rx_burst", 0), case.get("tx_burst", 0))
    assert limit.threshold == Pair(*(int(case.get(f"{way}_thr", 0)) for way in ("rx", "tx")))
    assert limit.burst_s == Pair(*(int(case.get(f"{way}_time", 0)) for way in ("rx", "tx")))


def test_upload_stands_first() -> None:
    assert str(RateLimit(Pair(up=5_000_000, down=40_000_000))) == "5M/40M"
    assert parse("5M/40M").words == "40\u00a0Mbps down, 5\u00a0Mbps up"


def test_a_least_rate_stands_last_and_after_a_priority() -> None:
    limit = parse("384k/1536k 0/0 0/0 0/0 96k/384k")
    assert limit.least == Pair(96_000, 384_000)
    assert not limit.burst
    assert str(limit) == "384k/1536k 0/0 0/0 0/0 8 96k/384k"
    assert str(parse("1M 0/0 0/0 0/0 3")) == "1M/1M 0/0 0/0 0/0 3"


@given(LIMITS)
def test_what_is_written_is_read_as_the_same_limit(limit: RateLimit) -> None:
    assert parse(str(limit)) == limit


@given(LIMITS)
def test_what_is_written_is_written_again_alike(limit: RateLimit) -> None:
    assert str(parse(str(limit))) == str(limit)


@given(some.text(max_size=60))
def test_any_text_is_a_limit_or_refused(text: str) -> None:
    with suppress(NotARateLimit):
        assert parse(str(parse(text))) == parse(text)


@given(some.from_regex(r"[0-9kM/ ]{1,40}", fullmatch=True))
def test_nearly_a_limit_is_one_or_refused(text: str) -> None:
    with suppress(NotARateLimit):
        assert parse(str(parse(text))) == parse(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "0 parts"),
        ("fast", "“fast” is no rate"),
        ("10M/", "“” is no rate"),
        ("10M/20M/30M", "“20M/30M” is no rate"),
        ("1.5M", "“1.5M” is no rate"),
        ("-1M", "“-1M” is no rate"),
        ("1M 2M 1M x", "“x” is no burst time"),
        ("1M 2M 1M 10 9 1M", "“9” is no priority"),
        ("1M 2M 1M 10 1 1M 1M", "7 parts"),
        ("2000G", "above 1 Tbps"),
        ("١M", "no rate"),  # noqa: RUF001 - an Arabic digit
    ],
)
def test_what_is_no_limit_is_refused_with_its_fault(text: str, why: str) -> None:
    with pytest.raises(NotARateLimit, match=why):
        parse(text)


def test_a_burst_is_told_by_how_long_it_lasts() -> None:
    """The window is no length: 5 Mbps × 16 s ÷ 10 Mbps are 8 s."""
    words = parse("1M/2M 0/10M 0/5M 0/16 1").words
    assert "bursts to 10\u00a0Mbps down for about 8 s" in words
    assert words.endswith("priority 1 of 8 (first)")
    assert "up for" not in words


def test_no_limit_in_one_direction_is_said() -> None:
    assert parse("0/5M").words == "5\u00a0Mbps down, no limit up"


@pytest.mark.parametrize(
    ("text", "part", "way"),
    [
        ("999/1M", "rate", "up"),
        ("1M/2M 1M/4M", "burst", "up"),
        ("1M/2M 2M/4M 3M/1M", "threshold", "up"),
        ("1M/2M 2M/4M 1M/1M 10/4000", "burst_s", "down"),
        ("1M/2M 0 0 0 8 2M/1M", "least", "up"),
    ],
)
def test_what_no_router_makes_sense_of_is_named(text: str, part: str, way: str) -> None:
    assert [(each.part, each.way) for each in faults(parse(text))] == [(part, way)]


def test_a_priority_that_there_is_not_is_named() -> None:
    assert [f.part for f in faults(made(Pair(1_000, 1_000), priority=9))] == ["priority"]
    assert rate_limit.faults(made(Pair(1_000, 1_000), priority=8)) == []
