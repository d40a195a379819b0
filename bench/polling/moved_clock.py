"""A clock that is moved ahead between two cycles, so that five minutes need not be waited for.

Only this process's idea of the time moves, and the routers' uptime moves with it: what is between
two readings is what the code under test finds out by itself.
"""

import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from unittest import mock

from ispcore.base import clock
from ispcore.base.timeseries.buckets import BUCKET_S


class MovedClock:
    """Starts in the middle of a 5-minute bucket and runs on with real time in between."""

    def __init__(self) -> None:
        self._real = time.time
        self._ahead_s = BUCKET_S / 2 - self._real() % BUCKET_S
        mock.patch.object(time, "time", self._moved).start()

    def step(self, seconds: float) -> None:
        self._ahead_s += seconds

    def stopped_for_the_portal(self) -> AbstractContextManager[None]:
        """The portal's own clock cannot be shifted, only stopped: at the moment of the call."""
        return clock.frozen(datetime.fromtimestamp(self._moved(), UTC))

    def _moved(self) -> float:
        return self._real() + self._ahead_s
