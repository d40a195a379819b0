"""From a fresh clone and an empty environment to the first live number."""

import subprocess
from pathlib import Path

import pytest

from tests.harness.processes import descendants
from tests.journey.portal import Portal

pytestmark = pytest.mark.journey
# generous: other tests run at the same time
FIRST_START_S, SECOND_START_S = 300, 60


def test_a_fresh_clone_shows_its_first_number_in_minutes_and_then_in_seconds(
    project: Path, tmp_path: Path
) -> None:
    clone, var = tmp_path / "clone", tmp_path / "var"
    subprocess.run(["git", "clone", "--quiet", str(project), str(clone)], check=True)
    first = Portal(clone, var=var, arguments=["--demo"], bare=True)
    try:
        first.wait_until_ready()
        password = first.password
        took_s = first.wait_for_first_number(password, within_s=FIRST_START_S)
    finally:
        code = first.stop()
    assert code == 0, first.output
    second = Portal(clone, var=var, arguments=["--demo"], bare=True)
    try:
        second.wait_until_ready()
        again_s = second.wait_for_first_number(password, within_s=SECOND_START_S)
    finally:
        code = second.stop()
    assert code == 0, second.output
    assert "password" not in second.output, "the administrator's password is printed once"
    assert not left_running(clone), "no child is left"
    print(f"first number after {took_s:.1f} s, again after {again_s:.1f} s")  # noqa: T201


def left_running(clone: Path) -> list[str]:
    """Processes of this run that belong to the clone."""
    return [line for line in descendants(1).values() if str(clone) in line]
