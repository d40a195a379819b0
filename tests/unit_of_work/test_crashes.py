"""Processes that are killed -9, or stand still, at every step: truth and RADIUS agree afterwards."""

import random
import time
from collections.abc import Callable, Sequence

import pytest
from django.db import connections

from ispcore.base import unit_of_work
from ispcore.base.models import JournalEntry
from ispcore.base.unit_of_work import RECOVERY_STEPS, STEPS, locks, markers, steps
from tests.harness.environment import VENDOR
from tests.harness.forks import Worker
from tests.unit_of_work import isp
from tests.unit_of_work.isp import PORTAL, Lines, line

KILLED = -9
Kind = tuple[str, Callable[[], object], dict[str, str]]
# an edit of each kind, and the truth that it makes of {ali: gold, bea: silver}
KINDS: Sequence[Kind] = (
    ("create", lambda: isp.put("cho", "gold"), {"ali": "gold", "bea": "silver", "cho": "gold"}),
    ("edit", lambda: isp.put("ali", "silver"), {"ali": "silver", "bea": "silver"}),
    ("suspend", lambda: isp.put("ali", isp.NOBODY), {"ali": isp.NOBODY, "bea": "silver"}),
    ("rename", lambda: isp.rename("ali", "dev"), {"dev": "gold", "bea": "silver"}),
    ("remove", lambda: isp.remove("ali"), {"bea": "silver"}),
    ("all", lambda: isp.put_all("gold"), {"ali": "gold", "bea": "gold"}),
)
BEFORE = {"ali": "gold", "bea": "silver"}


@pytest.fixture
def two() -> None:
    for name, plan in BEFORE.items():
        isp.put(name, plan)
    unit_of_work.recover()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_a_writer_that_is_killed(kind: Kind, step: str, two: None) -> None:
    _, edit, after = kind
    assert Worker.start(edit, stop_at=f"kill:{step}").ended() == KILLED
    decided = unit_of_work.recover()
    assert isp.truth() == (after if step == "portal_committed" else BEFORE)
    assert isp.agree()
    assert markers.since() == {}
    assert len(decided) == (1 if step == "radius_committed" else 0)
    if step != "portal_committed":
        edit()
    assert isp.truth() == after
    assert isp.agree()


def test_the_journal_says_what_was_in_doubt_and_how_it_ended(two: None) -> None:
    Worker.start(lambda: isp.put("ali", "silver"), stop_at="kill:radius_committed").ended()
    assert isp.radius() == [("ali", "silver"), ("bea", "silver")]
    assert unit_of_work.in_doubt() == 1
    [decided] = unit_of_work.recover()
    assert (decided.scope, decided.stands) == (line("ali"), False)
    row = JournalEntry.objects.get(gid=decided.gid)
    assert (row.what, row.outcome, row.keys) == ("put a line", "undone", ["ali"])
    assert "between the two commits" in row.doubt
    assert row.decided_at is not None
    assert row.decided_by
    assert unit_of_work.in_doubt() == 0


def test_the_next_edit_of_the_name_decides_first(two: None) -> None:
    Worker.start(lambda: isp.rename("ali", "dev"), stop_at="kill:radius_committed").ended()
    isp.put("dev", "silver")
    assert isp.truth() == {**BEFORE, "dev": "silver"}
    assert isp.agree()
    assert JournalEntry.objects.get(outcome="undone").keys == ["ali", "dev"]


def test_recovery_may_be_asked_of_one_name(two: None) -> None:
    Worker.start(lambda: isp.put("ali", "silver"), stop_at="kill:radius_committed").ended()
    assert unit_of_work.recover(["bea"]) == []
    assert not isp.agree()
    assert len(unit_of_work.recover(["ali"])) == 1
    assert isp.agree()


@pytest.mark.parametrize("step", RECOVERY_STEPS)
def test_a_recovery_that_is_killed(step: str, two: None) -> None:
    Worker.start(lambda: isp.rename("ali", "dev"), stop_at="kill:radius_committed").ended()
    assert Worker.start(unit_of_work.recover, stop_at=f"kill:{step}").ended() == KILLED
    unit_of_work.recover()
    assert isp.truth() == BEFORE
    assert isp.agree()
    assert markers.since() == {}
    assert JournalEntry.objects.filter(outcome="undone").count() == 1


