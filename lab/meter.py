"""A meter: the octets of one VLAN since its router booted, exact at every instant."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Self

from lab.traffic import NORMAL, SLOT_S, Level, Profile, octets, rate_bps


@dataclass(slots=True)
class Meter:
    """Octets up to `anchor_at`, plus what the profile says has flowed since at this level.

    Whatever changes the flow goes through `tune`, which first folds the past into the anchor.
    The state is enough to continue in another process as if the traffic had never paused.
    """

    profile: Profile | None
    anchor_at: float
    down: int = 0
    up: int = 0
    level: Level = NORMAL
    flowing: bool = True
    _last: tuple[float, int, int] = field(default=(-1.0, 0, 0), repr=False)

    def read(self, now: float) -> tuple[int, int]:
        """(down, up) octets since boot; a clock that steps back reads as standing still."""
        last_at, down, up = self._last
        if last_at == now:
            return down, up
        self._advance(now)
        down, up = self._flow(self.anchor_at, now)
        self._last = (now, self.down + down, self.up + up)
        return self.down + down, self.up + up

    def rate_bps(self, now: float) -> tuple[int, int]:
        """(down, up) bits per second at this instant."""
        if self.profile is None or not self.flowing:
            return 0, 0
        return rate_bps(self.profile, now, self.level)

    def tune(self, now: float, *, level: Level | None = None, flowing: bool | None = None) -> None:
        """Change the level or stop the flow from this instant on."""
        self.down, self.up = self.read(now)
        self.anchor_at = max(now, self.anchor_at)
        self.level = self.level if level is None else level
        self.flowing = self.flowing if flowing is None else flowing
        self._last = (-1.0, 0, 0)

    def restart(self, now: float) -> None:
        """The router rebooted: nothing has flowed yet."""
        self.anchor_at, self.down, self.up = now, 0, 0
        self._last = (-1.0, 0, 0)

    def _advance(self, now: float) -> None:
        """Move the anchor to the start of the current slot, so that reads stay short."""
        start = math.floor(now / SLOT_S) * SLOT_S
        if start > self.anchor_at:
            down, up = self._flow(self.anchor_at, start)
            self.anchor_at, self.down, self.up = float(start), self.down + down, self.up + up

    def _flow(self, since: float, until: float) -> tuple[int, int]:
        if self.profile is None or not self.flowing or until <= since:
            return 0, 0
        return octets(self.profile, since, until, self.level)

    def to_dict(self) -> dict[str, Any]:
        """What another process needs to go on counting (the profile is kept by the owner)."""
        level = [self.level.multiplier, self.level.down_bps, self.level.up_bps]
        return {
            "anchor_at": self.anchor_at,
            "down": self.down,
            "up": self.up,
            "level": level,
            "flowing": self.flowing,
        }

    @classmethod
    def from_dict(cls, profile: Profile | None, state: dict[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(profile, **{**state, "level": Level(*state["level"])})
