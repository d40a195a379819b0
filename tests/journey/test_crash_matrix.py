"""A sample of the crash matrix of provisioning; script/bench crash_matrix runs all of it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bench import crash_matrix

pytestmark = [pytest.mark.journey]
SEED, SAMPLE_S = 1, 75.0  # a minute and a half with starting and looking
FEWEST_KILLS = 20


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, Any]]:
    """By vendor; both at the same time."""

    def sample(vendor: str) -> tuple[str, dict[str, Any]]:
        return vendor, crash_matrix.told_by(vendor, SEED, SAMPLE_S)

    with ThreadPoolExecutor(len(crash_matrix.VENDORS)) as pool:
        return dict(pool.map(sample, crash_matrix.VENDORS))


@pytest.mark.parametrize("vendor", crash_matrix.VENDORS)
def test_whatever_is_killed_portal_and_radius_agree(
    told: dict[str, dict[str, Any]], vendor: str
) -> None:
    found = told[vendor]
    assert found["kills"] >= FEWEST_KILLS
    assert found["recovered"] > 0
    assert [cell for cell in found["cells"] if cell["fault"]] == []
    assert (found["diverged"], found["left"]) == (0, [])


@pytest.mark.parametrize("vendor", crash_matrix.VENDORS)
def test_nothing_half_made_can_log_in(told: dict[str, dict[str, Any]], vendor: str) -> None:
    assert told[vendor]["logins"] > 0
    assert told[vendor]["wrong_logins"] == 0
