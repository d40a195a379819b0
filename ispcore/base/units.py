"""Bit rates, octets, percentages and ages: read from what people type, written as they read them.

Rates are bits per second and decimal: 1 Mbps is 10^6 bit/s. Percent is 0 to 100.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal

NBSP = "\u00a0"  # a unit never leaves its number
_POWERS = {"": 0, "k": 3, "m": 6, "g": 9, "t": 12}
_RATE = re.compile(
    r"^(\d{1,15}|\d{1,3}(?:,\d{3}){1,4})(\.\d{1,9})?\s*([kmgt]?)(?:bps|bit/s|b/s|bits/s)?$",
    re.IGNORECASE | re.ASCII,
)
_SI = ("", "k", "M", "G", "T", "P", "E")


class NotARate(ValueError):
    """The text is not a bit rate; the message says what one looks like."""


def parse_bps(text: str) -> int:
    """Bits per second from "200M", "1.5 Gbps", "64k" or "2,000,000". Raises NotARate.

    A comma only separates thousands: "1,5 Gbps" is refused, for it means 1.5 to some of us and
    would be read as 15.
    """
    match = _RATE.match(text.strip())
    if not match:
        raise NotARate(f"“{text[:40]}” is not a bit rate: write it like 200M, 1.5 Gbps or 64k")
    whole, fraction, prefix = match.groups()
    number = Decimal(whole.replace(",", "") + (fraction or ""))
    bps = number.scaleb(_POWERS[prefix.lower()])
    if bps != bps.to_integral_value():
        raise NotARate(f"“{text[:40]}” is not a whole number of bits per second")
    return int(bps)


def rate_text(bps: int) -> str:
    """The shortest text that parse_bps reads back to the same number: "200M", "1500k"."""
    for prefix in ("T", "G", "M", "k"):
        unit = 10 ** _POWERS[prefix.lower()]
        if bps and bps % (unit // 1000) == 0 and bps >= unit:
            whole, rest = divmod(bps, unit)
            return (
                f"{whole}{prefix}"
                if not rest
                else f"{whole}.{rest * 1000 // unit:03d}".rstrip("0") + prefix
            )
    return str(bps)


def significant(value: float, digits: int = 3) -> str:
    """`value` with three significant digits, never in exponent form: 17.2, 412, 1,280."""
    number = Decimal(str(value))
    if not number:
        return "0"
    rounded = number.quantize(_quantum(number, digits), rounding=ROUND_HALF_EVEN)
    rounded = rounded.quantize(_quantum(rounded, digits))  # 0.9996 became 1.000: one digit too many
    return f"{rounded:,f}".replace("-", "−")


def _quantum(number: Decimal, digits: int) -> Decimal:
    return Decimal(1).scaleb(min(max(number.adjusted() - digits + 1, -6), 0))


def scaled(value: float, unit: str) -> tuple[str, str]:
    """Number and unit with an SI prefix: (412000000, "bps") gives ("412", "Mbps")."""
    power = 0
    size = abs(value)
    while size >= 999.5 and power < len(_SI) - 1:
        size /= 1000
        power += 1
    return significant(value / 1000**power), f"{_SI[power]}{unit}"


def format_bps(bps: float | None) -> str:
    """ "412 Mbps" with a no-break space, or "unknown"."""
    return "unknown" if bps is None else NBSP.join(scaled(bps, "bps"))


def format_octets(octets: float | None) -> str:
    """ "1.24 TB" (decimal), or "unknown"."""
    return "unknown" if octets is None else NBSP.join(scaled(octets, "B"))


def format_percent(percent: float | None) -> str:
    """ "108 %", one decimal below ten, "< 0.1 %" for what is hardly there, or "unknown"."""
    if percent is None:
        return "unknown"
    if 0 < percent < 0.05:
        return f"<{NBSP}0.1{NBSP}%"
    return f"{percent:.0f}{NBSP}%" if percent >= 9.95 or percent == 0 else f"{percent:.1f}{NBSP}%"


def utilisation_percent(bps: int | None, capacity_bps: int | None) -> float | None:
    """100 × rate / capacity; None where either is unknown or the capacity is zero."""
    return None if bps is None or not capacity_bps else 100 * bps / capacity_bps


def format_names(names: Sequence[str], *, most: int = 5, count: int | None = None) -> str:
    """ "ali, bea and 18 more", of `count` names of which these are the first."""
    more = (len(names) if count is None else count) - len(names[:most])
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def format_duration(span: timedelta) -> str:
    """Two units at most: "38 s", "12 min", "1 h 54 min", "41 d 6 h"."""
    seconds = max(int(span.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds}{NBSP}s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if minutes < 60:
        return f"{minutes}{NBSP}min"
    if hours < 24:
        return _two(hours, "h", minutes % 60, "min")
    return _two(days, "d", hours % 24, "h")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    head = f"{large}{NBSP}{large_unit}"
    return f"{head} {small}{NBSP}{small_unit}" if small else head
