"""Whether a value lies beyond a rule's thresholds, and since when: plain functions, no database."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum


class Level(IntEnum):
    NONE = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a rule says for one subject. `at_least` False: values at or below are beyond."""

    warning: float | None
    critical: float | None
    hysteresis: float = 0
    for_s: int = 0
    clear_for_s: int = 0
    at_least: bool = True

    def level(self, value: float, *, held: Level) -> Level:
        """The level of `value`; a level that is `held` already is left only past the hysteresis."""
        if self._beyond(value, self.critical, held=held >= Level.CRITICAL):
            return Level.CRITICAL
        if self._beyond(value, self.warning, held=held >= Level.WARNING):
            return Level.WARNING
        return Level.NONE

    def _beyond(self, value: float, threshold: float | None, *, held: bool) -> bool:
        if threshold is None:
            return False
        slack = self.hysteresis if held else 0.0
        if self.at_least:
            return value > threshold - slack if held and slack else value >= threshold
        return value < threshold + slack if held and slack else value <= threshold


@dataclass(frozen=True, slots=True)
class Since:
    """Since when the value is at least at warning, at critical, or clear (each None if it is not)."""

    warning: datetime | None = None
    critical: datetime | None = None
    clear: datetime | None = None

    def moved(self, level: Level, at: datetime) -> "Since":
        """The state after a value of `level` was seen at `at`."""
        return Since(
            warning=(self.warning or at) if level >= Level.WARNING else None,
            critical=(self.critical or at) if level >= Level.CRITICAL else None,
            clear=(self.clear or at) if level == Level.NONE else None,
        )

    def effective(self, thresholds: Thresholds, at: datetime, *, held: Level) -> Level:
        """The level an alert should have now: raised after `for_s`, cleared after `clear_for_s`.

        A level that is held falls only when the value has left it; while a higher one is not yet
        old enough, the held one stays.
        """
        if _lasted(self.critical, thresholds.for_s, at):
            return Level.CRITICAL
        if _lasted(self.clear, thresholds.clear_for_s, at):
            return Level.NONE
        if self.clear is not None:
            return held
        if _lasted(self.warning, thresholds.for_s, at):
            return Level.WARNING if self.critical is None else max(held, Level.WARNING)
        return held


def _lasted(since: datetime | None, seconds: int, at: datetime) -> bool:
    return since is not None and at - since >= timedelta(seconds=seconds)
