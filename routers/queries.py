"""Reads of routers that several surfaces share."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings

from ispcore.base import clock
from routers.counter_states import CounterState, unpack
from routers.models import InterfaceUsage, Router, RouterCheck, RouterCounters

State = RouterCheck.State
LOOPBACK = 24  # ifType softwareLoopback
SPARK_SPAN = timedelta(hours=6)


def fresh_after(now: datetime) -> datetime:
    """A rate older than this is not the current rate any more: twice the polling period."""
    return now - timedelta(seconds=2 * settings.COLLECT_PERIOD_S + 30)


def polled_still(router_ids: Iterable[int]) -> set[int]:
    """Which of these are there and polled: people change routers while they are being asked."""
    found = Router.objects.filter(pk__in=list(router_ids), is_polled=True)
    return set(found.values_list("pk", flat=True))


def methods_in_use(router: Router) -> dict[str, bool]:
    """Which methods of reaching this router are tried time and again."""
    by_snmp = router.counter_source != Router.CounterSource.API
    return {
        RouterCheck.Method.PING: router.ping_method != Router.PingMethod.OFF,
        RouterCheck.Method.API: router.uses_api,
        RouterCheck.Method.SNMP: router.uses_snmp and by_snmp,
    }


def counted(router: Router, checks: Iterable[RouterCheck]) -> list[RouterCheck]:
    """The checks of methods that are still in use and could say something.

    What a method said before it was switched off proves nothing about now.
    """
    in_use = methods_in_use(router)
    return [c for c in checks if c.state != State.UNKNOWN and in_use[c.method]]


def is_silent(check: RouterCheck) -> bool:
    """Nobody is there to answer. Who refuses a login or talks nonsense is there; a port that is
    closed proves little, for a firewall or another machine on the way refuses connections too."""
    if check.state != State.FAILED:
        return False
    closed = check.error.startswith("connection refused")
    return closed or check.error_kind not in {"refused", "nonsense"}


def unreachable_since(checks: Iterable[RouterCheck]) -> datetime | None:
    """Since when nothing answers; None while something does, or nothing was tried.

    Ping looks every few seconds, the API and SNMP every few minutes. A method that last
    succeeded counts as answering until ping is lost *after* that success; a ping that failed
    all along while the method succeeded is a router that ignores ping.
    """
    tried = [c for c in checks if c.state != State.UNKNOWN]
    ping = next((c for c in tried if c.method == RouterCheck.Method.PING), None)
    lost = ping.since if ping and ping.state == State.FAILED else None
    ends = [_answered_until(check, lost) for check in tried]
    return None if None in ends else max((end for end in ends if end), default=None)


def _answered_until(check: RouterCheck, lost: datetime | None) -> datetime | None:
    """When a method stopped answering; None while it answers. `lost`: since when ping fails."""
    is_ping = check.method == RouterCheck.Method.PING
    if not is_silent(check):
        return lost if lost is not None and not is_ping and lost > check.checked_at else None
    silent_before = check.last_ok_at is None or (lost is not None and check.last_ok_at < lost)
    return lost if lost is not None and silent_before else check.since


def collection_age_periods(router: Router, now: datetime) -> float | None:
    """Age of the last good reading in polling periods; None before the first attempt."""
    if router.polled_at is None:
        return None
    since = router.read_at or router.created_at
    return (now - since).total_seconds() / settings.COLLECT_PERIOD_S


def counters_of(router_ids: Iterable[int]) -> dict[int, CounterState]:
    """The counter states of all interfaces of these routers, by interface."""
    found: dict[int, CounterState] = {}
    rows = RouterCounters.objects.filter(router_id__in=set(router_ids))
    for packed in rows.values_list("states", flat=True):
        found |= unpack(packed)
    return found


def current_rates(router_ids: Iterable[int]) -> dict[int, CounterState]:
    """The rates that are current, by interface; one that is missing here is unknown now."""
    fresh_ms = int(fresh_after(clock.now()).timestamp() * 1000)
    return {
        pk: state
        for pk, state in counters_of(router_ids).items()
        if state.rated_ms is not None and state.rated_ms >= fresh_ms
    }


def sparks(interface_ids: Sequence[int]) -> dict[int, list[tuple[int | None, int | None]]]:
    """The last six hours of (in, out) bit/s per interface, oldest first, None where unknown."""
    end = int(clock.now().timestamp()) // 300 * 300
    slots = int(SPARK_SPAN.total_seconds()) // 300
    start = end - slots * 300
    found: dict[int, list[tuple[int | None, int | None]]] = {
        pk: [(None, None)] * slots for pk in interface_ids
    }
    rows = InterfaceUsage.objects.filter(
        interface_id__in=interface_ids,
        bucket__gte=datetime.fromtimestamp(start, clock.now().tzinfo),
    ).values_list("interface_id", "bucket", "in_bps", "out_bps")
    for pk, bucket, in_bps, out_bps in rows:
        place = (int(bucket.timestamp()) - start) // 300
        if 0 <= place < slots:
            found[pk][place] = (in_bps, out_bps)
    return found
