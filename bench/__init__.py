"""Benchmarks: `script/bench NAME` runs bench/NAME.py, which ends by calling emit()."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime


def emit(name: str, figures: Mapping[str, float]) -> None:
    """Write the result as the last line: one JSON object.

    `figures` has its units in its names (rows_per_s); `load` is the machine's 1-minute load average
    at the end, without which a figure from a busy machine would mislead.
    """
    result = {
        "name": name,
        "figures": dict(figures),
        "commit": _commit(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "load": round(os.getloadavg()[0], 2),
    }
    sys.stdout.write(f"{json.dumps(result)}\n")


def _commit() -> str:
    """The short hash, with + for uncommitted changes, or unknown outside a checkout."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip() or "unknown"
