"""A truth and its projection in two small tables, and processes that change them and may die."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import connections

from ispcore.base import unit_of_work
from ispcore.base.unit_of_work import Scope, steps

PORTAL, RADIUS = "default", "radius"
KIND = "test line"
NOBODY = "nobody"  # a plan that lets nobody in: nothing is projected
TABLES = {
    PORTAL: (
        "CREATE TABLE uow_plan (name varchar(20) PRIMARY KEY)",
        "CREATE TABLE uow_line (name varchar(40) PRIMARY KEY, plan varchar(20) NOT NULL "
        "REFERENCES uow_plan (name) DEFERRABLE INITIALLY DEFERRED)",
    ),
    RADIUS: ("CREATE TABLE uow_check (name varchar(40) NOT NULL, plan varchar(20) NOT NULL)",),
}
INDEX = "CREATE INDEX uow_check_name ON uow_check (name)"


class Lines:
    """The projector: one row for each line whose plan lets it in."""

    def __init__(self) -> None:
        self.slow_s = 0.0
        self.meanwhile: Callable[[], object] | None = None

    def names(self, scope: Scope) -> Sequence[str] | None:
        return None if scope.keys == ("*",) else scope.keys

    def write(self, scope: Scope) -> None:
        with connections[PORTAL].cursor() as portal, connections[RADIUS].cursor() as radius:
            portal.execute("SELECT name, plan FROM uow_line")
            truth = [row for row in portal.fetchall() if self._is_of(row[0], scope)]
            if scope.keys == ("*",):
                radius.execute("DELETE FROM uow_check")
            for name in scope.keys:
                radius.execute("DELETE FROM uow_check WHERE name = %s", [name])
            if self.meanwhile:
                self.meanwhile()
            time.sleep(self.slow_s)
            for row in truth:
                if row[1] != NOBODY:
                    radius.execute("INSERT INTO uow_check (name, plan) VALUES (%s, %s)", row)

    def _is_of(self, name: str, scope: Scope) -> bool:
        return scope.keys == ("*",) or name in scope.keys


def line(*names: str) -> Scope:
    return Scope(KIND, names)


def put(name: str, plan: str, *, bulk: bool = False) -> None:
    """The operation of these tests: a line has a plan from now on."""
    unit_of_work.run("put a line", line(name), lambda: write_truth(name, plan), bulk=bulk)


def rename(old: str, new: str) -> None:
    def change() -> None:
        with connections[PORTAL].cursor() as cursor:
            cursor.execute("DELETE FROM uow_line WHERE name = %s", [new])
            cursor.execute("UPDATE uow_line SET name = %s WHERE name = %s", [new, old])

    unit_of_work.run("rename a line", line(old, new), change)


def remove(name: str) -> None:
    def change() -> None:
        with connections[PORTAL].cursor() as cursor:
            cursor.execute("DELETE FROM uow_line WHERE name = %s", [name])

    unit_of_work.run("remove a line", line(name), change)


def put_all(plan: str) -> None:
    """All lines, under the lock of everything."""

    def change() -> None:
        with connections[PORTAL].cursor() as cursor:
            cursor.execute("UPDATE uow_line SET plan = %s", [plan])

    unit_of_work.run("put all lines", line("*"), change, bulk=True)


def write_truth(name: str, plan: str) -> None:
    with connections[PORTAL].cursor() as cursor:
        cursor.execute("DELETE FROM uow_line WHERE name = %s", [name])
        cursor.execute("INSERT INTO uow_line (name, plan) VALUES (%s, %s)", [name, plan])


def truth() -> dict[str, str]:
    with connections[PORTAL].cursor() as cursor:
        cursor.execute("SELECT name, plan FROM uow_line")
        return dict(cursor.fetchall())


def radius() -> list[tuple[str, str]]:
    with connections[RADIUS].cursor() as cursor:
        cursor.execute("SELECT name, plan FROM uow_check ORDER BY name, plan")
        return [tuple(row) for row in cursor.fetchall()]


def agree() -> bool:
    """Whether RADIUS is the projection of truth, row by row."""
    return radius() == sorted((n, p) for n, p in truth().items() if p != NOBODY)


@dataclass(frozen=True, slots=True)
class Worker:
    """A real process of ours (a fork: neither has the other's connections)."""

    process: multiprocessing.process.BaseProcess

    @classmethod
    def start(cls, work: Callable[[], object], *, stop_at: str = "") -> "Worker":
        connections.close_all()

        def body() -> None:
            steps.stop_at(stop_at)
            work()
            connections.close_all()

        process = multiprocessing.get_context("fork").Process(target=body, daemon=True)
        process.start()
        return cls(process)

    def ended(self, *, within_s: float = 30) -> int:
        """The code that it ended with; -9 where it was killed."""
        self.process.join(within_s)
        assert self.process.exitcode is not None, "it lives on"
        return self.process.exitcode

    def stands_still(self, *, within_s: float = 20) -> None:
        """Wait until it has stopped itself."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            stat = Path(f"/proc/{self.process.pid}/stat").read_text()
            if stat.rpartition(")")[2].split()[0] == "T":
                return
            time.sleep(0.01)
        raise AssertionError("it did not stop")

    def send(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def go_on(self) -> None:
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        if self.process.is_alive():
            self.send(signal.SIGKILL)
        self.process.join(10)
