"""A change stands in both databases, or in neither, and says which."""

import os
import subprocess
import sys

import pytest
from django.db import IntegrityError, OperationalError, connections, transaction
from django.db.transaction import TransactionManagementError
from django.http import HttpResponse
from django.test import RequestFactory

from ispcore.base import unit_of_work
from ispcore.base.middleware import DatabaseAway
from ispcore.base.models import JournalEntry
from ispcore.base.unit_of_work import STEPS, markers, steps
from tests.unit_of_work import isp
from tests.unit_of_work.isp import PORTAL, RADIUS, Lines, line


def test_a_change_stands_in_both() -> None:
    isp.put("ali", "gold")
    assert isp.radius() == [("ali", "gold")]
    row = JournalEntry.objects.get()
    assert (row.what, row.kind, row.keys, row.outcome, row.doubt) == (
        *("put a line", isp.KIND, ["ali"], "stands", ""),
    )


def test_the_change_gives_its_result() -> None:
    assert unit_of_work.run("look", line("ali"), lambda: 7) == 7


def test_later_units_take_markers_along_and_recovery_the_rest() -> None:
    for number in range(markers.DROP_FROM + 2):
        isp.put("ali", "gold" if number % 2 else "silver")
    assert len(markers.since()) == 2
    markers._done_with.clear()  # as if another process had written them
    assert len(markers.pending()) == 2
    isp.put("ali", "gold")
    assert unit_of_work.recover() == []
    assert markers.since() == {}
    assert not JournalEntry.objects.exclude(doubt="").exists()


@pytest.mark.parametrize("step", STEPS[:-1])
def test_a_fault_at_any_step_leaves_nothing(step: str) -> None:
    isp.put("ali", "gold")
    steps.stop_at(f"fail:{step}")
    with pytest.raises(steps.Stopped):
        isp.put("ali", "silver")
    assert isp.truth() == {"ali": "gold"}
    assert isp.agree()


def test_what_the_change_raises_is_raised() -> None:
    def change() -> None:
        isp.write_truth("ali", "gold")
        raise ValueError("no such street")

    with pytest.raises(ValueError, match="no such street"):
        unit_of_work.run("put", line("ali"), change)
    assert isp.truth() == {}
    assert not JournalEntry.objects.exists()


def test_a_deferred_constraint_leaves_nothing_in_radius() -> None:
    with pytest.raises(IntegrityError):
        isp.put("ali", "no such plan")
    assert isp.truth() == {}
    assert isp.radius() == []
    if connections[PORTAL].vendor == "postgresql":  # before RADIUS had heard of it
        assert not JournalEntry.objects.exists()
    unit_of_work.recover()
    assert isp.radius() == []


def test_it_must_be_the_outermost_transaction_of_the_portal() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        isp.put("ali", "gold")
    assert isp.truth() == {}


def test_it_must_be_the_outermost_transaction_of_radius() -> None:
    with pytest.raises(RuntimeError), transaction.atomic(using=RADIUS):
        isp.put("ali", "gold")
    assert isp.truth() == {}


def test_a_unit_in_a_unit_is_refused() -> None:
    with pytest.raises(RuntimeError):
        unit_of_work.run("outer", line("ali"), lambda: isp.put("ali", "gold"))
    assert isp.truth() == {}


def test_a_kind_that_nobody_writes_is_refused() -> None:
    with pytest.raises(unit_of_work.UnknownKind):
        unit_of_work.run("put", unit_of_work.Scope("starship", ("x",)), lambda: None)
    assert not JournalEntry.objects.exists()


