"""Made-up but repeatable traffic: what a VLAN carries is a pure function of time.

Time is cut into slots of five minutes (aligned to the epoch) and each slot into steps of twenty
seconds. Within a step the rate is constant, and the steps of a slot average to the slot's rate,
so that the octets of a long interval are a short sum of whole slots. Down means towards the
reseller, up means from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

SLOT_S = 300
STEP_S = 20
_STEPS = SLOT_S // STEP_S
_MASK = (1 << 64) - 1

# Share of the evening peak at each full local hour, 00:00 first: trough about 05:00, a plateau
# in the afternoon, the peak at 22:00.
_HOURS = (
    *(0.74, 0.54, 0.38, 0.28, 0.22, 0.20, 0.22, 0.28, 0.37, 0.46, 0.54, 0.59),
    *(0.62, 0.63, 0.64, 0.64, 0.64, 0.66, 0.71, 0.79, 0.88, 0.96, 1.00, 0.90),
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What one VLAN carries on an ordinary day; the peaks are those of a weekday evening."""

    peak_down_bps: int
    peak_up_bps: int
    seed: int = 1
    noise: float = 0.06
    zone: str = "Asia/Dhaka"
    weekend: tuple[int, ...] = (4, 5)  # Monday is 0; Friday and Saturday in Bangladesh


@dataclass(frozen=True, slots=True)
class Level:
    """A scenario's hand on the traffic: a multiplier, or absolute rates that ignore the curve."""

    multiplier: float = 1.0
    down_bps: int | None = None
    up_bps: int | None = None


NORMAL = Level()


def rate_bps(profile: Profile, at: float, level: Level = NORMAL) -> tuple[int, int]:
    """(down, up) in bits per second at an instant (seconds since the epoch)."""
    slot, within = divmod(at, SLOT_S)
    down, up = _step_rate(profile, level, int(slot), int(within // STEP_S))
    return 8 * down, 8 * up


def octets(profile: Profile, since: float, until: float, level: Level = NORMAL) -> tuple[int, int]:
    """(down, up) octets carried between two instants, exactly additive over adjoining intervals.

    Costs about 5 us for each slot of five minutes.
    """
    first, last = math.floor(since / SLOT_S), math.floor(until / SLOT_S)
    down_before, up_before = _since_slot_start(profile, level, since)
    down, up = _since_slot_start(profile, level, until)
    down -= down_before
    up -= up_before
    for slot in range(first, last):
        slot_down, slot_up = _slot_rate(profile, level, slot)
        down += slot_down * SLOT_S
        up += slot_up * SLOT_S
    return down, up


def _since_slot_start(profile: Profile, level: Level, at: float) -> tuple[int, int]:
    slot = math.floor(at / SLOT_S)
    step, rest_s = divmod(at - slot * SLOT_S, STEP_S)
    if step == 0 and rest_s == 0:
        return 0, 0
    down_octets = up_octets = 0
    for whole in range(int(step)):
        down, up = _step_rate(profile, level, slot, whole)
        down_octets += down * STEP_S
        up_octets += up * STEP_S
    down, up = _step_rate(profile, level, slot, int(step))
    return down_octets + int(down * rest_s), up_octets + int(up * rest_s)


def _step_rate(profile: Profile, level: Level, slot: int, step: int) -> tuple[int, int]:
    """(down, up) whole octets per second of one step; what a level fixes does not swing."""
    down, up = _slot_rate(profile, level, slot)
    swing = _swings(profile, slot)[step]
    if level.down_bps is None:
        down += int(down * swing)
    if level.up_bps is None:
        up += int(up * swing)
    return down, up


@lru_cache(maxsize=65536)
def _slot_rate(profile: Profile, level: Level, slot: int) -> tuple[int, int]:
    """(down, up) whole octets per second of one slot."""
    down = up = 0.0
    if level.down_bps is None or level.up_bps is None:
        at = slot * SLOT_S
        hour, in_hour = divmod(at, 3600)
        share = _curve(profile, at) * (1 + profile.noise * _drift(profile.seed, hour, in_hour))
        white = _bits(profile.seed, slot)
        scale = level.multiplier * share / 8
        down = profile.peak_down_bps * scale * (1 + profile.noise * _unit(white) / 2)
        up = profile.peak_up_bps * scale * (1 + profile.noise * _unit(white >> 24) / 2)
    if level.down_bps is not None:
        down = level.down_bps / 8
    if level.up_bps is not None:
        up = level.up_bps / 8
    return int(down), int(up)


@lru_cache(maxsize=4096)
def _swings(profile: Profile, slot: int) -> tuple[float, ...]:
    """How far each step of a slot stands off the slot's rate; mirrored, so they sum to zero."""
    half = [
        profile.noise * _unit(_bits(profile.seed ^ 0x5EED, slot * _STEPS + step)) / 2
        for step in range(_STEPS // 2)
    ]
    return (*half, 0.0, *(-swing for swing in half))


def _curve(profile: Profile, at: int) -> float:
    local = at + _offset_s(profile.zone, at // 3600)
    day, second = divmod(local, 86400)
    hour, in_hour = divmod(second, 3600)
    blend = (1 - math.cos(math.pi * in_hour / 3600)) / 2
    share = _HOURS[hour] + (_HOURS[(hour + 1) % 24] - _HOURS[hour]) * blend
    share *= 1 + profile.noise * _unit(_bits(profile.seed ^ 0xDA7, day)) / 2
    if (day + 3) % 7 in profile.weekend:  # day 0 of the epoch was a Thursday
        # homes are full by day, offices empty: the daytime rises, the evening hardly
        share *= 1.03 + 0.22 * math.sin(math.pi * min(max(second - 28800, 0), 43200) / 43200)
    return share


def _drift(seed: int, hour: int, in_hour: int) -> float:
    """Slow noise in -1..1: a straight line between one random value per hour."""
    start, end = _knot(seed, hour), _knot(seed, hour + 1)
    return start + (end - start) * in_hour / 3600


@lru_cache(maxsize=16384)
def _knot(seed: int, hour: int) -> float:
    return _unit(_bits(seed ^ 0xD21F7, hour))


@lru_cache(maxsize=16384)
def _offset_s(zone: str, hour: int) -> int:
    offset = datetime.fromtimestamp(hour * 3600, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _bits(seed: int, number: int) -> int:
    """64 well-mixed bits from two numbers (the finaliser of splitmix64)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + number * 0xD1B54A32D192ED03) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return mixed ^ (mixed >> 31)


def _unit(bits: int) -> float:
    """The low 24 bits as a number from -1 to 1."""
    return (bits & 0xFFFFFF) / 0x7FFFFF - 1
