"""The database is killed, and the collector too while it is away: every reading that could be made
is made, waits on disk, and is stored once when the database is back."""

from pathlib import Path

import pytest

from lab.testing import running_lab
from tests.harness.databases import PostgreSQL
from tests.journey.campaign import PERIOD_S, WITHIN_S, Campaign, longest_gap_s, network
from tests.journey.killing import kill

pytestmark = [pytest.mark.journey, pytest.mark.servers]
NODE = "dhaka-1"


def test_nothing_that_can_be_read_is_lost_while_the_database_is_away(tmp_path: Path) -> None:
    server = PostgreSQL(durable=True)  # what it acknowledged outlives its kill
    try:
        server.start()
        given = {"DATABASE_URL": server.create("away")}
        with running_lab(network()) as lab:
            campaign = Campaign(lab, var=tmp_path / "var", node=NODE, databases=given)
            campaign.found_isp()
            with campaign:
                _collect_without(server, campaign)
    finally:
        server.stop()


def _collect_without(server: PostgreSQL, campaign: Campaign) -> None:
    first = campaign.first_octets()
    assert server.kill() == -9
    _wait_for_batches(campaign, 1)
    kill([campaign.leader_of("manage.py collector")])
    _wait_for_batches(campaign, 3)  # one at its new start, from the plan it kept; one on the grid
    server.come_back()
    campaign.wait("everything stored", lambda: not _waiting(campaign), WITHIN_S)
    campaign.stop_traffic()
    counted = campaign.lab_octets()
    campaign.wait("the last octets", lambda: campaign.last_octets() == counted, PERIOD_S + WITHIN_S)
    assert campaign.first_octets() == first, "octets were lost or counted twice"
    assert longest_gap_s(campaign.reads()) < PERIOD_S + 15, "a reading is missing"
    assert len(set(campaign.reads())) == len(campaign.reads())
    (lost,) = campaign.records.rows("SELECT dropped + refused + damaged FROM collectors")
    assert lost == (0,)


def _wait_for_batches(campaign: Campaign, count: int) -> None:
    campaign.wait(
        f"{count} batches on disk", lambda: len(_waiting(campaign)) >= count, 2 * PERIOD_S + 30
    )


def _waiting(campaign: Campaign) -> list[Path]:
    return list((campaign.var / "spool" / "collector" / NODE).glob("*.batch"))
