"""Processes and database servers killed -9 at every step of every kind of provisioning.

On PostgreSQL with MariaDB, and on SQLite: the writer is killed at each of its steps, either database
server while the writer stands at that step, and a recovery at each of its own. Two editors and a
recovery work on other names all the time, and are killed too. `kills` counts SIGKILLs, `recovered`
the units that were in doubt and decided, `diverged` the names whose rows in RADIUS are not what the
portal says afterwards (by digest, of everybody) with the writers who were told otherwise than it
came; `wrong_logins` the answers of a real FreeRADIUS, of `logins`, that truth contradicts.

script/bench crash_matrix [--seconds S] [--seed N] [--write]: S for a sample of so many seconds on
each, --write for docs/provisioning.md.
"""

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench import emit
from bench.crashes import page

VENDORS = ("postgresql", "sqlite")
COUNTED = ("kills", "diverged", "recovered", "logins", "wrong_logins")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="script/bench crash_matrix")
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args(arguments)
    with ThreadPoolExecutor(len(VENDORS)) as pool:
        told = list(pool.map(lambda vendor: told_by(vendor, given.seed, given.seconds), VENDORS))
    text = page.tables(told)
    sys.stdout.write(f"{text}\n")
    if given.write:
        page.write(text)
    figures = {name: sum(each[name] for each in told) for name in COUNTED}
    figures["left"] = sum(len(each["left"]) for each in told)
    figures["cases"] = sum(len(each["cells"]) for each in told)
    figures["cases_planned"] = sum(each["planned"] for each in told)
    emit("crash_matrix", figures)


def told_by(vendor: str, seed: int, seconds: float) -> dict[str, Any]:
    """What a campaign in a process of its own says; `seconds` 0: all of it."""
    command = [sys.executable, "-m", "bench.crashes.campaign", vendor, str(seed), str(seconds)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
