"""Intervals of any length and phase, cut exactly onto the 5-minute grid.

Octets are conserved: the parts of an interval always sum to the whole, octet for octet. A bucket
is finished, and handed on once, when an interval reaches past its end. Our clock says where an
interval lies; how long it lasted, and so every rate, the device's says.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ispcore.base.timeseries.counters import Interval
from ispcore.base.timeseries.quality import DISCARDED, Quality

BUCKET_S = 300
BUCKET_MS = BUCKET_S * 1000
LATE_MS = BUCKET_MS * 3 // 2  # an interval longer than this is spread, and says so
FOLD_MS = 7_200_000  # a clock stepped back by up to two hours is waited for
FULL_MS = BUCKET_MS * 98 // 100  # as far as the two clocks may differ before they disagree
GAP_ROWS = 2 * 288  # at most two days of empty buckets are written out for one gap

_Poured = tuple[int, int, int]  # covered ms, octets in, octets out
NOTHING: _Poured = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket in the making or finished; `start_ms` is epoch ms on the 5-minute grid.

    `covered_ms` is the time that its octets took by the device's clock: a little more or less than
    the bucket is long where the clocks differ, and much more where time was folded into it.
    """

    start_ms: int
    in_octets: int = 0
    out_octets: int = 0
    covered_ms: int = 0
    quality: Quality = Quality.GOOD

    @property
    def in_bps(self) -> int | None:
        return self.in_octets * 8000 // self.covered_ms if self.covered_ms else None

    @property
    def out_bps(self) -> int | None:
        return self.out_octets * 8000 // self.covered_ms if self.covered_ms else None


def add(pending: Bucket | None, interval: Interval) -> tuple[list[Bucket], Bucket]:
    """Pour `interval` into the grid: the buckets it finished, and the one still open.

    Time that falls before the open bucket (a clock stepped back) is folded into the open one, so
    that no bucket is finished twice; its rate stays true, for the time that was folded counts. A
    clock that went back further than FOLD_MS was wrong for long: counting starts anew where it is
    now, and the primary key of the series keeps what is there already.
    """
    finished: list[Bucket] = []
    current = pending
    if current is not None and interval.end_ms < current.start_ms - FOLD_MS:
        _finish(current, finished)
        current = None
    for part in _parts(interval):
        if current is None:
            current = Bucket(part.start_ms)
        if part.start_ms > current.start_ms:
            _finish(current, finished)
            current = Bucket(part.start_ms)
        current = replace(
            current,
            in_octets=current.in_octets + part.in_octets,
            out_octets=current.out_octets + part.out_octets,
            covered_ms=current.covered_ms + part.covered_ms,
            quality=current.quality | part.quality,
        )
    assert current is not None  # noqa: S101 - an interval has at least one part
    return _trimmed(finished), current


def _parts(interval: Interval) -> Iterator[Bucket]:
    """The interval cut at the grid lines; a discarded one covers nothing and leaves its reason.

    Octets follow the covered time, not the grid's, so that no part is faster than the whole.
    """
    length_ms = interval.end_ms - interval.start_ms
    measured = interval.in_octets is not None
    late = length_ms > LATE_MS and measured
    quality = interval.quality | (Quality.INTERPOLATED if late else Quality.GOOD)
    whole = (interval.span_ms, interval.in_octets or 0, interval.out_octets or 0)
    if not measured:
        whole = NOTHING
    given, start = NOTHING, interval.start_ms
    while True:
        grid = start // BUCKET_MS * BUCKET_MS
        end = min(grid + BUCKET_MS, interval.end_ms)
        upto = _upto(whole, end - interval.start_ms, length_ms)
        yield Bucket(grid, upto[1] - given[1], upto[2] - given[2], upto[0] - given[0], quality)
        given, start = upto, end
        if start >= interval.end_ms:
            return


def _upto(whole: _Poured, done_ms: int, length_ms: int) -> _Poured:
    """What of the whole lies in the first `done_ms` of an interval `length_ms` long."""
    span_ms, into, out = whole
    if done_ms >= length_ms or not span_ms:
        return whole
    covered = span_ms * done_ms // length_ms
    return covered, into * covered // span_ms, out * covered // span_ms


def _finish(bucket: Bucket, finished: list[Bucket]) -> None:
    """Hand the bucket on, unless nothing at all is known of it."""
    if bucket.covered_ms >= FULL_MS:
        finished.append(bucket)
    elif bucket.covered_ms or bucket.quality:
        finished.append(replace(bucket, quality=bucket.quality | Quality.PARTIAL))


def _trimmed(finished: list[Bucket]) -> list[Bucket]:
    """A gap of weeks is not written out as thousands of empty rows."""
    if len(finished) <= GAP_ROWS:
        return finished
    return [
        b for b in finished[:-GAP_ROWS] if b.covered_ms or not b.quality & DISCARDED
    ] + finished[-GAP_ROWS:]
