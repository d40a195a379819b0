"""Ping routers: by ICMP, or by TCP to the API port where a router's settings say so."""

import asyncio
from collections.abc import Sequence

from ispcore.protocols import icmp
from ispcore.protocols.icmp import PingResult
from routers.models import Router, RouterCheck
from routers.operations.status import Checked

Ping = Router.PingMethod
TCP_TIMEOUT_S = 1.5


def ping_router(router: Router) -> PingResult:
    """One router, now."""
    return asyncio.run(_ping_all([router]))[router.pk]


async def ping_fleet(routers: Sequence[Router]) -> list[Checked]:
    """All routers at once; those whose pinging is off are left out."""
    results = await _ping_all([r for r in routers if r.ping_method != Ping.OFF])
    return [_checked(router, results[router.pk]) for router in routers if router.pk in results]


async def _ping_all(routers: Sequence[Router]) -> dict[int, PingResult]:
    by_icmp = [r for r in routers if r.ping_method == Ping.ICMP]
    by_tcp = [r for r in routers if r.ping_method == Ping.TCP]
    connecting = asyncio.gather(
        *(icmp.tcp_ping_async(r.address, r.api_port, TCP_TIMEOUT_S) for r in by_tcp)
    )
    echoes = await icmp.ping_many_async([r.address for r in by_icmp])
    connects = await connecting
    found = {r.pk: echoes[r.address] for r in by_icmp}
    return found | {r.pk: result for r, result in zip(by_tcp, connects, strict=True)}


def _checked(router: Router, result: PingResult) -> Checked:
    by_tcp = result.method == "tcp"
    detail = f"by TCP {router.api_port}" if by_tcp else ""
    return Checked(
        router,
        RouterCheck.Method.PING,
        result.alive,
        took_ms=result.rtt_ms,
        detail=detail,
        error_kind="" if result.alive else "unreachable",
        error="" if result.alive else (result.error or "no answer to ping"),
    )
