"""Ends the process groups of a supervisor that died: runs alone, with nothing but Python.

Its standard input is a pipe from the supervisor: "+123" names a group that runs, "-123" one that
has ended. When the pipe closes, the supervisor is gone, and what still runs is ended: SIGTERM,
ten seconds, SIGKILL. A supervisor that ends in good order leaves no group behind.
"""

import os
import signal
import sys
import time
from contextlib import suppress

GRACE_S = 10.0


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        (groups.add if line.startswith("+") else groups.discard)(group)
    end(groups)


def end(groups: set[int]) -> None:
    """SIGTERM to the leaders (they end their own), then SIGKILL to all that is left."""
    for group in groups:
        with suppress(ProcessLookupError):
            os.kill(group, signal.SIGTERM)
    until = time.monotonic() + GRACE_S
    while any(lives(group) for group in groups) and time.monotonic() < until:
        time.sleep(0.1)
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
