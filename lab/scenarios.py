"""Scenarios: steps at times after the start, told to the lab over its control socket."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Send = Callable[..., object]
Say = Callable[[str], object]


class BadScenario(ValueError):
    """A scenario that cannot be played; the message names the step."""


@dataclass(frozen=True, slots=True)
class Step:
    """One verb at `at_s` seconds after the start of a round."""

    at_s: float
    verb: str
    given: dict[str, Any] = field(default_factory=dict)
    say: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Steps in order of time; `every_s` starts the next round (None: once)."""

    steps: tuple[Step, ...]
    every_s: float | None = None


def scenario_from_dict(given: object) -> Scenario:
    """`{"every_s": 1800, "steps": [{"at_s": 5, "verb": "dead", "router": "r3"}]}`.

    Raises BadScenario.
    """
    if not isinstance(given, dict) or not isinstance(given.get("steps"), list):
        raise BadScenario("a scenario is an object with a list of steps")
    steps = []
    for number, row in enumerate(given["steps"], start=1):
        if not isinstance(row, dict) or "verb" not in row or "at_s" not in row:
            raise BadScenario(f"step {number}: at_s and verb are needed")
        rest = {name: value for name, value in row.items() if name not in ("at_s", "verb", "say")}
        steps.append(Step(float(row["at_s"]), str(row["verb"]), rest, str(row.get("say", ""))))
    every_s = given.get("every_s")
    steps.sort(key=lambda step: step.at_s)
    return Scenario(tuple(steps), None if every_s is None else float(every_s))


def scenario_from_file(path: Path) -> Scenario:
    """Raises BadScenario, and OSError where the file cannot be read."""
    try:
        return scenario_from_dict(json.loads(path.read_text("utf-8")))
    except json.JSONDecodeError as error:
        raise BadScenario(f"{path}: {error}") from None


@dataclass(frozen=True, slots=True)
class Line:
    """A reseller's VLAN with its plan, as a scenario needs to know it."""

    router: str
    interface: str
    plan_down_bps: int
    plan_up_bps: int

    def at_percent(self, percent: int) -> dict[str, Any]:
        """Arguments of the verb `level`: this much of the plan."""
        return {
            "router": self.router,
            "interface": self.interface,
            "down_bps": self.plan_down_bps * percent // 100,
            "up_bps": self.plan_up_bps * percent * 6 // 1000,
        }

    def as_usual(self) -> dict[str, Any]:
        return {"router": self.router, "interface": self.interface, "multiplier": 1.0}


@dataclass(frozen=True, slots=True)
class TroubleNames:
    """Who suffers in the day of trouble."""

    over: Line  # the reseller that goes over its plan
    near: Line  # the reseller that comes near it
    dying: str  # the router that dies and returns
    rebooting: str
    lossy: str

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> TroubleNames:
        """Raises BadScenario where a name is missing."""
        try:
            return cls(
                over=Line(**given["over"]),
                near=Line(**given["near"]),
                dying=given["dying"],
                rebooting=given["rebooting"],
                lossy=given["lossy"],
            )
        except (KeyError, TypeError) as error:
            raise BadScenario(f"day of trouble: {error}") from None


def day_of_trouble(names: TroubleNames) -> Scenario:
    """Half an hour in which everything that NOC should see happens once, again and again.

    The first of it shows within two minutes: a reseller at 108 % of its plan, a router away.
    """
    over, near = names.over, names.near
    calm = [
        Step(0, "alive", {"router": router})
        for router in dict.fromkeys((names.dying, names.rebooting, names.lossy))
    ]
    steps = (
        *calm,
        Step(0, "level", near.as_usual()),
        Step(10, "level", over.at_percent(108), f"{over.interface} goes to 108 % of its plan"),
        Step(60, "dead", {"router": names.dying}, f"{names.dying} dies"),
        Step(240, "alive", {"router": names.dying}, f"{names.dying} returns"),
        Step(490, "level", over.as_usual(), f"{over.interface} is as usual again"),
        Step(660, "level", near.at_percent(90), f"{near.interface} goes to 90 % of its plan"),
        Step(900, "reboot", {"router": names.rebooting}, f"{names.rebooting} reboots"),
        Step(1140, "level", near.as_usual(), f"{near.interface} is as usual again"),
        Step(1260, "loss", {"router": names.lossy, "share": 0.4}, f"{names.lossy} loses packets"),
        Step(1380, "loss", {"router": names.lossy, "share": 0}, f"{names.lossy} is well again"),
    )
    return Scenario(steps, every_s=1800)


def play(
    scenario: Scenario,
    send: Send,
    *,
    say: Say,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    rounds: int | None = None,
) -> None:
    """Play until the rounds are over (None: for ever); each round starts on time."""
    start = clock()
    done = 0
    while rounds is None or done < rounds:
        for step in scenario.steps:
            _wait_until(start + step.at_s, sleep, clock)
            send(step.verb, **step.given)
            if step.say:
                say(step.say)
        done += 1
        if scenario.every_s is None:
            return
        start += scenario.every_s
        if rounds is None or done < rounds:
            _wait_until(start, sleep, clock)


def _wait_until(at: float, sleep: Callable[[float], object], clock: Callable[[], float]) -> None:
    rest = at - clock()
    if rest > 0:
        sleep(rest)
