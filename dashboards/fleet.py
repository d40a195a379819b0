"""How the routers and the collection stand, for the overview."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse

from ispcore.base import clock, lost_jobs, units
from ispcore.base.models import Heartbeat
from routers.models import Collector, Router, RouterCheck, Uplink
from routers.pages.states import STALE_PERIODS, UPLINK_GONE, Chip, health
from routers.queries import collection_age_periods, methods_in_use, sight, without_secrets

WAITS_LONG = timedelta(seconds=60)  # what is just being stored does not wait
State = RouterCheck.State


@dataclass(frozen=True, slots=True)
class Cell:
    """One square of a strip."""

    name: str
    kind: str
    word: str
    url: str


@dataclass(frozen=True, slots=True)
class RoutersTile:
    up: int
    total: int
    cells: Sequence[Cell]
    detail: str
    url: str


@dataclass(frozen=True, slots=True)
class Trust:
    kind: str
    words: str
    detail: str


@dataclass(frozen=True, slots=True)
class Source:
    """Something that is collected: its state, and when it last came."""

    name: str
    kind: str
    detail: str
    at: datetime | None
    url: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """All routers with their health, as it is now."""

    routers: Sequence[Router]
    healths: Sequence[Chip]
    now: datetime
    uplinks: Sequence[Uplink] = ()  # of our own hosts, those that are gone

    @property
    def polled(self) -> list[Router]:
        return [router for router in self.routers if router.is_polled]

    @property
    def silent(self) -> list[Router]:
        """Polled routers without a recent reading."""
        return [router for router in self.polled if self.is_silent(router)]

    @property
    def unseen(self) -> int:
        """How many routers we cannot see ourselves: where one host lost its uplink, another may
        see them all."""
        return self.healths.count(UPLINK_GONE)

    def is_silent(self, router: Router) -> bool:
        age = collection_age_periods(router, self.now)
        return router.read_at is None or age is None or age > STALE_PERIODS


def look() -> Fleet:
    routers = list(without_secrets(Router.objects.prefetch_related("checks")))
    now = clock.now()
    healths = [health(router, router.checks.all(), now) for router in routers]
    return Fleet(routers, healths, now, sight(now).gone)


def tile(fleet: Fleet) -> RoutersTile:
    cells = [
        Cell(
            router.name,
            found.kind,
            found.word,
            reverse("admin:routers_router_page", args=[router.pk]),
        )
        for router, found in zip(fleet.routers, fleet.healths, strict=True)
    ]
    up = sum(1 for cell in cells if cell.word.startswith("Up"))
    odd = sorted(
        (cell for cell in cells if cell.kind != "ok"), key=lambda cell: cell.kind != "critical"
    )
    more = f", and {len(odd) - 1} more" if len(odd) > 1 else ""
    detail = f"{odd[0].name}: {odd[0].word[0].lower()}{odd[0].word[1:]}{more}" if odd else ""
    return RoutersTile(up, len(cells), cells, detail, reverse("admin:routers_router_changelist"))


def trust(fleet: Fleet, *, known: int, total: int) -> Trust:
    """Can this picture be trusted? `known` of `total` mappings have a current rate."""
    polled, silent = fleet.polled, fleet.silent
    if not fleet.routers:
        return Trust("unknown", "No: nothing was collected yet", "Start by adding a router.")
    if not polled:
        return Trust("unknown", "No: polling is off for every router", "Turn it on in a router.")
    if fleet.uplinks and fleet.unseen:
        return _uplink_gone(fleet)
    latest = max((r.read_at for r in polled if r.read_at), default=None)
    if latest is None:
        every = units.format_duration(timedelta(seconds=settings.COLLECT_PERIOD_S))
        return Trust(
            "unknown",
            "No: nothing was collected yet",
            f"A round comes every {every}. A router’s page tests its connection.",
        )
    age = units.format_duration(fleet.now - latest)
    if len(silent) == len(polled):
        return Trust("critical", f"No: nothing was read for {age}", "See what Collection says.")
    ground = f"{known} of {total} mappings have a current rate; last reading {age} ago"
    if silent:
        verb = "is" if len(silent) == 1 else "are"
        words = f"Mostly: {len(silent)} of {len(polled)} routers {verb} silent"
        return Trust("warning", words, f"Silent: {_names(silent)}. {ground}")
    if known < total:
        return Trust("warning", f"Mostly: {total - known} of {total} mappings are unknown", ground)
    words = (
        "Yes: the router was read"
        if len(polled) == 1
        else f"Yes: all {len(polled)} routers were read"
    )
    return Trust("ok", words, ground)


def _uplink_gone(fleet: Fleet) -> Trust:
    gone = fleet.uplinks[0]
    age = units.format_duration(fleet.now - (gone.gone_since or fleet.now))
    why = f"{gone.node}: {gone.words}, for {age}. {fleet.unseen} of {len(fleet.polled)} routers unknown."
    return Trust("critical", "No: our own uplink is gone", why)


def collection(fleet: Fleet) -> list[Source]:
    """What is collected and how fresh it is; empty where there is nothing to collect from."""
    polled = fleet.polled
    if not polled:
        return []
    url = reverse("admin:routers_router_changelist")
    silent = fleet.silent
    good = len(polled) - len(silent)
    rows = [
        Source(
            "Router traffic",
            _kind(good, len(polled)),
            f"{good} of {len(polled)} routers" + (f"; silent: {_names(silent)}" if silent else ""),
            max((r.read_at for r in polled if r.read_at), default=None),
            url,
        )
    ]
    checks = [
        check
        for router in polled
        for check in router.checks.all()
        if methods_in_use(router)[check.method]
    ]
    for method in (RouterCheck.Method.SNMP, RouterCheck.Method.API, RouterCheck.Method.PING):
        rows += _method(method, [check for check in checks if check.method == method], url)
    return rows + _spools(fleet.now) + _processes(fleet.now)


def _method(method: RouterCheck.Method, checks: Sequence[RouterCheck], url: str) -> list[Source]:
    if not checks:
        return []
    good = sum(1 for check in checks if check.state == State.OK)
    tried = sum(1 for check in checks if check.state != State.UNKNOWN)
    kind = _kind(good, len(checks)) if tried else "unknown"
    detail = f"{good} of {len(checks)} routers answer" if tried else "unknown: no way to ask"
    return [Source(str(method.label), kind, detail, max(c.checked_at for c in checks), url)]


def _spools(now: datetime) -> list[Source]:
    """What each collector has read and could not yet store; what it lost."""
    return [
        Source(f"Readings of {row.node}", *_waiting(row, now), row.seen_at, "")
        for row in Collector.objects.all()
    ]


def _waiting(row: Collector, now: datetime) -> tuple[str, str]:
    if row.lost_lately(now):
        return "critical", row.lost_words
    age = now - row.spool_oldest_at if row.spool_oldest_at else timedelta()
    if row.spool_batches and age > WAITS_LONG:
        batches = "1 batch waits" if row.spool_batches == 1 else f"{row.spool_batches} batches wait"
        octets = units.format_octets(row.spool_octets)
        waited = units.format_duration(age)
        return "warning", f"{batches} for the database, the oldest for {waited}, {octets}"
    took = f" in {row.cycle_s:.1f} s" if row.cycle_s is not None else ""
    return "ok", f"{row.answered} of {row.routers} routers stored{took}, none wait"


def _processes(now: datetime) -> list[Source]:
    """Jobs and watch: without them everything here gets old."""
    beats = list(Heartbeat.objects.order_by("name", "node"))
    alive = {beat.name for beat in beats if not beat.is_stale(now)}
    nodes = {beat.node for beat in beats}
    rows = []
    for beat in beats:
        kind, detail = _life(beat, now, others_live=beat.name in alive)
        name = beat.name[:1].upper() + beat.name[1:]
        shown = f"{name} on {beat.node}" if len(nodes) > 1 else name
        rows.append(Source(shown, kind, detail, beat.beat_at, ""))
    return rows + _lost_jobs()


def _life(beat: Heartbeat, now: datetime, *, others_live: bool) -> tuple[str, str]:
    if not beat.is_stale(now):
        return "ok", "runs"
    if others_live:
        return "warning", "gone: no sign of life; the other nodes have its work"
    return "critical", "no sign of life"


def _lost_jobs() -> list[Source]:
    lost = lost_jobs.count()
    if not lost:
        return []
    jobs = "job" if lost == 1 else "jobs"
    detail = f"{lost} {jobs} failed or not done in 24 hours, see the log"
    return [Source("Lost jobs", "warning", detail, None, "")]


def _kind(good: int, total: int) -> str:
    return "ok" if good == total else "warning" if good else "critical"


def _names(routers: Sequence[Router]) -> str:
    shown = ", ".join(router.name for router in routers[:3])
    return f"{shown} and {len(routers) - 3} more" if len(routers) > 3 else shown
