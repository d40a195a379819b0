"""python -m bench.crashes.campaign VENDOR SEED SECONDS: kill, look, and tell; SECONDS 0: all of it.

Prints one JSON object. VENDOR is postgresql (with MariaDB) or sqlite.
"""

import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from bench.crashes.surroundings import Surroundings, surroundings

if TYPE_CHECKING:
    from bench.crashes.kinds import Case
    from bench.crashes.processes import Worker

WRITER, RECOVERY = "the writer", "the recovery"
PORTAL, RADIUS, BOTH = "the portal's database", "FreeRADIUS' database", "both databases"
NOTHING, STANDS, TAKEN_BACK = "nothing", "stands", "taken back"


@dataclass(frozen=True, slots=True)
class Disaster:
    """What is killed, where, of which kind of operation."""

    victim: str
    kind: str
    step: str


@dataclass(frozen=True, slots=True)
class Cell:
    """How a disaster ended, and what contradicts what was promised ("" where all is well)."""

    victim: str
    kind: str
    step: str
    outcome: str
    fault: str = ""


@dataclass(slots=True)
class Told:
    """What a campaign found."""

    vendor: str
    seed: int
    steps: Sequence[str]
    recovery_steps: Sequence[str]
    cells: list[Cell] = field(default_factory=list)
    planned: int = 0
    kills: int = 0
    diverged: int = 0
    recovered: int = 0
    logins: int = 0
    wrong_logins: int = 0
    left: list[str] = field(default_factory=list)
    """What should not be there at the end."""


def planned(vendor: str, chance: random.Random) -> list[Disaster]:
    """All of them, in an order by which any first part is a mixture."""
    from bench.crashes import kinds
    from ispcore.base.unit_of_work import RECOVERY_STEPS, STEPS

    servers = (PORTAL, RADIUS, BOTH) if vendor == "postgresql" else ()
    found = [
        Disaster(victim, kind, step)
        for victim in (WRITER, *servers)
        for kind in kinds.NAMES
        for step in STEPS
    ]
    found += [Disaster(RECOVERY, kind, step) for kind in kinds.NAMES for step in RECOVERY_STEPS]
    chance.shuffle(found)
    return found


class Campaign:
    """One vendor's databases under attack."""

    def __init__(self, around: Surroundings, *, seed: int) -> None:
        from bench.crashes.processes import Restless
        from ispcore.base.unit_of_work import RECOVERY_STEPS, STEPS

        self.around = around
        self.told = Told(around.vendor, seed, STEPS, RECOVERY_STEPS)
        self.chance = random.Random(seed)  # noqa: S311 - drawn again by its seed
        self.cases: list[Case] = []
        self.restless = Restless(seed)

    def run(self, *, seconds: float) -> Told:
        """All disasters, or what fits into so many seconds; then the last look."""
        disasters = planned(self.around.vendor, self.chance)
        self.told.planned = len(disasters)
        until = time.monotonic() + (seconds or 1e9)
        for number, disaster in enumerate(disasters):
            if time.monotonic() > until:
                break
            self.restless.tend()
            cell = self.suffer(disaster, f"c{number:04d}")
            self.told.cells.append(cell)
            if cell.fault:
                sys.stderr.write(f"{cell}\n")
        self.restless.stop()
        self._look_at_everything()
        return self.told

    def suffer(self, disaster: Disaster, key: str) -> Cell:
        """One disaster, and what came of it."""
        from bench.crashes.kinds import Case, patiently
        from ispcore.base.unit_of_work import recover

        case = Case(disaster.kind, key)
        case.prepare()
        self.cases.append(case)
        before = case.truth()
        code = self._strike(disaster, case)
        patiently(recover)
        after = patiently(case.truth)
        outcome = STANDS if after != before else NOTHING
        if outcome == NOTHING and patiently(lambda: _was_undone(case)):
            outcome = TAKEN_BACK
        fault = contradiction(code, outcome) or self.around.differing(case)
        return Cell(disaster.victim, disaster.kind, disaster.step, outcome, fault)

    def _strike(self, disaster: Disaster, case: "Case") -> int:
        """Returns the code that the writer ended with."""
        from bench.crashes.processes import KILLED, Worker

        if disaster.victim == RECOVERY:
            return self._strike_recovery(disaster, case)
        if disaster.victim == WRITER:
            writer = Worker.start(case.act, stop_at=f"kill:{disaster.step}")
            code = writer.ended()
            self.told.kills += code == KILLED
            return code
        writer = Worker.start(case.act, stop_at=f"stop:{disaster.step}:1")
        try:
            if writer.stands_still():
                self._kill_server(disaster.victim, writer)
            return writer.ended()
        finally:
            writer.kill()

    def _kill_server(self, victim: str, writer: "Worker") -> None:
        """It dies, and comes back before or after the writer goes on."""
        servers = self.around.servers_of(victim)
        for server in servers:
            server.kill()
        self.told.kills += len(servers)
        goes_on_alone = self.chance.random() < 0.5
        if goes_on_alone:  # while nobody answers
            writer.go_on()
            time.sleep(self.chance.random() * 0.3)
        for server in servers:
            server.come_back()
        if not goes_on_alone:
            writer.go_on()

    def _strike_recovery(self, disaster: Disaster, case: "Case") -> int:
        """A dead writer's recovery dies too; the next one has to finish."""
        from bench.crashes.processes import KILLED, Worker
        from ispcore.base.unit_of_work import recover

        self.restless.stop()
        code = Worker.start(case.act, stop_at="kill:radius_committed").ended()
        recovery = Worker.start(recover, stop_at=f"kill:{disaster.step}")
        self.told.kills += (code == KILLED) + (recovery.ended() == KILLED)
        return code

    def _look_at_everything(self) -> None:
        """No marker, no difference by digest, no stranger, and logins as truth has it."""
        from ispcore.base.models import JournalEntry
        from ispcore.base.unit_of_work import in_doubt, recover

        told = self.told
        told.kills += self.restless.kills
        recover()
        if count := in_doubt():
            told.left.append(f"{count} in doubt")
        differing, foreign = self.around.compared()
        told.diverged = len(differing) + sum(bool(cell.fault) for cell in told.cells)
        told.left += [*differing, *foreign]
        told.recovered = JournalEntry.objects.exclude(doubt="").count()
        told.logins, told.wrong_logins = self.around.log_in(self.cases)


def _was_undone(case: "Case") -> bool:
    """Whether the journal has it."""
    from ispcore.base.models import JournalEntry

    rows = JournalEntry.objects.filter(outcome="undone").values_list("what", "keys")
    concerned = {*case.names, *case.addresses}
    return any(
        case.key in what or not keys.isdisjoint(concerned)
        for what, keys in ((what, set(keys)) for what, keys in rows)
    )


def contradiction(code: int, outcome: str) -> str:
    """What a writer said against what is so."""
    from bench.crashes.processes import AWAY, DONE, FAILED, NOTHING_CHANGED

    if code == DONE and outcome != STANDS:
        return "it said that it was done"
    if code in {NOTHING_CHANGED, AWAY} and outcome == STANDS:
        return "it said that nothing was changed"
    return "it failed in another way" if code == FAILED else ""


def main(arguments: Sequence[str]) -> None:
    vendor, seed, seconds = arguments
    with surroundings(vendor) as around:
        told = Campaign(around, seed=int(seed)).run(seconds=float(seconds))
    sys.stdout.write(f"{json.dumps(asdict(told))}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