def test_recovery_waits_for_a_writer_that_stands_still(
    two: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its commits it looks just like a dead one."""
    monkeypatch.setattr(locks, "LOCK_S", 1)
    if VENDOR == "sqlite":
        monkeypatch.setitem(connections[PORTAL].settings_dict["OPTIONS"], "timeout", 1)
    writer = Worker.start(lambda: isp.put("ali", "silver"), stop_at="stop:radius_committed")
    assert writer.stands_still()
    assert unit_of_work.recover() == []
    assert unit_of_work.in_doubt() == 1
    writer.go_on()
    assert writer.ended() == 0
    assert unit_of_work.recover() == []
    assert isp.truth() == {"ali": "silver", "bea": "silver"}
    assert isp.agree()
    assert markers.since() == {}


def test_recovery_that_waits_goes_on_when_the_writer_dies(two: None) -> None:
    writer = Worker.start(lambda: isp.put("ali", "silver"), stop_at="stop:radius_committed")
    assert writer.stands_still()
    recovery = Worker.start(unit_of_work.recover)
    time.sleep(0.5)
    assert recovery.process.is_alive()
    writer.kill()
    assert recovery.ended() == 0
    assert isp.truth() == BEFORE
    assert isp.agree()


@pytest.mark.parametrize("step", ["recovery_held", "recovery_projected"])
def test_a_recovery_that_stands_still_undoes_nothing_newer(step: str, two: None) -> None:
    """It has read truth, its portal's transaction dies, others decide and edit, and it wakes up."""
    Worker.start(lambda: isp.put("ali", "silver"), stop_at="kill:radius_committed").ended()
    slow = Worker.start(unit_of_work.recover, stop_at=f"stop:{step}")
    assert slow.stands_still()
    if VENDOR == "postgresql":
        _end_other_sessions()
        others = Worker.start(lambda: isp.put("ali", isp.NOBODY))
        time.sleep(0.5)
        slow.go_on()
        assert others.ended() == 0
        slow.ended()
    else:  # the files' locks are held by it until it dies
        slow.kill()
        isp.put("ali", isp.NOBODY)
    unit_of_work.recover()
    assert isp.truth() == {"ali": isp.NOBODY, "bea": "silver"}
    assert isp.agree()
    assert markers.since() == {}


@pytest.mark.skipif(VENDOR != "postgresql", reason="SQLite's sessions cannot be ended by others")
@pytest.mark.parametrize("step", ["marked", "projected", "radius_committed"])
def test_a_writer_whose_portal_session_ended_writes_nothing_lasting(step: str, two: None) -> None:
    """As idle_in_transaction_session_timeout does; its RADIUS transaction may commit long after."""
    slow = Worker.start(lambda: isp.put("ali", "silver"), stop_at=f"stop:{step}")
    assert slow.stands_still()
    _end_other_sessions()
    others = Worker.start(lambda: isp.put("ali", isp.NOBODY))
    time.sleep(0.5)
    slow.go_on()
    assert others.ended() == 0
    assert slow.ended() == 1  # it was told that nothing was changed
    unit_of_work.recover()
    assert isp.truth() == {"ali": isp.NOBODY, "bea": "silver"}
    assert isp.agree()


def _end_other_sessions() -> None:
    with connections[PORTAL].cursor() as cursor:
        cursor.execute("SET ROLE none")
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    connections[PORTAL].close()


NAMES = ("ali", "bea", "cho", "dev", "eva")


def _edit_for_ever(seed: int) -> None:
    chance = random.Random(seed)
    while True:
        try:
            _edit(chance)
        except unit_of_work.NotProvisioned:
            continue


def _edit(chance: random.Random) -> None:
    name, other = chance.sample(NAMES, 2)
    kind = chance.choice(("put", "put", "rename", "remove", "all"))
    if kind == "put":
        isp.put(name, chance.choice(("gold", "silver", isp.NOBODY)))
    elif kind == "rename":
        isp.rename(name, other)
    elif kind == "remove":
        isp.remove(name)
    else:
        isp.put_all(chance.choice(("gold", "silver")))


def _recover_for_ever(seed: int) -> None:
    while True:
        try:
            unit_of_work.recover()
        except unit_of_work.NotProvisioned:
            continue
        time.sleep(0.02)


@pytest.mark.parametrize("seed", range(2))
def test_editors_and_recoveries_that_are_killed_all_the_time(seed: int, lines: Lines) -> None:
    """Four at once on five names, each killed at a step of its life's, or at any instant."""
    lines.slow_s = 0.002
    chance = random.Random(seed)
    began, killed = time.monotonic(), 0
    works = [_edit_for_ever, _edit_for_ever, _edit_for_ever, _recover_for_ever]
    running: dict[int, Worker] = {}

    def start(place: int) -> Worker:
        steps = RECOVERY_STEPS if works[place] is _recover_for_ever else STEPS
        at = (
            f"kill:{chance.choice(steps)}:{chance.randrange(1, 6)}" if chance.random() < 0.7 else ""
        )
        number = chance.randrange(2**32)
        return Worker.start(lambda: works[place](number), stop_at=at)

    def enough() -> bool:
        return killed > 20 and JournalEntry.objects.filter(outcome="undone").exists()

    while not enough():
        assert time.monotonic() < began + 180
        for place in range(len(works)):
            worker = running.get(place)
            if worker and worker.process.is_alive() and chance.random() < 0.1:
                worker.kill()
            if worker is None or not worker.process.is_alive():
                killed += worker is not None
                running[place] = start(place)
        time.sleep(0.05)
    for worker in running.values():
        worker.kill()
    unit_of_work.recover()
    assert isp.agree(), (isp.truth(), isp.radius())
    assert markers.since() == {}


def test_a_projection_with_a_fault_leaves_the_decision_to_recovery(two: None, lines: Lines) -> None:
    """The portal's COMMIT fails for good, and to take RADIUS back fails too: nobody is told more
    than is known."""

    def fault_in_recovery() -> None:
        if JournalEntry.objects.filter(outcome="undone").exists():
            raise ValueError("no such attribute")

    lines.meanwhile = fault_in_recovery
    steps.stop_at("fail:radius_committed")
    with pytest.raises(unit_of_work.BeingDecided):
        isp.put("ali", "silver")
    steps.stop_at("")
    lines.meanwhile = None
    assert len(unit_of_work.recover()) == 1
    assert isp.truth() == BEFORE
    assert isp.agree()
