"""PostgreSQL and MariaDB stopped, restarted and killed -9 while people are at the portal.

Nothing hangs, everybody is told, and all of it works again by itself, with the processes that were
there before.
"""

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.testing import running_lab
from tests.harness import databases
from tests.harness.databases import MariaDB, PostgreSQL
from tests.journey.campaign import PERIOD_S, PROJECT, Campaign, network
from tests.journey.load import Asked, OpenPages, Readers
from tests.journey.portal import Portal

pytestmark = [pytest.mark.journey, pytest.mark.servers]
ANSWERED_WITHIN_S = 20.0
WELL_WITHIN_S = 60.0  # after the server is back
AWAY_S = 14.0  # longer than the sign of life of an open page
SOCKETS = 20
API, HEALTH = "/api/resellers", "/health/"


class Place:
    """A portal on database servers of its own, with people at it."""

    def __init__(self, campaign: Campaign, servers: databases.Servers, reseller: int) -> None:
        self.campaign, self.portal = campaign, campaign.portal
        assert isinstance(servers.postgresql, PostgreSQL)
        assert isinstance(servers.mariadb, MariaDB)
        self.postgresql, self.mariadb = servers.postgresql, servers.mariadb
        self.session = campaign.tell("session")
        paths = ["/admin/", f"/admin/resellers/reseller/{reseller}/", API, HEALTH]
        paths += ["/admin/routers/router/", "/admin/monitoring/alert/"]
        self.readers = Readers(self.portal.url, self.session, paths)
        self.open_pages = OpenPages(
            self.portal.url, self.session, "reseller", str(reseller), count=SOCKETS
        )
        self.speed_mbps = 500

    def processes(self) -> set[int]:
        """Those of ours, without the programs that they start for a moment."""
        lines = self.portal.family().items()
        return {pid for pid, line in lines if "manage.py" in line or "ispcore.web" in line}

    def wait(self, what: str, holds: Callable[[], object], within_s: float = WELL_WITHIN_S) -> None:
        try:
            took_s = self.campaign.wait(what, holds, within_s)
        except AssertionError as error:
            latest = [(a.path, a.status, round(a.took_s, 1)) for a in self.readers.asked[-12:]]
            raise AssertionError(f"{what}: the latest answers: {latest}") from error
        sys.stdout.write(f"{what}: {took_s:.1f} s\n")

    def is_well(self) -> None:
        """Pages and sockets work, and a change gets to every open page."""
        began = time.monotonic()
        self.wait("every page is there", lambda: self.readers.all_is_well(began))
        self.speed_mbps += 1
        self.campaign.tell("change_plan", [self.speed_mbps])
        words = f"{self.speed_mbps}"
        self.wait(f"a change to {words} Mbps", lambda: self.open_pages.all_show(words))
        self.wait("every socket lives", lambda: self.open_pages.live_since(began))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    servers = databases.start(durable=True)  # what is acknowledged outlives a kill
    try:
        with running_lab(network()) as lab, _campaign(lab, servers, tmp_path_factory) as campaign:
            rows = campaign.records.rows("SELECT min(id) FROM resellers")
            here = Place(campaign, servers, int(rows[0][0]))
            with here.readers, here.open_pages:
                here.is_well()
                yield here
    finally:
        servers.stop()


@contextmanager
def _campaign(
    lab: object, servers: databases.Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Campaign]:
    given = {
        "DATABASE_URL": servers.postgresql.create("away"),
        "RADIUS_DATABASE_URL": servers.mariadb.create("away"),
    }
    var: Path = tmp_path_factory.mktemp("away") / "var"
    campaign = Campaign(lab, var=var, node="dhaka-1", databases=given)  # type: ignore[arg-type]
    campaign.found_isp()
    campaign.portal = Portal(PROJECT, var=var, environment=campaign._given)
    try:
        campaign.portal.wait_until_ready()
        yield campaign
    finally:
        campaign.portal.stop()
    (var / "output").write_text(campaign.portal.output)
    assert "not safe:" not in campaign.portal.output
    said = campaign.portal.output.partition("Traceback")
    assert not said[1], said[0][-1000:] + said[1] + said[2][:4000]


