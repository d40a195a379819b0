"""Reads of routers that several surfaces share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from django.conf import settings
from django.db.models import Q, QuerySet

from ispcore.base import clock
from ispcore.base.rls import identity
from ispcore.base.secrets import Sealed, SecretUnreadable
from radius.operations.nas import Client
from routers.counter_states import Rate, rates
from routers.models import (
    InterfaceUsage,
    RadiusClient,
    Router,
    RouterCheck,
    RouterCounters,
    Uplink,
)

State = RouterCheck.State
Ping = RouterCheck.Method.PING
UPLINK = "uplink"  # the kind of error of a ping that proves nothing: we see nobody ourselves
LOOPBACK = 24  # ifType softwareLoopback
SPARK_SPAN = timedelta(hours=6)


def fresh_after(now: datetime) -> datetime:
    """A rate older than this is not the current rate any more: twice the polling period."""
    return now - timedelta(seconds=2 * settings.COLLECT_PERIOD_S + 30)


def is_fresh(at: datetime, now: datetime) -> bool:
    """Whether what was read at `at` is current; far in the future it is of before our clock was set
    back, and nobody knows how old."""
    return fresh_after(now) <= at <= now + (now - fresh_after(now))


def polled_still(router_ids: Iterable[int]) -> set[int]:
    """Which of these are there and polled: people change routers while they are being asked."""
    found = Router.objects.filter(pk__in=list(router_ids), is_polled=True)
    return set(found.values_list("pk", flat=True))


SECRETS = ("api_password", "snmp_community", "snmp_auth_key", "snmp_priv_key")


def without_secrets(routers: QuerySet[Router]) -> QuerySet[Router]:
    """The same routers, cheap: their secrets are neither read nor decrypted."""
    return routers.defer(*SECRETS).annotate(has_community=~Q(snmp_community=""))


def radius_clients(addresses: Iterable[str] | None = None) -> list[Client]:
    """Who may ask FreeRADIUS, of these addresses or of all. Raises SecretUnreadable, naming one."""
    readable, sealed = readable_clients(addresses)
    if sealed:
        raise SecretUnreadable(
            f"No key in FIELD_ENCRYPTION_KEYS opens the secret of RADIUS client {sealed[0]}: put "
            "back the old key, or enter the client anew"
        )
    return readable


def readable_clients(addresses: Iterable[str] | None = None) -> tuple[list[Client], list[str]]:
    """Who may ask FreeRADIUS, and the addresses of those whose secret no key opens."""
    rows = RadiusClient.objects.order_by("address")
    if addresses is not None:
        rows = rows.filter(address__in=list(addresses))
    readable: list[Client] = []
    sealed: list[str] = []
    for row in rows:
        if isinstance(row.secret, Sealed):
            sealed.append(row.address)
        else:
            readable.append(Client(row.address, row.name, row.secret, row.signs_requests))
    return readable, sealed


def watch_ttl_s() -> float:
    """How long a watch may be silent before its routers are others', and its word is old."""
    return max(3 * settings.WATCH_PERIOD_S, 30)


