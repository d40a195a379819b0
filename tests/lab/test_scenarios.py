"""Scenarios play their steps on time."""

import json
from pathlib import Path
from typing import Any

import pytest

from lab.__main__ import main
from lab.scenarios import (
    BadScenario,
    Line,
    TroubleNames,
    day_of_trouble,
    play,
    scenario_from_dict,
)
from lab.testing import running_lab
from tests.lab.conftest import two_vlans

NAMES = {
    "over": {
        "router": "r1",
        "interface": "vlan101",
        "plan_down_bps": 200_000_000,
        "plan_up_bps": 100_000_000,
    },
    "near": {
        "router": "r2",
        "interface": "vlan102",
        "plan_down_bps": 50_000_000,
        "plan_up_bps": 50_000_000,
    },
    "dying": "r3",
    "rebooting": "r2",
    "lossy": "r1",
}


class Stage:
    """Time that passes only by sleeping, and what was told when."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.told: list[tuple[float, str, dict[str, Any]]] = []
        self.said: list[str] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def send(self, verb: str, **given: Any) -> None:
        self.told.append((self.now - 1000, verb, given))

    def play(self, scenario: Any, rounds: int) -> None:
        play(
            scenario,
            self.send,
            say=self.said.append,
            sleep=self.sleep,
            clock=lambda: self.now,
            rounds=rounds,
        )

    def when(self, verb: str) -> list[float]:
        return [at for at, told, _ in self.told if told == verb]


def test_the_day_of_trouble_shows_within_two_minutes() -> None:
    stage = Stage()
    stage.play(day_of_trouble(TroubleNames.from_dict(NAMES)), rounds=1)
    over = next(given for _, verb, given in stage.told if given.get("down_bps"))
    assert over["down_bps"] == 216_000_000
    assert stage.told[4][0] <= 20
    assert stage.when("dead") == [60]
    assert [at for at in stage.when("alive") if at] == [240]
    assert stage.when("reboot") == [900]
    assert "r3 dies" in stage.said


def test_the_next_round_begins_on_time() -> None:
    stage = Stage()
    stage.play(day_of_trouble(TroubleNames.from_dict(NAMES)), rounds=3)
    assert stage.when("dead") == [60, 1860, 3660]


def test_steps_play_in_order_of_time_and_once() -> None:
    stage = Stage()
    steps = [
        {"at_s": 30, "verb": "alive", "router": "r1"},
        {"at_s": 5, "verb": "dead", "router": "r1", "say": "it dies"},
    ]
    stage.play(scenario_from_dict({"steps": steps}), rounds=5)
    assert stage.told == [(5, "dead", {"router": "r1"}), (30, "alive", {"router": "r1"})]
    assert stage.said == ["it dies"]


def test_a_line_at_some_percent_of_its_plan() -> None:
    line = Line("r1", "vlan101", plan_down_bps=100_000_000, plan_up_bps=100_000_000)
    assert line.at_percent(90)["down_bps"] == 90_000_000


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "an object with a list of steps"),
        ({"steps": [{"verb": "dead"}]}, "step 1: at_s and verb are needed"),
    ],
)
def test_a_wrong_scenario_is_explained(given: object, message: str) -> None:
    with pytest.raises(BadScenario, match=message):
        scenario_from_dict(given)


def test_a_missing_name_is_told() -> None:
    with pytest.raises(BadScenario, match="lossy"):
        TroubleNames.from_dict({name: value for name, value in NAMES.items() if name != "lossy"})


def test_every_step_of_the_day_of_trouble_is_understood_by_a_lab() -> None:
    with running_lab([two_vlans(name) for name in ("r1", "r2", "r3")]) as lab:
        for step in day_of_trouble(TroubleNames.from_dict(NAMES)).steps:
            lab.control(step.verb, **step.given)
        status = lab.control("status")["routers"]
    assert {router["mode"] for router in status.values()} == {"normal"}


def test_a_lab_that_is_away_does_not_stop_the_play(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "scenario.json"
    file.write_text(json.dumps({"steps": [{"at_s": 0, "verb": "dead", "say": "it dies"}]}))
    assert main(["play", "--socket", str(tmp_path / "nobody"), str(file)]) == 0
    said = capsys.readouterr().out
    assert "no lab at" in said
    assert "it dies" in said
