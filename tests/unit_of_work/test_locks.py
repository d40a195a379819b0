"""Who waits for whom, and for how long."""

import time
from collections.abc import Iterator

import pytest
from django.db import connections, transaction

from ispcore.base import unit_of_work
from ispcore.base.rls import identity
from ispcore.base.unit_of_work import locks, steps
from tests.harness.environment import VENDOR
from tests.harness.forks import Worker
from tests.unit_of_work import isp
from tests.unit_of_work.isp import PORTAL, RADIUS, line

postgresql = pytest.mark.skipif(VENDOR != "postgresql", reason="SQLite locks the whole file")
QUICK_S = 1


@pytest.fixture
def slow_writer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """One that stands still with the locks of ali; others wait for a second."""
    isp.put("ali", "gold")
    isp.put("bea", "gold")
    monkeypatch.setattr(locks, "LOCK_S", QUICK_S)
    if VENDOR == "sqlite":
        monkeypatch.setitem(connections[PORTAL].settings_dict["OPTIONS"], "timeout", QUICK_S)
    worker = Worker.start(lambda: isp.put("ali", "silver"), stop_at="stop:locked")
    assert worker.stands_still()
    yield worker
    worker.kill()


def test_who_waits_for_too_long_hears_that_it_is_busy(slow_writer: Worker) -> None:
    with pytest.raises(unit_of_work.Busy, match=r"Somebody else .* nothing was changed"):
        isp.put("ali", isp.NOBODY)
    slow_writer.go_on()
    assert slow_writer.ended() == 0
    assert isp.truth()["ali"] == "silver"
    assert isp.agree()


def test_what_others_hold_in_the_radius_database_is_told_of_that_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """FreeRADIUS itself, or somebody by hand, who takes no locks of ours."""
    isp.put("ali", "gold")

    def hold() -> None:
        with transaction.atomic(using=RADIUS), connections[RADIUS].cursor() as cursor:
            cursor.execute("UPDATE uow_check SET plan = 'by hand' WHERE name = 'ali'")
            steps.passed("projected")

    if VENDOR == "sqlite":
        monkeypatch.setitem(connections[RADIUS].settings_dict["OPTIONS"], "timeout", 0.1)
    holder = Worker.start(hold, stop_at="stop:projected")
    assert holder.stands_still()
    if VENDOR != "sqlite":
        with connections[RADIUS].cursor() as cursor:
            cursor.execute("SET innodb_lock_wait_timeout = 0")
    try:
        with pytest.raises(unit_of_work.Busy, match=r"^RADIUS database: .* nothing was changed"):
            isp.put("ali", "silver")
    finally:
        holder.kill()
        connections[RADIUS].close()
    assert isp.truth()["ali"] == "gold"


@postgresql
def test_others_names_are_free(slow_writer: Worker) -> None:
    isp.put("bea", "silver")
    assert isp.truth() == {"ali": "gold", "bea": "silver"}


@postgresql
def test_who_takes_everything_waits_for_everybody(slow_writer: Worker) -> None:
    with pytest.raises(unit_of_work.Busy):
        unit_of_work.run("all", line("*"), lambda: None)


@postgresql
def test_many_names_are_one_lock() -> None:
    """20,000 locks would exhaust the server's table of them."""
    names = [f"user{number}" for number in range(501)]
    few = unit_of_work.run("look", line(*names[:500]), held)
    many = unit_of_work.run("look", line(*names), held, bulk=True)
    assert (few, many) == ((501, 500), (1, 1))


@postgresql
def test_names_that_move_before_they_are_locked_lock_everything() -> None:
    scopes = iter([line("ali"), line("ali", "bea"), line("ali", "bea"), line("ali", "bea")])
    assert unit_of_work.run("look", lambda: next(scopes), held) == (1, 1)


def held() -> tuple[int, int]:
    """How many locks this unit has, and how many of them for itself alone."""
    with connections[PORTAL].cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE mode = 'ExclusiveLock') FROM pg_locks "
            "WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        )
        total, alone = cursor.fetchone()
    return int(total), int(alone)


@postgresql
def test_a_bulk_unit_waits_longer_and_its_statements_may_run_longer() -> None:
    found: list[tuple[str, str]] = []

    def look() -> None:
        with connections[PORTAL].cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
            )
            found.append(cursor.fetchone())

    with connections[PORTAL].cursor() as cursor:
        cursor.execute("SET statement_timeout = '15s'")  # as for pages
    unit_of_work.run("look", line("ali"), look)
    unit_of_work.run("look", line("ali"), look, bulk=True)
    look()
    with connections[PORTAL].cursor() as cursor:
        cursor.execute("RESET statement_timeout")
    assert found == [("5s", "15s"), ("1min", "2min"), ("0", "15s")]


@postgresql
def test_the_databases_bound_what_stands_still() -> None:
    with connections[PORTAL].cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("2min",)
    with connections[RADIUS].cursor() as cursor:
        cursor.execute("SELECT @@innodb_lock_wait_timeout")
        assert cursor.fetchone() == (5,)


@postgresql
def test_two_that_cross_are_told_apart_and_both_stand() -> None:
    """They lock rows of the portal in opposite order: PostgreSQL ends one, which is tried again."""
    isp.put("ali", "gold")
    isp.put("bea", "gold")

    def cross(first: str, second: str) -> None:
        def change() -> None:
            with connections[PORTAL].cursor() as cursor:
                for name in (first, second):
                    cursor.execute("UPDATE uow_plan SET name = name WHERE name = %s", [name])
                    time.sleep(0.5)

        unit_of_work.run("cross", line(first), change)

    workers = [
        Worker.start(lambda: cross("gold", "silver")),
        Worker.start(lambda: cross("silver", "gold")),
    ]
    assert [worker.ended() for worker in workers] == [0, 0]


def test_many_writers_of_one_name_leave_one_truth() -> None:
    plans = ("gold", "silver", isp.NOBODY)

    def work() -> None:
        for plan in plans:
            isp.put("ali", plan)

    workers = [Worker.start(work) for _ in range(10)]
    assert {worker.ended(within_s=60) for worker in workers} == {0}
    assert isp.agree()
    unit_of_work.recover()
    assert isp.agree()


@postgresql
def test_a_tenants_person_may_write_and_the_projection_sees_all(lines: isp.Lines) -> None:
    """In the web's role: the change is made in one tenant's sight, truth is read in everybody's."""
    seen: dict[str, str] = {}

    def sight(name: str) -> None:
        with connections[PORTAL].cursor() as cursor:
            cursor.execute(
                "SELECT current_user || ' ' || current_setting('ispcore.tenant') || "
                "current_setting('ispcore.sight')"
            )
            seen[name] = cursor.fetchone()[0]

    with identity.as_owner(), connections[PORTAL].cursor() as cursor:
        cursor.execute("GRANT ALL ON uow_line, uow_plan TO ispcore_app")
    lines.meanwhile = lambda: sight("projection")

    def change() -> None:
        isp.write_truth("ali", "gold")
        sight("change")

    with identity.in_role(identity.APP), identity.acting_for(7):
        unit_of_work.run("put", line("ali"), change)
        sight("afterwards")
        unit_of_work.recover()
    assert seen == {
        "change": "ispcore_app 7",
        "projection": "ispcore_app all",
        "afterwards": "ispcore_app 7",
    }
    assert isp.agree()
