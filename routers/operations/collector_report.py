"""What a collector tells of itself: its row for the pages, and the alerts on its spool."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings

from ispcore.base import clock, units
from ispcore.base.shares import Share
from ispcore.base.spool import Depth, Spool
from ispcore.live.publish import publish
from monitoring.models import Metric
from monitoring.operations import rules
from monitoring.operations.alerts import Subject
from monitoring.operations.rules import Observation
from routers.models import Collector
from routers.operations.reading import Attempt


@dataclass(slots=True)
class Report:
    """Figures of the last collection, kept until the next word to the database."""

    routers: int = 0
    answered: int = 0
    cycle_s: float | None = None
    polled_at: datetime | None = None
    _said: tuple[int, int] = (0, 0)

    def cycle(self, attempts: Sequence[Attempt], took_s: float) -> None:
        self.routers, self.cycle_s = len(attempts), took_s
        self.answered = sum(1 for attempt in attempts if attempt.reading)
        self.polled_at = clock.now()

    def write(self, share: Share, routers: int, spool: Spool) -> None:
        """Bring the collector's row up to date and judge its spool."""
        now, depth = clock.now(), spool.depth
        lost = spool.dropped + spool.refused
        oldest = datetime.fromtimestamp(depth.oldest_at_s, UTC) if depth.oldest_at_s else None
        row, _ = Collector.objects.update_or_create(
            node=settings.NODE,
            defaults={
                "share": str(share),
                "routers": routers,
                "answered": self.answered,
                "polled_at": self.polled_at,
                "cycle_s": self.cycle_s,
                "seen_at": now,
                "spool_batches": depth.batches,
                "spool_octets": depth.octets,
                "spool_oldest_at": oldest,
                "dropped": spool.dropped,
                "refused": spool.refused,
                "damaged": spool.damaged,
            },
        )
        _judge(row, depth, lost)
        if self._said != (depth.batches, lost):
            publish("overview")
        self._said = (depth.batches, lost)


def _judge(row: Collector, depth: Depth, lost: int) -> None:
    subject = Subject("routers.collector", row.pk, f"Collector {row.node}", None)
    age_s = depth.age_s(clock.now().timestamp())
    batches = "1 batch waits" if depth.batches == 1 else f"{depth.batches} batches wait"
    waited = units.format_duration(timedelta(seconds=age_s))
    waiting = Observation(
        subject, age_s, says=lambda _level: f"{batches} for the database, the oldest for {waited}"
    )
    rules.evaluate(Metric.COLLECTOR_WAITING_S, [waiting])
    batches = "1 batch" if lost == 1 else f"{lost} batches"
    words = f"{batches} of readings could not be kept; later readings hold its traffic"
    rules.evaluate(
        Metric.COLLECTOR_LOST_BATCHES,
        [Observation(subject, float(lost), says=lambda _level: words)],
    )
