"""A fleet for tests and benchmarks, in a process of its own so that its CPU is its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from lab.control import send
from lab.fleet.spec import FleetSpec

PROJECT = Path(__file__).resolve().parents[2]
STOP_S = 10.0


class FleetDidNotStart(Exception):
    """The fleet's process ended at once; the message is what it said."""


class RunningFleet:
    """`spec` with the port that it has; the rest asks the process."""

    def __init__(self, spec: FleetSpec, process: subprocess.Popen[str], control: Path) -> None:
        self.process = process
        self._control = control
        self.spec = replace(spec, port=int(self.usage()["port"]))

    def usage(self) -> dict[str, float]:
        """CPU, wall time and datagrams since the start: see `Fleet.usage`."""
        return self.control("usage")

    def advance(self, seconds: float) -> None:
        """Uptimes and counters jump ahead."""
        self.control("advance", seconds=seconds)

    def set_faults(
        self, *, dead_share: float = 0.0, slow_share: float = 0.0, slow_ms: float = 300.0
    ) -> None:
        self.control("faults", dead_share=dead_share, slow_share=slow_share, slow_ms=slow_ms)

    def control(self, verb: str, **given: Any) -> dict[str, Any]:
        """One verb; raises BadControl, or LabAway where the process is gone."""
        return send(self._control, verb, **given)

    def stop(self) -> dict[str, float]:
        """End it; returns its last account."""
        self.process.send_signal(signal.SIGTERM)
        said, _ = self.process.communicate(timeout=STOP_S)
        return cast(dict[str, float], json.loads(said.splitlines()[-1]))


@contextmanager
def running_fleet(spec: FleetSpec) -> Iterator[RunningFleet]:
    """Start it and wait until it answers; raises FleetDidNotStart. Ends with the block."""
    with tempfile.TemporaryDirectory(prefix="fleet-") as directory:
        control = Path(directory) / "control"
        process = subprocess.Popen(  # noqa: S603  (our own interpreter, and numbers)
            [sys.executable, "-m", "lab", "fleet", *_options(spec), f"--control={control}"],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            ready = next(iter(process.stdout or ()), "")
            if not ready.endswith("ready\n"):
                raise FleetDidNotStart(ready)
            yield RunningFleet(spec, process, control)
        finally:
            process.kill()
            process.communicate()


def _options(spec: FleetSpec) -> list[str]:
    options = {
        "routers": spec.routers,
        "vlans": spec.vlans,
        "port": spec.port,
        "first-address": spec.first_address,
        "community": spec.community,
        "seed": spec.seed,
        "dead-share": spec.faults.dead_share,
        "slow-share": spec.faults.slow_share,
        "slow-ms": spec.faults.slow_ms,
    }
    given = [f"--{name}={value}" for name, value in options.items()]
    return [*given, "--ports"] if spec.ports else given
