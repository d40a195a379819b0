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
    _said: int = 0
    _lost: tuple[int, int, int] = (0, 0, 0)

    def cycle(self, attempts: Sequence[Attempt], took_s: float) -> None:
        self.routers, self.cycle_s = len(attempts), took_s
        self.answered = sum(1 for attempt in attempts if attempt.reading)
        self.polled_at = clock.now()

    def write(self, share: Share, routers: int, spool: Spool) -> None:
        """Bring the collector's row up to date and judge its spool."""
        now, depth = clock.now(), spool.depth
        row = Collector.objects.filter(node=settings.NODE).first()
        row = row or Collector(node=settings.NODE)
        lost = self._newly_lost(spool)
        if any(lost):
            row.lost_at = now
        row.dropped, row.refused, row.damaged = (
            before + new
            for before, new in zip((row.dropped, row.refused, row.damaged), lost, strict=True)
        )
        row.share, row.routers, row.answered = str(share), routers, self.answered
        row.polled_at, row.cycle_s, row.seen_at = self.polled_at, self.cycle_s, now
        row.spool_batches, row.spool_octets = depth.batches, depth.octets
        oldest = depth.oldest_at_s
        row.spool_oldest_at = datetime.fromtimestamp(oldest, UTC) if oldest else None
        row.save()
        _judge(row, depth)
        if self._said != depth.batches or any(lost):
            publish("overview")
        self._said = depth.batches

    def _newly_lost(self, spool: Spool) -> tuple[int, int, int]:
        """Batches dropped, batches refused and lines damaged since the last word."""
        now = (spool.dropped, spool.refused, spool.damaged)
        new = tuple(after - before for after, before in zip(now, self._lost, strict=True))
        self._lost = now
        return new  # type: ignore[return-value]  # of three, as both are


def subject_of(row: Collector) -> Subject:
    """The collector as monitoring names it."""
    return Subject("routers.collector", row.pk, f"Collector {row.node}")


def _judge(row: Collector, depth: Depth) -> None:
    now = clock.now()
    age_s = depth.age_s(now.timestamp())
    batches = "1 batch waits" if depth.batches == 1 else f"{depth.batches} batches wait"
    waited = units.format_duration(timedelta(seconds=age_s))
    words = f"{batches} for the database, the oldest for {waited}"
    waiting = Observation(subject_of(row), age_s, says=lambda _level: words)
    rules.evaluate(Metric.COLLECTOR_WAITING_S, [waiting])
    lost = float(row.lost) if row.lost_lately(now) else 0.0
    found = Observation(subject_of(row), lost, says=lambda _level: row.lost_words)
    rules.evaluate(Metric.COLLECTOR_LOST_BATCHES, [found])
