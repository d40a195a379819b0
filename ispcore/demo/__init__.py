"""A believable small ISP on a network of our own: data, a lab, and a day of trouble."""

import sys
from pathlib import Path

from ispcore.environment import var_dir


def lab_dir() -> Path:
    """Where the demo's network keeps its configuration, state and control socket."""
    return var_dir() / "lab"


def processes() -> list[tuple[str, list[str]]]:
    """What the supervisor runs beside the portal: (name, argument list)."""
    here = lab_dir()
    lab = [sys.executable, "-m", "lab"]
    control = str(here / "control")
    serve = ["serve", "--config", str(here / "network.json"), "--state-dir", str(here / "state")]
    play = ["play", "--socket", control, "--names", str(here / "trouble.json"), "day-of-trouble"]
    return [
        ("lab", [*lab, *serve, "--control", control]),
        ("trouble", [*lab, *play]),
    ]
