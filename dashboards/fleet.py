"""How the routers and the collection stand, for the overview."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max, Q
from django.urls import reverse

from ispcore.base import clock, lost_jobs, units
from ispcore.base.models import Heartbeat
from ispcore.base.urls import urls_of
from routers.models import Collector, Router, RouterCheck, Uplink
from routers.pages.states import (
    STALE_PERIODS,
    UPLINK_GONE,
    Chip,
    health,
    health_where_all_answer,
)
from routers.queries import collection_age_periods, methods_in_use, sight, without_secrets

MOST_CELLS = 100  # of a strip: more are thinner than a line
_BADNESS = {"critical": 0, "warning": 1, "unknown": 2, "low": 3}
# what a router's health is made of; its other columns are many
_SHOWN = (
    *("name", "is_polled", "ping_method", "counter_source", "api_user", "snmp_version"),
    *("snmp_user", "created_at", "polled_at", "read_at"),
)
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


@dataclass(slots=True)
class Answers:
    """How many polled routers a method is in use for, was tried on, and works on."""

    of: int = 0
    tried: int = 0
    good: int = 0


@dataclass(frozen=True, slots=True)
class Fleet:
    """All routers with their health, as it is now."""

    routers: Sequence[Router]
    healths: Sequence[Chip]
    now: datetime
    uplinks: Sequence[Uplink] = ()  # of our own hosts, those that are gone
    answers: Mapping[str, Answers] = field(default_factory=dict)

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
    """All routers. Most answer to everything: the details of the checks are read of the others."""
    routers = list(without_secrets(Router.objects.only(*_SHOWN)))
    now = clock.now()
    odd = RouterCheck.objects.filter(~Q(state=State.OK) | Q(flapping_since__isnull=False))
    troubled = odd.values("router_id").distinct()
    checks: dict[int, list[RouterCheck]] = defaultdict(list)
    for check in RouterCheck.objects.filter(router__in=troubled):
        checks[check.router_id].append(check)
    fine: dict[int, list[str]] = defaultdict(list)
    others = RouterCheck.objects.exclude(router__in=troubled).order_by()
    for router_id, method in others.values_list("router_id", "method"):
        fine[router_id].append(method)
    healths = [
        health(router, checks[router.pk], now)
        if router.pk in checks
        else health_where_all_answer(router, fine[router.pk], now)
        for router in routers
    ]
    return Fleet(routers, healths, now, sight(now).gone, _answers(routers, checks, fine))


def _answers(
    routers: Sequence[Router],
    checks: Mapping[int, Sequence[RouterCheck]],
    fine: Mapping[int, Sequence[str]],
) -> dict[str, Answers]:
    found: dict[str, Answers] = defaultdict(Answers)
    for router in routers:
        if not router.is_polled:
            continue
        in_use = methods_in_use(router)
        said = [(check.method, check.state) for check in checks.get(router.pk, ())]
        said += [(method, State.OK) for method in fine.get(router.pk, ())]
        for method, state in said:
            if in_use[method]:
                found[method].of += 1
                found[method].tried += state != State.UNKNOWN
                found[method].good += state == State.OK
    return found


def strip(cells: Sequence[Cell]) -> Sequence[Cell]:
    """The cells to show: all of them in their order, or where they are too many the worst."""
    if len(cells) <= MOST_CELLS:
        return cells
    worst_first = sorted(cells, key=lambda cell: _BADNESS.get(cell.kind, len(_BADNESS)))
    return worst_first[:MOST_CELLS]


def tile(fleet: Fleet) -> RoutersTile:
    url = urls_of("admin:routers_router_page")
    cells = [
        Cell(router.name, found.kind, found.word, url(router.pk))
        for router, found in zip(fleet.routers, fleet.healths, strict=True)
    ]
    up = sum(1 for cell in cells if cell.word.startswith("Up"))
    odd = sorted(
        (cell for cell in cells if cell.kind != "ok"), key=lambda cell: cell.kind != "critical"
    )
    more = f", and {len(odd) - 1} more" if len(odd) > 1 else ""
    detail = f"{odd[0].name}: {odd[0].word[0].lower()}{odd[0].word[1:]}{more}" if odd else ""
    everything = reverse("admin:routers_router_changelist")
    return RoutersTile(up, len(cells), strip(cells), detail, everything)


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
    asked = (RouterCheck.Method.SNMP, RouterCheck.Method.API, RouterCheck.Method.PING)
    latest = dict(
        RouterCheck.objects.filter(router__is_polled=True)
        .order_by()
        .values_list("method")
        .annotate(at=Max("checked_at"))
    )
    rows += [
        _method(method, fleet.answers[method], latest[method], url)
        for method in asked
        if method in fleet.answers
    ]
    return rows + _spools(fleet.now) + _processes(fleet.now)


def _method(method: RouterCheck.Method, found: Answers, at: datetime, url: str) -> Source:
    kind = _kind(found.good, found.of) if found.tried else "unknown"
    words = f"{found.good} of {found.of} routers answer"
    detail = words if found.tried else "unknown: no way to ask"
    return Source(str(method.label), kind, detail, at, url)


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
