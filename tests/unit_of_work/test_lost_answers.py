"""A connection that is cut between a COMMIT and its answer: what stands is found out, not guessed."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from django.db import connections

from ispcore.base import unit_of_work
from ispcore.base.models import JournalEntry
from ispcore.base.unit_of_work import markers
from tests.harness.environment import VENDOR
from tests.harness.processes import free_port
from tests.unit_of_work import cutter, isp
from tests.unit_of_work.cutter import WHEN, Cutter
from tests.unit_of_work.isp import PORTAL, RADIUS, line

pytestmark = pytest.mark.skipif(VENDOR != "postgresql", reason="SQLite has no connection to cut")


@pytest.fixture(params=[PORTAL, RADIUS])
def cut(request: pytest.FixtureRequest) -> Iterator[tuple[str, Cutter]]:
    isp.put("ali", "gold")
    with cutter.before(request.param) as made:
        yield request.param, made


@pytest.mark.parametrize("when", WHEN)
def test_the_caller_hears_how_it_ended(cut: tuple[str, Cutter], when: str) -> None:
    alias, made = cut
    followed: list[int] = []

    def change() -> None:
        isp.write_truth("ali", "silver")
        unit_of_work.after_commit(lambda: followed.append(1))

    markers.pending()
    isp.truth()  # both are connected
    made.when = when
    # RADIUS is written again; the portal's transaction died with its connection, unless it committed
    stands = alias == RADIUS or when != "before"
    refused = pytest.raises(unit_of_work.NotProvisioned, match="nothing was changed")
    with nullcontext() if stands else refused:
        unit_of_work.run("put", line("ali"), change)
    assert made.cuts == 1
    assert isp.truth() == {"ali": "silver" if stands else "gold"}
    assert isp.agree()
    assert followed == [1] * stands
    unit_of_work.recover()
    assert isp.agree()
    assert markers.pending() == []
    doubted = list(JournalEntry.objects.exclude(doubt="").values_list("outcome", flat=True))
    assert doubted == ([] if alias == RADIUS else ["stands" if stands else "undone"])


@pytest.mark.parametrize("when", WHEN[:2])
def test_a_database_that_stays_away_is_decided_when_it_is_back(
    cut: tuple[str, Cutter], when: str
) -> None:
    alias, made = cut
    made.when, made.stays_away = when, True
    if alias == RADIUS:
        with pytest.raises(unit_of_work.RadiusAway, match="nothing was changed"):
            isp.put("ali", "silver")
    else:
        with pytest.raises(unit_of_work.BeingDecided, match="is decided"):
            isp.put("ali", "silver")
    with pytest.raises(unit_of_work.NotProvisioned, match="nothing was changed"):
        isp.put("bea", "gold")
    made.is_away = False
    unit_of_work.recover()
    stands = alias == PORTAL and when == "after"
    assert isp.truth() == {"ali": "silver" if stands else "gold"}
    assert isp.agree()


@pytest.mark.parametrize(
    ("alias", "kind"), [(PORTAL, unit_of_work.PortalAway), (RADIUS, unit_of_work.RadiusAway)]
)
def test_a_database_that_is_away_changes_nothing(
    alias: str, kind: type[unit_of_work.NotProvisioned], monkeypatch: pytest.MonkeyPatch
) -> None:
    isp.put("ali", "gold")
    connections[alias].close()
    with monkeypatch.context() as patched:
        patched.setitem(connections[alias].settings_dict, "PORT", str(free_port()))
        with pytest.raises(kind, match="does not answer; nothing was changed"):
            isp.put("ali", "silver")
        markers._done_with.clear()  # as another process, which knows nothing of it
        with pytest.raises(kind):
            unit_of_work.recover()
    assert isp.truth() == {"ali": "gold"}
    assert isp.agree()


@pytest.mark.parametrize("alias", [PORTAL, RADIUS])
def test_a_connection_that_ended_while_it_was_idle_is_replaced(alias: str) -> None:
    isp.put("ali", "gold")
    with connections[alias].cursor() as cursor:
        if alias == PORTAL:
            cursor.execute("SET ROLE none")
        cursor.execute("SELECT pg_backend_pid()" if alias == PORTAL else "SELECT connection_id()")
        number = cursor.fetchone()[0]
    other = connections.create_connection(alias)
    with other.cursor() as cursor:
        end = "SELECT pg_terminate_backend(%s)" if alias == PORTAL else "KILL %s"
        if alias == PORTAL:
            cursor.execute("SET ROLE none")
        cursor.execute(end, [number])
    other.close()
    isp.put("ali", "silver")
    assert isp.truth() == {"ali": "silver"}
    assert isp.agree()
