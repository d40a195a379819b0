"""The command line of the lab: serve routers, control them, play a scenario."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import signal
import sys
import time
from pathlib import Path
from typing import Any

from lab.control import ControlServer, LabAway, send
from lab.fleet import command as fleet
from lab.network import Lab
from lab.scenarios import (
    BadScenario,
    Scenario,
    TroubleNames,
    day_of_trouble,
    play,
    scenario_from_file,
)
from lab.spec import BadSpec, RouterSpec, network_from_dict
from lab.verbs import VERBS, BadControl

LAB_WITHIN_S = 10.0
EXAMPLES = """examples:
  python -m lab serve --config network.json --state-dir var/lab --control var/lab/control
  python -m lab control --socket var/lab/control status
  python -m lab control --socket var/lab/control level router=r1 interface=vlan101 multiplier=3
  python -m lab play --socket var/lab/control day-of-trouble --names names.json
  python -m lab fleet --routers 1000 --vlans 50 --port 16161 --dead-share 0.2
"""


def say(text: str) -> None:
    """One line for the operator, at once."""
    sys.stdout.write(f"lab: {text}\n")
    sys.stdout.flush()


def _read_config(path: Path) -> list[RouterSpec]:
    try:
        return network_from_dict(json.loads(path.read_text("utf-8")))
    except json.JSONDecodeError as error:
        raise BadSpec(f"{path}: {error}") from None


async def _serve(specs: list[RouterSpec], state_dir: Path | None, control: Path | None) -> None:
    """Until SIGTERM or SIGINT; raises OSError where a port or the socket is taken."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    lab = Lab(specs, state_dir=state_dir)
    server = ControlServer(lab, control) if control else None
    async with contextlib.AsyncExitStack() as stack:
        await lab.start()
        stack.push_async_callback(lab.stop)
        if server is not None:
            await server.start()
            stack.push_async_callback(server.stop)
        say(f"{len(specs)} routers on loopback ready")
        await stop.wait()
    say("stopped")


def serve(options: argparse.Namespace) -> None:
    """`serve`: many routers in this process."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(_serve(_read_config(options.config), options.state_dir, options.control))


def control(options: argparse.Namespace) -> None:
    """`control`: one verb; prints the answer as JSON."""
    answer = send(options.socket, options.verb, **_arguments(options.arguments))
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")


def _arguments(given: list[str]) -> dict[str, Any]:
    """`name=value`, the value as JSON where it is JSON, else as text."""
    arguments: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise BadControl(f"{text!r} is not name=value")
        try:
            arguments[name.replace("-", "_")] = json.loads(value)
        except json.JSONDecodeError:
            arguments[name.replace("-", "_")] = value
    return arguments


def _scenario(options: argparse.Namespace) -> Scenario:
    if options.scenario != "day-of-trouble":
        return scenario_from_file(Path(options.scenario))
    if options.names is None:
        raise BadScenario("day-of-trouble needs --names FILE (who suffers)")
    try:
        names = json.loads(Path(options.names).read_text("utf-8"))
    except json.JSONDecodeError as error:
        raise BadScenario(f"{options.names}: {error}") from None
    return day_of_trouble(TroubleNames.from_dict(names))


def wait_for_lab(path: Path | str) -> None:
    """A lab that is started at the same time needs a moment; goes on without one after it."""
    until = time.monotonic() + LAB_WITHIN_S
    while time.monotonic() < until:
        try:
            send(path, "status")
        except LabAway:
            time.sleep(0.1)
        except BadControl:
            return
        else:
            return


def play_scenario(options: argparse.Namespace) -> None:
    """`play`: steps at their times; a lab that is away for a moment is told so and tried on."""
    scenario = _scenario(options)

    def tell(verb: str, **given: Any) -> None:
        try:
            send(options.socket, verb, **given)
        except (LabAway, BadControl) as error:
            say(str(error))

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    wait_for_lab(options.socket)
    say(f"playing {options.scenario}")
    play(scenario, tell, say=say, rounds=options.rounds)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m lab",
        description="A small network on loopback that speaks RouterOS API and SNMP.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser("serve", help="run the routers of a configuration file")
    one.add_argument("--config", type=Path, required=True)
    one.add_argument("--state-dir", type=Path, help="keep the routers' state here")
    one.add_argument("--control", type=Path, help="serve scenario control on this Unix socket")
    one.set_defaults(run=serve)
    one = commands.add_parser("control", help="one verb: " + ", ".join(sorted(VERBS)))
    one.add_argument("--socket", type=Path, required=True)
    one.add_argument("verb")
    one.add_argument("arguments", nargs="*", metavar="NAME=VALUE")
    one.set_defaults(run=control)
    one = commands.add_parser("play", help="play a scenario file, or day-of-trouble")
    one.add_argument("--socket", type=Path, required=True)
    one.add_argument("--names", type=Path, help="JSON: over, near, dying, rebooting, lossy")
    one.add_argument("--rounds", type=int, help="how often (default: for ever)")
    one.add_argument("scenario", metavar="FILE|day-of-trouble")
    one.set_defaults(run=play_scenario)
    fleet.add_to(commands)
    return made


def _why(error: Exception) -> str:
    """What an operator can act on; a file's error names the file first."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0, or 1 with one line that says what is wrong."""
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except (BadSpec, BadScenario, BadControl, OSError) as error:
        sys.stderr.write(f"lab: {_why(error)}\n")
        return 1
    except KeyboardInterrupt:
        say("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
