"""RouterOS durations: `1w2d03:04:05`, `3d4h5m6s`, `00:00:07`, `5s200ms`."""

import re

from ispcore.protocols.errors import Nonsense

_DURATION = re.compile(
    r"(?:(?P<w>\d+)w)?(?:(?P<d>\d+)d)?"
    r"(?:(?P<H>\d+):(?P<M>[0-5]\d):(?P<S>[0-5]\d(?:\.\d+)?)"
    r"|(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m(?!s))?(?:(?P<s>\d+(?:\.\d+)?)s)?(?:(?P<ms>\d+)ms)?)",
    re.ASCII,
)
_SECONDS = {
    "w": 604_800.0,
    "d": 86_400.0,
    "H": 3_600.0,
    "h": 3_600.0,
    "M": 60.0,
    "m": 60.0,
    "S": 1.0,
    "s": 1.0,
    "ms": 0.001,
}
LONGEST_S = 50 * 366 * 86_400.0  # RouterOS is younger


def parse_uptime(text: str) -> float:
    """Seconds. Raises Nonsense for anything else than a RouterOS duration."""
    found = _DURATION.fullmatch(text)
    if not found or not text:
        raise Nonsense(f"not a RouterOS duration: {text[:40]!r}")
    parts = {unit: number for unit, number in found.groupdict().items() if number is not None}
    seconds = sum(float(number) * _SECONDS[unit] for unit, number in parts.items())
    if seconds > LONGEST_S:
        raise Nonsense(f"no router runs that long: {text[:40]!r}")
    return seconds