def test_the_portals_database_is_killed(place: Place) -> None:
    before = place.processes()
    died = time.monotonic()
    assert place.postgresql.kill() == -9
    _is_away(place, died)
    place.postgresql.come_back()
    _has_recovered(place, died, before)


def test_the_portals_database_is_stopped(place: Place) -> None:
    before = place.processes()
    died = time.monotonic()
    place.postgresql.go_away()
    _is_away(place, died)
    place.postgresql.come_back()
    _has_recovered(place, died, before)


def test_the_portals_database_is_restarted(place: Place) -> None:
    before = place.processes()
    began = time.monotonic()
    place.postgresql.go_away()
    place.postgresql.come_back()
    _has_recovered(place, began, before)


def test_radius_is_away_and_monitoring_goes_on(place: Place) -> None:
    before, died = place.processes(), time.monotonic()
    assert place.mariadb.kill() == -9
    place.wait("health says that RADIUS is away", lambda: _radius(place) == "away", 20)
    place.wait("sockets live without RADIUS", lambda: place.open_pages.live_since(died), 20)
    place.mariadb.come_back()
    place.wait("health says that RADIUS is back", lambda: _radius(place) == "ok")
    place.mariadb.go_away()
    place.mariadb.come_back()
    place.wait("and is back after a restart", lambda: _radius(place) == "ok")
    with place.mariadb.frozen():
        assert [_radius(place), _radius(place)] == ["away", "away"]
    place.wait("and is back after it stood still", lambda: _radius(place) == "ok")
    asked = place.readers.since(died)
    assert {each.path for each in asked} == set(place.readers.paths)
    assert {each.status for each in asked} == {200}, [a for a in asked if a.status != 200][:3]
    assert max(each.took_s for each in asked) < ANSWERED_WITHIN_S
    assert before <= place.processes()


def test_no_round_of_polls_is_missing(place: Place) -> None:
    """What was read while the database was away waited on disk, and was stored with its own time."""

    def newest_s() -> float:
        return (datetime.now(UTC) - place.campaign.reads()[-1]).total_seconds()

    place.wait("a poll after all that", lambda: newest_s() < 30)
    reads = place.campaign.reads()
    rounds = {round(at.timestamp()) // PERIOD_S for at in reads}
    assert rounds == set(range(min(rounds), max(rounds) + 1)), reads
    assert len(rounds) >= 2
    query = "SELECT count(*) FROM alerts"
    assert place.campaign.records.rows(query) == [(0,)], "an outage of ours alerted"


def _radius(place: Place) -> str:
    asked = place.readers.ask(HEALTH)
    assert asked.status == 200, asked
    return str(json.loads(asked.text)["databases"]["radius"])


def _is_away(place: Place, died: float) -> None:
    """While it is: each request is answered in time with 503, and no socket says that it is live."""
    with ThreadPoolExecutor(len(place.readers.paths)) as people:
        asked = list(people.map(place.readers.ask, place.readers.paths))
    for each in asked:
        _says_so(each)
    time.sleep(max(died + AWAY_S - time.monotonic(), 0))
    for each in place.readers.ended_since(died + 1):
        assert each.took_s < ANSWERED_WITHIN_S, each
        assert each.status == 503, each
    assert place.open_pages.silent_since(died + 3), "a page says that it is live"


def _says_so(asked: Asked) -> None:
    assert (asked.status, asked.took_s < ANSWERED_WITHIN_S) == (503, True), asked
    if asked.path == API:
        assert asked.kind == "application/json"
        said = json.loads(asked.text)["detail"]
        assert said == "the database does not answer; nothing was changed"
    elif asked.path == HEALTH:
        assert json.loads(asked.text)["databases"]["default"] == "away"
    else:
        assert asked.kind.startswith("text/html")
        assert "The database does not answer" in asked.text
        assert re.search(r'<meta http-equiv="refresh" content="\d+">', asked.text)
        assert "Traceback" not in asked.text


def _has_recovered(place: Place, died: float, before: set[int]) -> None:
    back = time.monotonic()
    place.is_well()
    assert time.monotonic() - back < WELL_WITHIN_S
    assert before <= place.processes(), "a process of ours was restarted"
    slow = [each for each in place.readers.since(died) if each.took_s > ANSWERED_WITHIN_S]
    assert not slow, slow[:3]
    assert {each.status for each in place.readers.since(died)} <= {200, 503}
