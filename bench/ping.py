"""How long one round of the watch takes for 2,000 routers, against bare fping with the same options.

A round is the whole of it: reading the routers, pinging them, storing the answers in PostgreSQL and
judging what is due. Rounds alternate with bare fping on the same addresses, all on loopback, where
everybody answers. Figures are medians: `ping_vs_fping` is our wall time over fping's (1 is as fast),
`round_s` and `fping_s` are the two, `cpu_s` what our process used without fping and the database.

As root, where a network namespace can be made, it is done again with 5 % of the routers behind a
gateway that swallows their packets: `dead_round_s` and `dead_vs_fping` in the steady state, and
`dead_verdict_s` from the start of the round that loses them until all are known to be down.
"""

import asyncio
import contextlib
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async

from bench import emit

if TYPE_CHECKING:
    from routers.operations.watching import Watch

ROUTERS, ROUNDS, DEAD = 2_000, 5, 100
LOOPBACK = [f"127.64.{n // 250}.{n % 250 + 1}" for n in range(ROUTERS)]
SWALLOWED = [f"10.99.0.{n + 1}" for n in range(DEAD)]


def main() -> None:
    from tests.harness import databases
    from tests.harness.far_network import far_network, why_not

    with contextlib.nullcontext() if why_not() else far_network(1):
        server = databases.PostgreSQL()  # inside, for there is no way in from outside
        server.start()
        try:
            _django(server.create("bench"))
            figures = asyncio.run(_alive())
            if why_not():
                sys.stderr.write(f"nobody is dead: {why_not()}\n")
            else:
                figures |= asyncio.run(_dead())
        finally:
            server.stop()
    emit("ping", {name: round(value, 3) for name, value in figures.items()})


def _django(url: str) -> None:
    os.environ |= {
        "DATABASE_URL": url,
        "SECRET_KEY": "bench",
        "FIELD_ENCRYPTION_KEYS": "A" * 43 + "=",
        "DJANGO_SETTINGS_MODULE": "ispcore.settings",
        "ISPCORE_VAR": tempfile.mkdtemp(prefix="ispcore-bench-"),
        "ISPCORE_PROCESS": "watch",
    }
    import django
    from django.core.management import call_command

    django.setup()
    logging.disable(logging.WARNING)
    call_command("migrate", verbosity=0)


def _enter(addresses: Sequence[str]) -> None:
    from routers.models import Router

    Router.objects.bulk_create(
        Router(name=f"bench-{number}", address=address) for number, address in enumerate(addresses)
    )


def _move(old: Sequence[str], new: Sequence[str]) -> None:
    """The routers at the first addresses are at the others now."""
    from routers.models import Router

    for before, after in zip(old, new, strict=True):
        Router.objects.filter(address=before).update(address=after)


async def _alive() -> dict[str, float]:
    await sync_to_async(_enter)(LOOPBACK)
    from routers.operations.watching import Watch

    watch = Watch()
    await watch.round()  # the first stores everybody
    round_s, fping_s, cpu_s = await _rounds(watch, LOOPBACK)
    return {
        "ping_vs_fping": round_s / fping_s,
        "round_s": round_s,
        "fping_s": fping_s,
        "cpu_s": cpu_s,
    }


async def _dead() -> dict[str, float]:
    await sync_to_async(_move)(LOOPBACK[:DEAD], SWALLOWED)
    from routers.operations.watching import Watch

    watch = Watch()
    started = time.perf_counter()
    await watch.round()
    await watch.settle()
    verdict_s = time.perf_counter() - started
    round_s, fping_s, _ = await _rounds(watch, [*SWALLOWED, *LOOPBACK[DEAD:]])
    return {
        "dead_vs_fping": round_s / fping_s,
        "dead_round_s": round_s,
        "dead_verdict_s": verdict_s,
    }


async def _rounds(watch: "Watch", addresses: Sequence[str]) -> tuple[float, float, float]:
    """Medians: our wall time, fping's, and the CPU time of our own process."""
    ours_s, bare_s, cpu_s = [], [], []
    for number in range(ROUNDS):
        bare_s.append(await asyncio.to_thread(_bare, addresses))
        cpu, started = time.process_time(), time.perf_counter()
        await watch.round()
        ours_s.append(time.perf_counter() - started)
        cpu_s.append(time.process_time() - cpu)
        sys.stderr.write(f"round {number + 1} of {ROUNDS}\n")
    return statistics.median(ours_s), statistics.median(bare_s), statistics.median(cpu_s)


def _bare(addresses: Sequence[str]) -> float:
    from ispcore.protocols.icmp import INTERVAL_MS, fping_arguments
    from routers.operations.pinging import TIMEOUT_MS

    command = ["fping", *fping_arguments(1, TIMEOUT_MS, INTERVAL_MS)]
    given = "".join(f"{address}\n" for address in addresses)
    started = time.perf_counter()
    subprocess.run(command, input=given, text=True, capture_output=True, check=False)  # noqa: S603
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
