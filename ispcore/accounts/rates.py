"""What is counted per minute or so in the memory of a web process: requests, and suspicions."""

import threading

from ispcore.base import clock

MOST_KEPT = 10_000


class Rates:
    """A bucket per key: a minute's worth at once, refilled evenly.

    In memory, since a write to the database per request would cost more than most requests do: N
    web processes together let through up to N times the rate.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}  # key: (left, counted at)

    def wait_s(self, key: str, *, per_min: int) -> float:
        """0 where this request may pass (and is counted), else seconds until one may."""
        now = clock.monotonic_s()
        with self._lock:
            left, counted_at = self._buckets.get(key, (float(per_min), now))
            left = min(left + (now - counted_at) * per_min / 60, per_min)
            if left < 1:
                self._buckets[key] = left, now
                return (1 - left) * 60 / per_min
            if len(self._buckets) >= MOST_KEPT:
                self._buckets.clear()
            self._buckets[key] = left - 1, now
            return 0.0


class Windows:
    """How often something happened within a span of time that begins when it first does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[int, float]] = {}  # key: (times, the window's end)

    def count(self, key: str, *, for_s: float) -> int:
        """How often this was called for `key` in the window of `for_s` seconds, now included."""
        now = clock.monotonic_s()
        with self._lock:
            times, ends_at = self._seen.get(key, (0, 0.0))
            if ends_at <= now:
                times, ends_at = 0, now + for_s
            if len(self._seen) >= MOST_KEPT:
                self._seen = {k: v for k, v in self._seen.items() if v[1] > now}
            if len(self._seen) >= MOST_KEPT:
                self._seen.clear()
            self._seen[key] = times + 1, ends_at
            return times + 1

    def clear(self) -> None:
        with self._lock:
            self._seen.clear()


of_tokens = Rates()
