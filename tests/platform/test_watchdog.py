"""Who shows no life is killed and comes again; who cannot show it is left alone."""

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from ispcore.supervisor import reaper
from ispcore.supervisor.children import Child, ending
from ispcore.supervisor.plan import Plan, Program, dump, load
from ispcore.supervisor.watchdog import Answer, Watchdog

STALE_S = 0.4


class Run:
    """A child that only sleeps, the dog that watches it, and the groups that were noted."""

    def __init__(self, heartbeat: str) -> None:
        self.groups: list[tuple[str, int]] = []
        program = Program("sleeper", ("sleep", "60"), {}, heartbeat, STALE_S)
        self.child = Child(program, note=lambda sign, group: self.groups.append((sign, group)))
        self.dog = Watchdog([self.child])

    async def starts(self, times: int) -> None:
        async with asyncio.timeout(5):
            while sum(sign == "+" for sign, _ in self.groups) < times:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    @property
    def deaths(self) -> int:
        return sum(sign == "-" for sign, _ in self.groups)


@pytest.fixture
async def sleeper() -> AsyncIterator[Callable[[str], "asyncio.Future[Run]"]]:
    runs: list[tuple[Run, asyncio.Task[None]]] = []

    async def begin(heartbeat: str) -> Run:
        run = Run(heartbeat)
        runs.append((run, asyncio.create_task(run.child.keep_running())))
        await run.starts(1)
        return run

    yield lambda heartbeat: asyncio.ensure_future(begin(heartbeat))
    for run, task in runs:
        await run.child.stop()
        await task


Sleeper = Callable[[str], "asyncio.Future[Run]"]


async def test_silent_process_is_killed_and_started_again(sleeper: Sleeper) -> None:
    run = await sleeper("watch")
    for _ in range(3):
        run.dog.heard(Answer(200, {"watch": "12:00:00"}))
        await asyncio.sleep(0.25)
    run.dog.heard(Answer(200, {"watch": "12:00:00"}))
    await run.starts(2)
    assert run.deaths == 1


async def test_process_whose_beat_moves_lives(sleeper: Sleeper) -> None:
    run = await sleeper("watch")
    for second in range(5):
        run.dog.heard(Answer(200, {"watch": f"12:00:0{second}"}))
        await asyncio.sleep(0.2)
    assert run.deaths == 0


async def test_wall_clock_that_steps_back_kills_nobody(sleeper: Sleeper) -> None:
    run = await sleeper("watch")
    for beat in ("12:00:00", "11:00:01", "11:00:02", "13:00:03"):
        run.dog.heard(Answer(200, {"watch": beat}))
        await asyncio.sleep(0.25)
    assert run.deaths == 0


async def test_nobody_is_killed_while_the_database_is_away(sleeper: Sleeper) -> None:
    run = await sleeper("watch")
    run.dog.heard(Answer(200, {"watch": "12:00:00"}))
    for _ in range(4):
        await asyncio.sleep(0.2)
        run.dog.heard(Answer(503, {}))
    run.dog.heard(Answer(200, {"watch": "12:00:00"}))  # back, and not yet beaten
    await asyncio.sleep(0.1)
    assert run.deaths == 0


async def test_web_that_never_answers_is_killed(sleeper: Sleeper) -> None:
    run = await sleeper("web")
    run.dog.web_silent()
    assert run.deaths == 0
    await asyncio.sleep(STALE_S + 0.1)
    run.dog.web_silent()
    await run.starts(2)


async def test_web_that_answers_without_a_database_lives(sleeper: Sleeper) -> None:
    run = await sleeper("web")
    for _ in range(4):
        await asyncio.sleep(0.2)
        run.dog.heard(Answer(503, {}))
    run.dog.web_silent()
    await asyncio.sleep(0.1)
    assert run.deaths == 0


async def test_what_a_dead_leader_leaves_behind_is_ended(tmp_path: Path) -> None:
    mark = tmp_path / "orphan"
    leaves = f"sleep 60 & echo $! > {mark}; exit 3"
    child = Child(Program("leader", ("sh", "-c", leaves), {}), note=lambda sign, group: None)
    running = asyncio.create_task(child.keep_running())
    async with asyncio.timeout(5):
        while _orphan_lives(mark):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await child.stop()
    await running


async def test_program_that_cannot_be_started_is_said_and_tried_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    child = Child(Program("lab", ("/no/such/program",), {}), note=lambda sign, group: None)
    running = asyncio.create_task(child.keep_running())
    await asyncio.sleep(0.2)
    await child.stop()
    await running
    assert (
        "lab cannot be started: No such file or directory; again in 1 s" in capsys.readouterr().out
    )


def test_reaper_ends_what_its_supervisor_left() -> None:
    kept, ended = (subprocess.Popen(["sleep", "60"], start_new_session=True) for _ in range(2))
    pipe = subprocess.Popen(
        [sys.executable, "-I", "-S", reaper.__file__], stdin=subprocess.PIPE, text=True
    )
    threading.Thread(target=ended.wait).start()  # as init does with orphans
    pipe.communicate(f"+{ended.pid}\n+{kept.pid}\n-{kept.pid}\n", timeout=20)
    assert ended.wait(5) == -15
    assert kept.poll() is None
    kept.kill()
    kept.wait()


def test_plan_survives_the_pipe() -> None:
    program = Program("jobs", ("a", "b"), {"X": "1"}, "jobs default", 270)
    plan = Plan("portal.example.net", (program,))
    assert load(dump(plan)) == plan


def test_endings_are_told_in_words() -> None:
    assert ending(3) == "exit code 3"
    assert ending(-9) == "signal 9 (Killed)"


def _orphan_lives(mark: Path) -> bool:
    """True also before it has written its number."""
    number = mark.read_text().strip() if mark.exists() else ""
    return not number or _lives(int(number))


def _lives(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    return False


def test_monotonic_clock_is_what_the_dog_goes_by() -> None:
    assert Watchdog([]).now is time.monotonic