def test_what_follows_is_called_when_both_stand_and_may_fail(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen = []

    def change() -> None:
        isp.write_truth("ali", "gold")
        unit_of_work.after_commit(lambda: 1 / 0)
        unit_of_work.after_commit(lambda: seen.append((isp.truth(), isp.radius())))

    unit_of_work.run("put", line("ali"), change)
    assert seen == [({"ali": "gold"}, [("ali", "gold")])]
    assert "what was to follow failed" in caplog.text


def test_what_follows_is_not_called_for_what_does_not_stand() -> None:
    seen: list[int] = []

    def change() -> None:
        unit_of_work.after_commit(lambda: seen.append(1))
        raise ValueError("no such street")

    with pytest.raises(ValueError, match="street"):
        unit_of_work.run("put", line("ali"), change)
    assert seen == []


def test_what_follows_belongs_to_a_unit() -> None:
    with pytest.raises(RuntimeError):
        unit_of_work.after_commit(lambda: None)


def test_a_callback_of_django_that_fails_undoes_nothing() -> None:
    def change() -> None:
        isp.write_truth("ali", "gold")
        transaction.on_commit(lambda: 1 / 0)

    unit_of_work.run("put", line("ali"), change)
    assert isp.truth() == {"ali": "gold"}
    assert isp.agree()
    assert JournalEntry.objects.get().doubt == ""


@pytest.mark.parametrize("alias", [PORTAL, RADIUS])
def test_an_error_that_was_passed_over_is_no_success(alias: str, lines: Lines) -> None:
    """Django would roll back one of the two without a word."""

    def careless() -> None:
        try:
            with transaction.atomic(using=alias, savepoint=False):
                connections[alias].cursor().execute("SELECT no_such_column")
        except Exception:  # noqa: BLE001, S110
            pass

    def change() -> None:
        isp.write_truth("ali", "gold")
        if alias == PORTAL:
            careless()

    if alias == RADIUS:
        lines.meanwhile = careless
    with pytest.raises(TransactionManagementError):
        unit_of_work.run("put", line("ali"), change)
    assert isp.truth() == {}
    assert isp.radius() == []


def test_a_scope_may_depend_on_truth() -> None:
    isp.put("ali", "gold")
    isp.put("bea", "gold")
    unit_of_work.run(
        "put all that are there",
        lambda: line(*sorted(isp.truth())),
        lambda: isp.write_truth("bea", "silver"),
    )
    assert isp.agree()


def test_names_that_move_while_they_are_locked_lock_everything() -> None:
    """Somebody else commits a new name between the look and the lock."""
    isp.put("ali", "gold")
    looks = []

    def scope() -> unit_of_work.Scope:
        looks.append(1)
        return line("ali") if len(looks) == 1 else line("ali", "bea")

    unit_of_work.run("put", scope, lambda: isp.write_truth("bea", "gold"))
    assert isp.agree()
    assert JournalEntry.objects.order_by("-at").first().keys == ["ali", "bea"]  # type: ignore[union-attr]


def test_a_deadlock_is_tried_again_with_another_gid() -> None:
    tries = []

    def change() -> None:
        isp.write_truth("ali", "gold")
        tries.append(1)
        if len(tries) < 3:
            raise _deadlock()

    unit_of_work.run("put", line("ali"), change)
    assert len(tries) == 3
    assert JournalEntry.objects.count() == 1
    assert isp.agree()


def test_deadlocks_without_end_are_said_to_be_busy() -> None:
    def change() -> None:
        raise _deadlock()

    with pytest.raises(unit_of_work.Busy, match="nothing was changed"):
        unit_of_work.run("put", line("ali"), change)


def _deadlock() -> OperationalError:
    import MySQLdb

    error = OperationalError(1213, "Deadlock found when trying to get lock")
    error.__cause__ = MySQLdb.OperationalError(1213, "Deadlock")
    return error


def test_a_step_that_is_none_is_refused_at_the_start() -> None:
    """A test that stops nowhere would prove nothing."""
    done = subprocess.run(
        [sys.executable, "-c", "import django; django.setup(); import ispcore.base.unit_of_work"],
        env=os.environ | {"ISPCORE_STOP_AT": "kill:nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "ISPCORE_STOP_AT: 'kill:nowhere' is not kill|stop|fail:STEP[:TIME]" in done.stderr


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            unit_of_work.Busy("Somebody else is at it; nothing was changed."),
            "Somebody else is at it",
        ),
        (unit_of_work.BeingDecided("rename", "17"), "is decided in both databases"),
    ],
)
def test_what_nobody_caught_is_told_as_it_is(fault: Exception, words: str) -> None:
    away = DatabaseAway(lambda request: HttpResponse())
    page = away.process_exception(RequestFactory().post("/admin/"), fault)
    answer = away.process_exception(RequestFactory().post("/api/users"), fault)
    assert page is not None
    assert answer is not None
    for each in (page, answer):
        assert each.status_code == 503
        assert words in each.content.decode()
    assert ("othing was changed" in page.content.decode()) == isinstance(fault, OperationalError)