class Said(Protocol):
    """What one method last said of a router: a RouterCheck, or the same read more cheaply."""

    @property
    def method(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def since(self) -> datetime: ...
    @property
    def checked_at(self) -> datetime: ...
    @property
    def last_ok_at(self) -> datetime | None: ...
    @property
    def error_kind(self) -> str: ...
    @property
    def error(self) -> str: ...


One = TypeVar("One", bound=Said)


@dataclass(frozen=True, slots=True)
class Sight:
    """Whether we see at all. Where our own uplink is gone, or was, silence proves nothing."""

    gone: Sequence[Uplink] = ()
    back_at: datetime | None = None  # when one last returned
    is_just_back: bool = False  # and its routers may not have been pinged again

    def is_blind(self, router: Router, checks: Iterable[Said]) -> bool:
        """Nothing can be said of this router: its watch lost the uplink, or no ping tells."""
        if not self.gone and not self.is_just_back:
            return False
        if router.ping_method == Router.PingMethod.OFF:
            return bool(self.gone)
        return any(check.method == Ping and check.error_kind == UPLINK for check in checks)

    def proven(self, checks: Iterable[One]) -> list[One]:
        """Without the failures that may be those of our uplink, for they were never tried again;
        a ping says so by itself."""
        back_at = self.back_at
        if back_at is None:
            return list(checks)
        return [
            check
            for check in checks
            if check.method == Ping or check.state != State.FAILED or check.checked_at > back_at
        ]

    def could_be_read(self, router: Router) -> bool:
        """Whether collection has tried the router since our uplink was last back."""
        return self.back_at is None or (router.polled_at or self.back_at) > self.back_at


def sight(now: datetime) -> Sight:
    """How our hosts see now. A watch that is gone with its uplink says nothing any more."""
    uplinks = list(Uplink.objects.order_by("node"))
    fresh = now - timedelta(seconds=watch_ttl_s())
    gone = [uplink for uplink in uplinks if uplink.gone_since and uplink.checked_at >= fresh]
    back_at = max((u.returned_at for u in uplinks if u.returned_at), default=None)
    return Sight(gone, back_at, is_just_back=back_at is not None and back_at >= fresh)


def methods_in_use(router: Router) -> dict[str, bool]:
    """Which methods of reaching this router are tried time and again."""
    by_snmp = router.counter_source != Router.CounterSource.API
    return {
        RouterCheck.Method.PING: router.ping_method != Router.PingMethod.OFF,
        RouterCheck.Method.API: router.uses_api,
        RouterCheck.Method.SNMP: router.uses_snmp and by_snmp,
    }


def counted(router: Router, checks: Iterable[One]) -> list[One]:
    """The checks of methods that are still in use and could say something.

    What a method said before it was switched off proves nothing about now.
    """
    in_use = methods_in_use(router)
    return [c for c in checks if c.state != State.UNKNOWN and in_use[c.method]]


def is_silent(check: Said) -> bool:
    """Nobody is there to answer. Who refuses a login or talks nonsense is there; a port that is
    closed proves little, for a firewall or another machine on the way refuses connections too."""
    if check.state != State.FAILED:
        return False
    closed = check.error.startswith("connection refused")
    return closed or check.error_kind not in {"refused", "nonsense"}


def unreachable_since(checks: Iterable[Said]) -> datetime | None:
    """Since when nothing answers; None while something does, or nothing was tried.

    Ping looks every few seconds, the API and SNMP every few minutes. A method that last
    succeeded counts as answering until ping is lost *after* that success; a ping that failed
    all along while the method succeeded is a router that ignores ping.
    """
    tried = [c for c in checks if c.state != State.UNKNOWN]
    ping = next((c for c in tried if c.method == Ping), None)
    lost = ping.since if ping and ping.state == State.FAILED else None
    ends = [_answered_until(check, lost) for check in tried]
    return None if None in ends else max((end for end in ends if end), default=None)


def _answered_until(check: Said, lost: datetime | None) -> datetime | None:
    """When a method stopped answering; None while it answers. `lost`: since when ping fails."""
    is_ping = check.method == Ping
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


def current_rates(router_ids: Iterable[int]) -> dict[int, Rate]:
    """The rates that are current, by interface; one that is missing here is unknown now."""
    now = clock.now()
    since_ms = int(fresh_after(now).timestamp() * 1000)
    until_ms = 2 * int(now.timestamp() * 1000) - since_ms  # see is_fresh
    found: dict[int, Rate] = {}
    rows = RouterCounters.objects.filter(router_id__in=set(router_ids))
    with identity.acting_for_all():  # a row holds every interface of a router: several tenants'
        for packed in rows.values_list("states", flat=True):
            found |= rates(packed, since_ms=since_ms, until_ms=until_ms)
    return found


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
    with identity.acting_for_all():  # the caller's, of routers that are nobody's
        found_rows = list(rows)
    for pk, bucket, in_bps, out_bps in found_rows:
        place = (int(bucket.timestamp()) - start) // 300
        if 0 <= place < slots:
            found[pk][place] = (in_bps, out_bps)
    return found
