"""From two readings of an interface's counters to the octets of the interval between them.

The rules are those of RFC 2863 and of practice (docs/collection.md): time comes from sysUpTime;
a restart, a discontinuity, a 64-bit counter that fell or an impossible rate discards the
interval; a 32-bit counter may wrap once.
"""

from dataclasses import dataclass

from ispcore.base.timeseries.quality import Quality

TICKS_WRAP = 2**32  # TimeTicks: 497.1 days
COUNTER32 = 2**32
HEADROOM_PERCENT = 110
TOLERANCE_MS = 5_000  # and 2 %: so far our clock and the device's may be apart
LATEST_MS = 600_000  # a reading that is older than this by our clock did not merely arrive late
LATEST_AGREED_MS = 7 * 86_400_000  # nor than this, where the device's clock says the same
LEAP_MS = 7_200_000  # a longer time is not believed of a device against our clock
UNKNOWN_SPEED_CAP_BPS = 400_000_000_000  # where the interface does not tell its speed
HIGHEST_SPEED_BPS = 100_000_000_000_000  # who tells more does not know its speed
MOST_OCTETS = 2**60  # in one interval: 106 days at 1 Tbit/s, and sums of it still fit their columns


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One reading of one interface: time in epoch milliseconds, uptime in 1/100 s, octets.

    `uptime_step_ticks` is how coarse the uptime is: 1 over SNMP, 100 from RouterOS' API. `bits` is
    64 or 32, or 0 where the counters are known to be those of another port by now.
    """

    at_ms: int
    uptime_ticks: int
    in_octets: int
    out_octets: int
    bits: int = 64
    discontinuity_ticks: int | None = None
    uptime_step_ticks: int = 1


@dataclass(frozen=True, slots=True)
class Interval:
    """Octets that went by between two instants (epoch ms); None where nothing can be said.

    `span_ms` is the time between the readings by the device's own clock: rates use it.
    """

    start_ms: int
    end_ms: int
    in_octets: int | None
    out_octets: int | None
    span_ms: int
    quality: Quality = Quality.GOOD

    @property
    def in_bps(self) -> int | None:
        return _bps(self.in_octets, self.span_ms)

    @property
    def out_bps(self) -> int | None:
        return _bps(self.out_octets, self.span_ms)


def interval(before: Snapshot, after: Snapshot, *, speed_bps: int | None) -> Interval | None:
    """The interval between two readings, or None when `after` is a duplicate or late arrival.

    A discarded interval has no octets and carries the reason in its quality. Readings by SNMP and
    by the API may follow each other: a discontinuity that only one of them tells is no change,
    and counters of different width are compared in the narrower one.
    """
    if _is_no_news(before, after):
        return None
    wall_ms = after.at_ms - before.at_ms
    grown_ticks = after.uptime_ticks - before.uptime_ticks
    span_ms = _uptime_span_ms(grown_ticks, wall_ms, after.uptime_ticks)
    if span_ms is None:
        return _discarded(before, after, Quality.RESTARTED)
    if not before.bits or _differ(before.discontinuity_ticks, after.discontinuity_ticks):
        return _discarded(before, after, Quality.DISCONTINUOUS)
    stepped = wall_ms <= 0 or abs(span_ms - wall_ms) > _tolerance_ms(span_ms)
    if stepped and span_ms > LEAP_MS and span_ms - wall_ms > LEAP_MS:
        return _discarded(before, after, Quality.DISCONTINUOUS | Quality.CLOCK_STEPPED)
    if not stepped and after.uptime_step_ticks > 1:
        span_ms = wall_ms  # whole seconds of uptime are coarser than our own clock
    start_ms = after.at_ms - span_ms if stepped else before.at_ms
    return _measured(before, after, start_ms, span_ms, speed_bps, stepped=stepped)


def _is_no_news(before: Snapshot, after: Snapshot) -> bool:
    """The reading is a duplicate, or was taken before the one that is known.

    Late it is when it is a little older by our clock and no younger by the device's; when the two
    agree on how much older it is (another host may bring it days late); or when it is a little
    older by the device's, which cannot have restarted in that time (our clock was stepped in
    between). Taken for a restart it would become the anchor, and be counted from twice.
    """
    wall_ms, grown_ticks = after.at_ms - before.at_ms, after.uptime_ticks - before.uptime_ticks
    if -LATEST_MS < wall_ms <= 0 and grown_ticks <= 0:
        return True
    earlier_ms = -grown_ticks % TICKS_WRAP * 10
    if not 0 < earlier_ms <= LATEST_AGREED_MS:
        return False
    if abs(wall_ms + earlier_ms) <= _tolerance_ms(earlier_ms):
        return True
    may_have_restarted = after.uptime_ticks * 10 <= wall_ms + _tolerance_ms(wall_ms)
    return earlier_ms <= LATEST_MS and not may_have_restarted


def _differ(before: int | None, after: int | None) -> bool:
    return before is not None and after is not None and before != after


def _measured(
    before: Snapshot,
    after: Snapshot,
    start_ms: int,
    span_ms: int,
    speed_bps: int | None,
    *,
    stepped: bool,
) -> Interval:
    most = most_octets(speed_bps, span_ms)
    bits = min(before.bits, after.bits)
    in_octets, in_quality = _growth(before.in_octets, after.in_octets, bits, most)
    out_octets, out_quality = _growth(before.out_octets, after.out_octets, bits, most)
    quality = in_quality | out_quality | (Quality.CLOCK_STEPPED if stepped else Quality.GOOD)
    if in_octets is None or out_octets is None:
        return Interval(start_ms, after.at_ms, None, None, span_ms, quality)
    return Interval(start_ms, after.at_ms, in_octets, out_octets, span_ms, quality)


def most_octets(speed_bps: int | None, span_ms: int) -> int:
    """What an interface of this speed (None: unknown) can have counted in so many milliseconds."""
    told = speed_bps if speed_bps and speed_bps <= HIGHEST_SPEED_BPS else UNKNOWN_SPEED_CAP_BPS
    return min(told * HEADROOM_PERCENT * span_ms // 800_000, MOST_OCTETS)


def _growth(before: int, after: int, bits: int, most: int) -> tuple[int | None, Quality]:
    if bits == 32:
        before, after = before % COUNTER32, after % COUNTER32
    grown, quality = after - before, Quality.GOOD
    if grown < 0:
        if bits != 32:
            return None, Quality.COUNTER_FELL
        grown, quality = grown + COUNTER32, Quality.WRAPPED
    if grown > most:
        return None, Quality.COUNTER_FELL if quality else Quality.TOO_FAST
    if bits == 32 and grown + COUNTER32 <= most:
        quality |= Quality.AMBIGUOUS
    return grown, quality


def _uptime_span_ms(grown_ticks: int, wall_ms: int, uptime_ticks: int) -> int | None:
    """Milliseconds between the readings by the device's own clock; None: it restarted.

    An uptime that grew less than our clock means that our clock was stepped, or, where the device
    could have started between the readings, that it did (however high its uptime is by now).
    """
    tolerance_ms = _tolerance_ms(wall_ms)
    if grown_ticks < 0:
        wrapped_ms = (grown_ticks + TICKS_WRAP) * 10
        return wrapped_ms if abs(wrapped_ms - wall_ms) <= tolerance_ms else None
    lags = grown_ticks * 10 + tolerance_ms < wall_ms
    if lags and uptime_ticks * 10 <= wall_ms + tolerance_ms:
        return None
    return grown_ticks * 10 if grown_ticks else max(wall_ms, 1)


def _tolerance_ms(span_ms: int) -> int:
    return TOLERANCE_MS + abs(span_ms) // 50


def _discarded(before: Snapshot, after: Snapshot, why: Quality) -> Interval:
    start_ms = min(before.at_ms, after.at_ms)
    return Interval(start_ms, after.at_ms, None, None, after.at_ms - start_ms, why)


def _bps(octets: int | None, span_ms: int) -> int | None:
    return None if octets is None or span_ms <= 0 else octets * 8000 // span_ms
