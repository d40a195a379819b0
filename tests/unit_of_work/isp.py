"""A truth and its projection in two small tables, and processes that change them and may die."""

import time
from collections.abc import Callable, Sequence

from django.db import connections

from ispcore.base import unit_of_work
from ispcore.base.unit_of_work import Scope

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
