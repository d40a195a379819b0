"""Intervals of any length and phase, cut exactly onto the 5-minute grid.

Octets are conserved: the parts of an interval always sum to the whole, octet for octet. A bucket
is finished, and handed on once, when an interval reaches past its end.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ispcore.base.timeseries.counters import Interval
from ispcore.base.timeseries.quality import DISCARDED, Quality

BUCKET_S = 300
BUCKET_MS = BUCKET_S * 1000
WHOLE_MS = BUCKET_MS - 500  # seen so far, a bucket counts as seen throughout
LATE_MS = BUCKET_MS * 3 // 2  # an interval longer than this is spread, and says so
FOLD_MS = 7_200_000  # a clock stepped back by up to two hours is waited for
GAP_ROWS = 2 * 288  # at most two days of empty buckets are written out for one gap


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket in the making or finished; `start_ms` is epoch ms on the 5-minute grid.

    `covered_ms` is more than the bucket is long where time was folded into it.
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
    for part in _parts(interval):
        if current is None:
            current = Bucket(part.start_ms)
        if part.start_ms > current.start_ms or part.start_ms < current.start_ms - FOLD_MS:
            finished.append(_close(current))
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
    """The interval cut at the grid lines; a discarded one covers nothing and leaves its reason."""
    span_ms = interval.end_ms - interval.start_ms
    late = span_ms > LATE_MS and interval.in_octets is not None
    quality = interval.quality | (Quality.INTERPOLATED if late else Quality.GOOD)
    given_in = given_out = 0
    start = interval.start_ms
    while True:
        grid = start // BUCKET_MS * BUCKET_MS
        end = min(grid + BUCKET_MS, interval.end_ms)
        done = end - interval.start_ms
        sum_in = _share(interval.in_octets, done, span_ms)
        sum_out = _share(interval.out_octets, done, span_ms)
        covered = end - start if interval.in_octets is not None else 0
        yield Bucket(grid, sum_in - given_in, sum_out - given_out, covered, quality)
        given_in, given_out, start = sum_in, sum_out, end
        if start >= interval.end_ms:
            return


def _share(octets: int | None, done_ms: int, span_ms: int) -> int:
    return 0 if octets is None else octets * done_ms // span_ms if span_ms else octets


def _close(bucket: Bucket) -> Bucket:
    if bucket.covered_ms >= WHOLE_MS:
        return bucket
    return replace(bucket, quality=bucket.quality | Quality.PARTIAL)


def _trimmed(finished: list[Bucket]) -> list[Bucket]:
    """A gap of weeks is not written out as thousands of empty rows."""
    if len(finished) <= GAP_ROWS:
        return finished
    return [
        b for b in finished[:-GAP_ROWS] if b.covered_ms or not b.quality & DISCARDED
    ] + finished[-GAP_ROWS:]
