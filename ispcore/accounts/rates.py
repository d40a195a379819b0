"""How many requests a minute somebody may make, counted in the memory of the web process."""

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


of_tokens = Rates()
