"""When a router comes and goes too often to be called up or down: plain functions, no database.

Only the last few changes are kept, so judging costs the same after a quiet year and in the worst
storm. A line that is cut twice by a thunderstorm makes four changes (down, up, down, up): that is
not flapping yet. Ten minutes are long enough to join the bounces of a bad link or a rebooting
router, and short enough that a repaired one is called well soon.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MOST_CHANGES = 4  # more than these within WINDOW are flapping
WINDOW = timedelta(minutes=10)  # and so long without any change ends it


@dataclass(frozen=True, slots=True)
class Flips:
    """The last changes between answering and not, as "epoch,epoch" in seconds, oldest first; since
    when they are flapping, and how many they were since then."""

    times: str = ""
    since: datetime | None = None
    changes: int = 0

    def changed(self, at: datetime) -> "Flips":
        """After one more change."""
        start, now_s = (at - WINDOW).timestamp(), int(at.timestamp())
        recent = [t for t in self._times()[-MOST_CHANGES:] if t > start] + [now_s]
        times = ",".join(map(str, recent))
        if self.lasts(at):
            return Flips(times, self.since, self.changes + 1)
        if len(recent) > MOST_CHANGES:
            return Flips(times, at, len(recent))
        return Flips(times)

    def lasts(self, now: datetime) -> bool:
        """Whether it is flapping now."""
        if self.since is None:
            return False
        return now - datetime.fromtimestamp(self._times()[-1], UTC) < WINDOW

    def _times(self) -> list[int]:
        return [int(time) for time in self.times.split(",") if time]
