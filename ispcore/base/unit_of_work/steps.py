"""The steps of a unit and of a recovery, at each of which a test may stop the process it is in.

`ISPCORE_STOP_AT=kill:marked` in a process' environment: it ends by SIGKILL at that step; `stop:` it
stands still by SIGSTOP; `fail:` the step raises Stopped. `:3` after it: at the third time only. It is
read once, at the start, and gives nobody a power that whoever sets the environment has not. Tests
in one process set it by `stop_at`.
"""

import os
import signal
from collections import Counter

STEPS = (
    "begun",  # nothing yet
    "locked",  # journal row, and the locks
    "changed",  # rows of the portal, whose constraints hold
    "marked",  # the marker, not committed
    "projected",  # rows of RADIUS, not committed
    "radius_committed",
    "portal_committed",
)
RECOVERY_STEPS = (
    "recovery_locked",  # the gid is ours: its writer is dead
    "recovery_held",  # the marker cannot go meanwhile
    "recovery_projected",
    "recovery_radius_committed",
    "recovery_portal_committed",
    "recovery_dropped",  # the marker is gone
)
HOW = ("kill", "stop", "fail")


class Stopped(Exception):
    """A fault that a test put in."""


_how = ""
_step = ""
_at_time = 0
_times: Counter[str] = Counter()


def passed(step: str) -> None:
    """The process has come to `step`."""
    if _how and step == _step:
        _stop()


def stop_at(order: str) -> None:
    """How, where and at which time to stop; empty: nowhere. Raises ValueError for no such step."""
    global _how, _step, _at_time
    how, _, rest = order.partition(":")
    step, _, at_time = rest.partition(":")
    if order and (how not in HOW or step not in STEPS + RECOVERY_STEPS):
        raise ValueError(f"ISPCORE_STOP_AT: {order!r} is not {'|'.join(HOW)}:STEP[:TIME]")
    _how, _step, _at_time = how, step, int(at_time or 0)
    _times.clear()


def _stop() -> None:
    _times[_step] += 1
    if _at_time and _times[_step] != _at_time:
        return
    if _how == "fail":
        raise Stopped(_step)
    os.kill(os.getpid(), signal.SIGKILL if _how == "kill" else signal.SIGSTOP)


stop_at(os.environ.get("ISPCORE_STOP_AT", ""))
