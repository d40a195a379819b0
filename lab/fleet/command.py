"""`python -m lab fleet`: serve it until SIGTERM, and say what it cost."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import Any

from lab.control import ControlServer
from lab.fleet.server import Fleet
from lab.fleet.spec import Faults, FleetSpec


def add_to(commands: Any) -> None:
    """The subcommand and its options (`commands`: argparse's subparsers)."""
    one = commands.add_parser("fleet", help="run thousands of SNMP routers in one process")
    usual = FleetSpec(routers=1000)
    one.add_argument("--routers", type=int, default=usual.routers)
    one.add_argument("--vlans", type=int, default=usual.vlans, help="of each router")
    one.add_argument("--port", type=int, default=usual.port, help="0: any that is free")
    one.add_argument("--first-address", default=usual.first_address, help="of router 1")
    one.add_argument("--ports", action="store_true", help="a port for each, from --port on")
    one.add_argument("--community", default=usual.community)
    one.add_argument("--seed", type=int, default=usual.seed, help="of the VLANs' rates")
    one.add_argument("--dead-share", type=float, default=0.0, help="0 to 1: do not answer")
    one.add_argument("--slow-share", type=float, default=0.0, help="0 to 1: answer late")
    one.add_argument("--slow-ms", type=float, default=Faults().slow_ms, help="how late")
    one.add_argument("--control", type=Path, help="serve control on this Unix socket")
    one.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Raises BadSpec, or OSError where a port is taken."""
    fleet = Fleet(
        FleetSpec(
            routers=options.routers,
            vlans=options.vlans,
            port=options.port,
            first_address=options.first_address,
            ports=options.ports,
            community=options.community,
            seed=options.seed,
            faults=Faults(options.dead_share, options.slow_share, options.slow_ms),
        )
    )
    asyncio.run(_serve(fleet, options.control))


async def _serve(fleet: Fleet, control: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, _report, fleet)
    async with contextlib.AsyncExitStack() as stack:
        await fleet.start()
        stack.push_async_callback(fleet.stop)
        if control is not None:
            server = ControlServer(fleet, control)
            await server.start()
            stack.push_async_callback(server.stop)
        _say(f"lab: {_where(fleet)} ready")
        await stop.wait()
    _report(fleet)


def _where(fleet: Fleet) -> str:
    spec = fleet.spec
    first, last = spec.address(1), spec.address(spec.routers)
    if spec.ports:
        return (
            f"{spec.routers} routers on {first} ports {spec.port} to {spec.port_of(spec.routers)}"
        )
    return f"{spec.routers} routers on {first} to {last} port {fleet.port}"


def _report(fleet: Fleet) -> None:
    _say(json.dumps(fleet.usage()))


def _say(line: str) -> None:
    """At once; nobody there to read it is no reason to stop."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
