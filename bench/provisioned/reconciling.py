"""python -m bench.provisioned.reconciling: compare everything; prints seconds and peak MB."""

import sys
import time
from pathlib import Path

import django


def main() -> None:
    django.setup()
    from subscribers.operations import reconciling

    started = time.perf_counter()
    plan = reconciling.plan(reconciling.Extent())
    took_s = time.perf_counter() - started
    if plan.differing or plan.foreign_count:
        raise SystemExit(f"{plan.differing} of {plan.compared} differ: {list(plan.usernames)[:5]}")
    sys.stdout.write(f"{took_s:.3f} {_peak_mb():.1f}\n")


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
