"""python -m tests.harness.run COMMAND...: run it, and fail if it leaves a process behind.

Whatever the command orphans becomes our child, so nothing hides by losing its parent.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from types import FrameType

from tests.harness.processes import adopt_orphans, descendants

LIMIT_S = 1_400  # longer than the whole suite may take
GRACE_S = 5.0  # for programs that have been told to end


def main(command: list[str]) -> int:
    """The command's exit code, or 1 when it succeeded and left something running."""
    adopt_orphans()
    child = subprocess.Popen(command)

    def end(number: int, frame: FrameType | None) -> None:
        child.send_signal(signal.SIGINT if number == signal.SIGALRM else number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGALRM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells the child itself
    signal.alarm(LIMIT_S)
    code = _wait(child.pid)
    child.returncode = code
    left = _leftovers()
    for pid, line in left.items():
        sys.stderr.write(f"left running by the tests: {pid} {line}\n")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while left:
            os.waitpid(-1, 0)
    return code or (1 if left else 0)


def _wait(child: int) -> int:
    """Reap every orphan that ends, until the child does."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def _leftovers() -> dict[int, str]:
    ends_at = time.monotonic() + GRACE_S
    while left := descendants(os.getpid()):
        if time.monotonic() > ends_at:
            return left
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        time.sleep(0.05)
    return {}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
