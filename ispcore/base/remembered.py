"""Small tables that every request asks for: read now and then, and known to the process meanwhile."""

from collections.abc import Callable
from typing import Generic, TypeVar

from ispcore.base import clock
from ispcore.base.rls import identity

FRESH_S = 2.0
"""For how long a process goes by what it read: so late does a change reach the others."""

Found = TypeVar("Found")


class Remembered(Generic[Found]):
    """What a query found, asked again once it is older than FRESH_S: at most one query in that
    time, however many requests ask. `forget` makes the next look-up read, at once."""

    def __init__(self, read: Callable[[], Found]) -> None:
        self._read = read
        self._known: tuple[float, Found] | None = None
        self._forgotten = 0

    def get(self) -> Found:
        known, now, forgotten = self._known, clock.monotonic_s(), self._forgotten
        if known is None or now - known[0] > FRESH_S:
            with identity.acting_for_all():  # what is kept is for whoever asks next
                known = now, self._read()
            if forgotten == self._forgotten:  # else another thread has changed it meanwhile
                self._known = known
        return known[1]

    def forget(self) -> None:
        self._forgotten += 1
        self._known = None
