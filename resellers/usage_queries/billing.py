"""Usage as it is billed: the 95th percentile, octets of a month, of one reseller or of all."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Case, F, Sum, When

from ispcore.base import clock
from ispcore.base.rls import identity
from ispcore.base.timeseries.percentile import percentile95
from resellers.models import Mapping, Reseller, UsageDaily
from resellers.usage_queries.points import (
    BUCKET,
    HALF_BUCKET_S,
    Span,
    five_minutes,
    grid,
    overdue,
    spans,
)

ESTIMATED_BELOW_PERCENT = 95
RESELLERS_A_QUERY = 25  # half a second of the server's time: no query comes near its time-out
QUERIES_AT_ONCE = 2
# one row per reseller: complete sums, their 95th percentiles, the last of them. Rates are added
# as float8, twice as fast as bigint and exact to 9 Pbit/s. The rows come from the primary key.
ALL_PERCENTILES = """
    SELECT span.reseller, count(*), max(bucket),
           percentile_disc(0.95) WITHIN GROUP (ORDER BY down)::bigint,
           percentile_disc(0.95) WITHIN GROUP (ORDER BY up)::bigint
    FROM (SELECT * FROM unnest(%(resellers)s::bigint[], %(starts)s::timestamptz[],
                               %(ends)s::timestamptz[], %(facing)s::text[], %(uplink)s::text[],
                               %(live)s::int[])
          AS given (reseller, start, until, facing, uplink, live) ORDER BY reseller) AS span
    CROSS JOIN LATERAL (
        SELECT bucket, sum(down::float8) AS down, sum(up::float8) AS up
        FROM (
            SELECT bucket, out_bps AS down, in_bps AS up, covered_s FROM usage_5m
            WHERE mapping_id = ANY (span.facing::bigint[])
              AND bucket >= span.start AND bucket < span.until
              AND bucket >= %(first)s AND bucket < %(last)s
            UNION ALL
            SELECT bucket, in_bps, out_bps, covered_s FROM usage_5m
            WHERE mapping_id = ANY (span.uplink::bigint[])
              AND bucket >= span.start AND bucket < span.until
              AND bucket >= %(first)s AND bucket < %(last)s
        ) AS samples
        WHERE down IS NOT NULL AND up IS NOT NULL AND covered_s >= %(half)s
        GROUP BY bucket HAVING count(*) = span.live
    ) AS sums
    GROUP BY span.reseller
"""


@dataclass(frozen=True, slots=True)
class Percentile:
    """The 95th percentile of a period so far: nearest rank, each direction for itself.

    `expected` counts the 5-minute samples the period should have up to now, `received` those
    that are there; below 95 % complete it is an estimate.
    """

    down_bps: int | None
    up_bps: int | None
    received: int
    expected: int

    @property
    def bps(self) -> int | None:
        """The larger of the two: what is billed."""
        known = [v for v in (self.down_bps, self.up_bps) if v is not None]
        return max(known, default=None)

    @property
    def direction(self) -> str:
        return "up" if (self.up_bps or 0) > (self.down_bps or 0) else "down"

    @property
    def completeness_percent(self) -> float | None:
        return 100 * self.received / self.expected if self.expected else None

    @property
    def is_estimated(self) -> bool:
        complete = self.completeness_percent
        return complete is not None and complete < ESTIMATED_BELOW_PERCENT

    @property
    def missing(self) -> int:
        return max(self.expected - self.received, 0)


def percentile(reseller: Reseller, start: datetime, end: datetime) -> Percentile:
    """The 95th percentile from `start` up to `end` or now, whichever is first."""
    until = min(end, grid(clock.now()))
    points = five_minutes(reseller, start, until) if until > start else []
    received = [p for p in points if p.down_bps is not None and p.up_bps is not None]
    return Percentile(
        percentile95(p.down_bps for p in received if p.down_bps is not None),
        percentile95(p.up_bps for p in received if p.up_bps is not None),
        len(received),
        len(points),
    )


def percentiles(start: datetime, end: datetime) -> dict[int, Percentile]:
    """`percentile` of every reseller that had a mapping in the period, by primary key.

    On PostgreSQL 17 million samples of 400 resellers take some 9 s of two of its cores.
    """
    until = min(end, grid(clock.now()))
    theirs = _spans_by_reseller(grid(start), until) if until > start else {}
    if connection.vendor != "postgresql":
        named = Reseller.objects.in_bulk(list(theirs))
        return {pk: percentile(reseller, start, end) for pk, reseller in named.items()}
    found = _all_percentiles(theirs)
    return {pk: _percentile(theirs[pk], found.get(pk, NOTHING)) for pk in theirs}


@dataclass(frozen=True, slots=True)
class Octets:
    """What a reseller's mappings carried in a period, from its own side."""

    reseller_id: int
    down_octets: int
    up_octets: int

    @property
    def octets(self) -> int:
        return self.down_octets + self.up_octets


