"""Test how a router can be reached, step by step, as the collector would."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from django.conf import settings

from ispcore.base import clock
from ispcore.protocols import routeros
from ispcore.protocols.errors import ProtocolError
from ispcore.protocols.polling import in_thread, poll_many
from ispcore.protocols.snmp import discover as snmp_discover
from routers.models import Router, RouterCheck
from routers.operations import status
from routers.operations.pinging import ping_router
from routers.operations.status import Checked
from routers.targets import api_target, device_models, snmp_engine, snmp_target

Method = RouterCheck.Method
LIMIT_S = 90.0  # of all logins


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the test. `ok` is None for a step that was not asked for."""

    name: str
    ok: bool | None
    words: str
    took_ms: float | None = None
    error_kind: str = ""


def test(router: Router) -> list[Step]:
    """Ping, RouterOS API login and SNMP, each with its result and time; statuses are stored."""
    steps = [
        (Method.PING, _ping(router)),
        (Method.API, _api(router)),
        (Method.SNMP, _snmp(router)),
    ]
    tried = [(method, step) for method, step in steps if step.ok is not None]
    status.record([_checked(router, method, step) for method, step in tried])
    status.evaluate([router])
    return [step for _, step in steps]


def check_apis(routers: Sequence[Router]) -> list[Checked]:
    """Log in to the RouterOS API of all that have credentials for it, side by side."""
    chosen = [router for router in routers if router.uses_api]
    jobs = {router.pk: partial(in_thread, _api, router) for router in chosen}
    steps = poll_many(jobs, concurrency=settings.COLLECT_CONCURRENCY, deadline_s=LIMIT_S)
    answers = [(router, steps[router.pk]) for router in chosen]
    return [
        _checked(router, Method.API, step) for router, step in answers if isinstance(step, Step)
    ]


def _checked(router: Router, method: str, step: Step) -> Checked:
    return Checked(
        router,
        method,
        step.ok,
        took_ms=step.took_ms,
        detail=step.words if step.ok else "",
        error_kind=step.error_kind,
        error="" if step.ok else step.words,
    )


def _ping(router: Router) -> Step:
    if router.ping_method == Router.PingMethod.OFF:
        return Step("Ping", None, "off")
    result = ping_router(router)
    method = {"tcp": f"TCP {router.api_port}", "icmp": "ICMP"}.get(result.method, "nothing works")
    if result.alive is None:
        return Step(f"Ping ({method})", None, f"unknown: {result.error}")
    words = "answers" if result.alive else result.error or "no answer"
    kind = "" if result.alive else "unreachable"
    return Step(f"Ping ({method})", result.alive, words, result.rtt_ms, kind)


def _api(router: Router) -> Step:
    name = f"RouterOS API, {'TLS ' if router.api_tls else ''}port {router.api_port}"
    if not router.uses_api:
        return Step(name, None, "no API user stored")
    return _timed(name, lambda: _api_words(router))


def _api_words(router: Router) -> str:
    who = routeros.polled(api_target(router), routeros.identity)
    parts = [who.name, who.board, f"RouterOS {who.version}" if who.version else ""]
    return ", ".join(part for part in parts if part)


def _snmp(router: Router) -> Step:
    name = f"SNMP {router.snmp_version}, port {router.snmp_port}"
    if not router.uses_snmp:
        return Step(name, None, "no SNMP community or user stored")
    return _timed(name, lambda: _snmp_words(router))


def _snmp_words(router: Router) -> str:
    found = asyncio.run(snmp_discover(snmp_engine(), snmp_target(router), device_models()))
    what = " ".join(part for part in (found.vendor, found.model) if part)
    parts = [found.sys_name or "no name", what, f"{len(found.interfaces)} interfaces"]
    return ", ".join(part for part in parts if part)


def _timed(name: str, ask: Callable[[], str]) -> Step:
    started = clock.monotonic_s()
    try:
        words, ok, kind = ask(), True, ""
    except ProtocolError as error:
        words, ok, kind = str(error), False, error.kind
    return Step(name, ok, words, (clock.monotonic_s() - started) * 1000, kind)
