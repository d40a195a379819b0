"""What the crash matrix makes of what its campaigns found."""

from typing import Any

import pytest

from bench.crashes import page
from bench.crashes.campaign import (
    NOTHING,
    PORTAL,
    RADIUS,
    RECOVERY,
    STANDS,
    TAKEN_BACK,
    WRITER,
    contradiction,
    planned,
)
from bench.crashes.processes import AWAY, BEING_DECIDED, DONE, FAILED, KILLED, NOTHING_CHANGED
from ispcore.base.unit_of_work.steps import RECOVERY_STEPS, STEPS


def cell(victim: str, step: str, outcome: str, fault: str = "") -> dict[str, str]:
    return {
        "victim": victim,
        "kind": "create",
        "step": step,
        "outcome": outcome,
        "fault": fault,
    }


@pytest.fixture
def told() -> dict[str, Any]:
    return {
        "vendor": "postgresql",
        "seed": 7,
        "steps": STEPS,
        "recovery_steps": RECOVERY_STEPS,
        "planned": 9,
        "kills": 5,
        "recovered": 2,
        "diverged": 0,
        "logins": 10,
        "wrong_logins": 0,
        "cells": [
            cell(WRITER, "radius_committed", TAKEN_BACK),
            cell(PORTAL, "radius_committed", STANDS),
            cell(RADIUS, "begun", NOTHING, "it said that it was done"),
            cell(RECOVERY, "recovery_held", TAKEN_BACK),
        ],
    }


def test_each_case_has_its_place_in_the_table(told: dict[str, Any]) -> None:
    text = page.tables([told])
    [steps, recovery] = [line for line in text.splitlines() if line.startswith("| create")]
    assert steps.split("|")[2:-1][0].strip() == "**!**"
    assert steps.split("|")[2:-1][STEPS.index("radius_committed")].split() == ["↩", "✓"]
    assert recovery.split("|")[2:-1][RECOVERY_STEPS.index("recovery_held")].strip() == "↩"
    assert "4 of 9 cases, seed 7: 5 kills, 2 units in doubt and decided, 0 diverged" in text


def test_the_page_has_a_place_for_it() -> None:
    text = page.PAGE.read_text()
    assert text.count(page.BEGIN) == text.count(page.END) == 1
    assert text.index(page.BEGIN) < text.index(page.END)


@pytest.mark.parametrize(
    ("code", "outcome", "is_wrong"),
    [
        (DONE, STANDS, False),
        (DONE, NOTHING, True),
        (DONE, TAKEN_BACK, True),
        (NOTHING_CHANGED, NOTHING, False),
        (NOTHING_CHANGED, TAKEN_BACK, False),
        (NOTHING_CHANGED, STANDS, True),
        (AWAY, STANDS, True),
        (BEING_DECIDED, STANDS, False),
        (BEING_DECIDED, TAKEN_BACK, False),
        (KILLED, STANDS, False),
        (FAILED, NOTHING, True),
    ],
)
def test_whoever_was_told_wrongly_is_found(code: int, outcome: str, is_wrong: bool) -> None:
    assert bool(contradiction(code, outcome)) is is_wrong


def test_every_kind_dies_at_every_step_by_every_hand() -> None:
    import random

    from bench.crashes import kinds

    servers = planned("postgresql", random.Random(1))
    files = planned("sqlite", random.Random(1))
    assert len(set(servers)) == len(kinds.NAMES) * (4 * len(STEPS) + len(RECOVERY_STEPS))
    assert len(set(files)) == len(kinds.NAMES) * (len(STEPS) + len(RECOVERY_STEPS))