def top(count: int, start: datetime, end: datetime) -> list[Octets]:
    """The resellers with most octets in both directions, from the sums of the ISP's days.

    Every day that lies in the period partly counts wholly, up to the last roll-up.
    """
    rows = _octets(start, end).order_by("-both", "mapping__reseller")[:count]
    return [Octets(row["mapping__reseller"], int(row["down"]), int(row["up"])) for row in rows]


def octets(reseller: Reseller, start: datetime, end: datetime) -> Octets | None:
    """What one reseller's mappings carried, as in `top`; None where nothing was counted."""
    row = next(iter(_octets(start, end).filter(mapping__reseller=reseller).order_by()), None)
    return Octets(reseller.pk, int(row["down"]), int(row["up"])) if row else None


def _octets(start: datetime, end: datetime) -> Any:
    first, last = clock.isp_date(start), clock.isp_date(end - timedelta(microseconds=1))
    faces = When(mapping__side=Mapping.Side.RESELLER, then=F("out_octets"))
    against = When(mapping__side=Mapping.Side.RESELLER, then=F("in_octets"))
    return (
        UsageDaily.objects.filter(day__gte=first, day__lte=last)
        .values("mapping__reseller")
        .annotate(
            down=Sum(Case(faces, default=F("in_octets"))),
            up=Sum(Case(against, default=F("out_octets"))),
            both=Sum(F("in_octets") + F("out_octets")),
        )
    )


_Found = tuple[int, datetime | None, int | None, int | None]  # samples, the last, down, up
NOTHING: _Found = (0, None, None, None)


def _spans_by_reseller(start: datetime, end: datetime) -> dict[int, list[Span]]:
    mappings: dict[int, list[Mapping]] = defaultdict(list)
    for mapping in Mapping.objects.filter(started_at__lt=end):
        mappings[mapping.reseller_id].append(mapping)
    found = {pk: list(spans(theirs, start, end)) for pk, theirs in mappings.items()}
    return {pk: theirs for pk, theirs in found.items() if theirs}


def _all_percentiles(theirs: dict[int, list[Span]]) -> dict[int, _Found]:
    """Some resellers per query, two queries at a time: the server's work, on two of its cores.

    Within a transaction (whose rows nobody else sees) one at a time.
    """
    keys = list(theirs)
    parts = [
        {pk: theirs[pk] for pk in keys[n : n + RESELLERS_A_QUERY]}
        for n in range(0, len(keys), RESELLERS_A_QUERY)
    ]
    if connection.in_atomic_block or len(parts) < 2:
        answers = [_ask(part) for part in parts]
    else:
        with ThreadPoolExecutor(QUERIES_AT_ONCE) as threads:
            answers = list(threads.map(identity.carried(_ask_apart), parts))
    return {pk: found for answer in answers for pk, found in answer.items()}


def _ask_apart(theirs: dict[int, list[Span]]) -> dict[int, _Found]:
    """On a connection of this thread's own."""
    try:
        return _ask(theirs)
    finally:
        connection.close()


def _ask(theirs: dict[int, list[Span]]) -> dict[int, _Found]:
    given = [(pk, span) for pk, each in theirs.items() for span in each]
    values: dict[str, Any] = {
        "resellers": [pk for pk, _ in given],
        "starts": [span.start for _, span in given],
        "ends": [span.end for _, span in given],
        "facing": [_keys(span, Mapping.Side.RESELLER) for _, span in given],
        "uplink": [_keys(span, Mapping.Side.UPLINK) for _, span in given],
        "live": [len(span.live) for _, span in given],
        "first": min(span.start for _, span in given),
        "last": max(span.end for _, span in given),
        "half": HALF_BUCKET_S,
    }
    with connection.cursor() as cursor:
        cursor.execute(ALL_PERCENTILES, values)
        return {pk: tuple(rest) for pk, *rest in cursor.fetchall()}


def _keys(span: Span, side: str) -> str:
    """The mappings of a side as PostgreSQL writes an array."""
    keys = ",".join(str(m.pk) for m in span.live if m.side == side)
    return f"{{{keys}}}"


def _percentile(theirs: Sequence[Span], found: _Found) -> Percentile:
    """Slots after the last complete sum are not expected before they are overdue."""
    received, last, down_bps, up_bps = found
    due = max(overdue(), last) if last else overdue()
    expected = sum(max((min(s.end, grid(due) + BUCKET) - s.start) // BUCKET, 0) for s in theirs)
    return Percentile(down_bps, up_bps, received, expected)
