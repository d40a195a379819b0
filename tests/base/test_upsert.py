"""Many rows in one statement: new ones inserted, known ones updated, and what is kept is kept."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ispcore.base.models import JobLease
from ispcore.base.upsert import upsert
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
COLUMNS = ("job", "slot", "owner", "taken_at", "expires_at", "finished_at", "note")


def write(*rows: tuple[str, str], note: str = "") -> None:
    later = NOON + timedelta(minutes=1)
    values = [(job, NOON, owner, NOON, later, None, note) for job, owner in rows]
    upsert(JobLease, COLUMNS, values, key=("job", "slot"), kept=("note",))


def stored() -> dict[str, tuple[str, str]]:
    return {row.job: (row.owner, row.note) for row in JobLease.objects.all()}


def test_new_rows_are_inserted_and_known_ones_updated_but_for_what_is_kept() -> None:
    write(("a", "one"), ("b", "one"), note="first")
    write(("b", 'it\'s "two", {x}\\'), ("c", "two"), note="second")
    assert stored() == {
        "a": ("one", "first"),
        "b": ('it\'s "two", {x}\\', "first"),
        "c": ("two", "second"),
    }
    row = JobLease.objects.get(job="c")
    assert (row.taken_at, row.expires_at, row.finished_at) == (
        NOON,
        NOON + timedelta(minutes=1),
        None,
    )


def test_a_thousand_rows_are_one_statement() -> None:
    with CaptureQueriesContext(connection) as captured:
        write(*((f"job-{n}", "one") for n in range(1000)))
    assert len(captured) == 1
    assert len(stored()) == 1000


def test_no_rows_is_no_work() -> None:
    with CaptureQueriesContext(connection) as captured:
        write()
    assert len(captured) == 0
