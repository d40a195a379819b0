"""What the supervisor says on the terminal."""

import contextlib
import sys


def say(line: str, *, who: str = "ispcore") -> None:
    """One line with the name of its speaker; a terminal that is gone is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(f"{who:<14}| {line}\n")
        sys.stdout.flush()


def announce(text: str) -> None:
    """Lines that people look for: no prefix."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
