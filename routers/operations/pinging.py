"""Ping routers: by ICMP, or by TCP to the API port where a router's settings say so."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ispcore.protocols import icmp
from ispcore.protocols.icmp import INTERVAL_MS, PingResult
from routers.models import Router, RouterCheck
from routers.operations.status import Checked
from routers.queries import UPLINK

Ping = Router.PingMethod
TIMEOUT_MS = 1000
PROBES = 4  # what a router that was up is asked again after a first loss, a second apart
LOST_FROM = 3  # and of so many lost it is declared not to answer
NO_ANSWER = "no answer to ping"


def ping_router(router: Router) -> PingResult:
    """One router, now; a silent one is asked twice."""
    return asyncio.run(_ping_all([router], tries=2))[router.pk]


async def ping_fleet(
    routers: Sequence[Router], *, interval_ms: float = INTERVAL_MS
) -> list[Checked]:
    """One echo to each at once, in this order; those whose pinging is off are left out."""
    results = await _ping_all(routers, interval_ms=interval_ms)
    return [_checked(router, results[router.pk]) for router in routers if router.pk in results]


async def probe(
    routers: Sequence[Router], addresses: Sequence[str] = (), *, count: int = PROBES
) -> tuple[dict[int, PingResult], dict[str, PingResult]]:
    """`count` echoes to each, a second apart: what routers (by primary key) and other addresses
    answer. Takes `count` seconds."""
    found, others = await asyncio.gather(
        _ping_all(routers, count=count),
        icmp.ping_many_async(addresses, count=count, timeout_ms=TIMEOUT_MS, tries=1),
    )
    return found, others


def is_lost(result: PingResult) -> bool:
    """At least 3 of 4 probes came to nothing."""
    return not result.alive or (result.loss_percent or 0.0) >= 100 * LOST_FROM / PROBES


def verdict(router: Router, result: PingResult, *, lost_at: datetime) -> Checked:
    """What the probes after a first loss say: it is gone since then, or packets are lost on the
    way."""
    if result.alive is None:
        return _checked(router, result)
    if is_lost(result):
        return replace(_checked(router, result, alive=False), since=lost_at)
    lost = 1 + round((result.loss_percent or 0.0) / 100 * PROBES)
    return _checked(router, result, alive=True, note=f"{lost} of {PROBES + 1} lost")


def unseen(router: Router, why: str) -> Checked:
    """No answer while our own uplink is gone, which proves nothing."""
    error = f"our own uplink is gone: {why}"
    return Checked(router, RouterCheck.Method.PING, None, error_kind=UPLINK, error=error)


async def _ping_all(
    routers: Sequence[Router],
    *,
    count: int = 1,
    tries: int = 1,
    interval_ms: float = INTERVAL_MS,
) -> dict[int, PingResult]:
    by_icmp = [r for r in routers if r.ping_method == Ping.ICMP]
    by_tcp = [r for r in routers if r.ping_method == Ping.TCP]
    apart_s = TIMEOUT_MS / 1000
    connecting = asyncio.gather(
        *(icmp.tcp_pings_async(r.address, r.api_port, count=count, apart_s=apart_s) for r in by_tcp)
    )
    echoes = await icmp.ping_many_async(
        [r.address for r in by_icmp],
        count=count,
        timeout_ms=TIMEOUT_MS,
        tries=tries,
        interval_ms=interval_ms,
    )
    connects = await connecting
    found = {r.pk: echoes[r.address] for r in by_icmp}
    return found | {r.pk: result for r, result in zip(by_tcp, connects, strict=True)}


def _checked(
    router: Router, result: PingResult, *, alive: bool | None = None, note: str = ""
) -> Checked:
    by_tcp = f"by TCP {router.api_port}" if result.method == "tcp" else ""
    ok = result.alive if alive is None else alive
    silent = NO_ANSWER if result.method == "icmp" else result.error or NO_ANSWER
    return Checked(
        router,
        RouterCheck.Method.PING,
        ok,
        took_ms=result.rtt_ms,
        detail=", ".join(part for part in (by_tcp, note) if part),
        error_kind="" if ok else "unreachable",
        error="" if ok else silent,
    )
