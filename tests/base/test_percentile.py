"""The 95th percentile as it is billed, against published numbers."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispcore.base.timeseries.percentile import percentile95

FIVE_MINUTES_A_DAY = 288


@pytest.fixture(scope="session")
def oracles(project: Path) -> Any:
    """Published examples; they lie beside the project, not in it."""
    path = project.parent / "shared" / "data" / "oracles.json"
    if not path.is_file():
        pytest.skip(f"the published examples are not here: {path}")
    return json.loads(path.read_text())


def test_published_example_of_twenty_samples(oracles: Any) -> None:
    for example in oracles["percentile95"]:
        inbound = percentile95(round(v * 1_000_000) for v in example["inbound"])
        outbound = percentile95(round(v * 1_000_000) for v in example["outbound"])
        assert inbound == round(example["p95_in"] * 1_000_000)
        assert outbound == round(example["p95_out"] * 1_000_000)
        assert inbound is not None
        assert outbound is not None
        assert max(inbound, outbound) == round(example["billed"] * 1_000_000)
        assert outbound != round(example["wrong_if_interpolated_out"] * 1_000_000)


def test_published_ranks_of_whole_months(oracles: Any) -> None:
    for example in oracles["percentile95_counts"]:
        assert percentile95(range(1, example["samples"] + 1)) == example["rank_ascending"]
        assert example["samples"] - example["rank_ascending"] == example["discard"]


@pytest.mark.parametrize(("days", "discarded"), [(28, 403), (29, 417), (30, 432), (31, 446)])
def test_rank_of_a_month_discards_five_percent(days: int, discarded: int) -> None:
    samples = days * FIVE_MINUTES_A_DAY
    assert percentile95(range(1, samples + 1)) == samples - discarded


def test_no_samples_have_no_percentile() -> None:
    assert percentile95([]) is None


def test_one_sample_is_its_own_percentile() -> None:
    assert percentile95([7]) == 7


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=400))
def test_is_the_next_after_dropping_the_top_twentieth(samples: list[int]) -> None:
    falling = sorted(samples, reverse=True)
    assert percentile95(samples) == falling[len(samples) // 20]
