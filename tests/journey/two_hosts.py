"""Two hosts on one PostgreSQL and one MariaDB: both are served, and one takes over from the other."""

import json
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from lab.spec import RouterSpec
from lab.testing import running_lab
from tests.journey.campaign import (
    COLLECTOR,
    JOBS,
    PERIOD_S,
    WATCH,
    WEB,
    WITHIN_S,
    Campaign,
    longest_gap_s,
    network,
)
from tests.journey.killing import kill_host
from tests.journey.records import instant
from tests.journey.sockets import OpenPage

LEASE_S = 30.0  # of watch and of the collector, see their modules
DHAKA, CTG = "dhaka-1", "ctg-1"
PINGED = 6
ALONE = "share 1 of 1"
ALL_PINGED = f"{PINGED + 2} routers pinged"  # as watch says it that shares them with nobody
REFRESH_S = 60.0  # so often does watch store an answer that has not changed


def one_takes_over_from_the_other(directory: Path, databases: dict[str, str]) -> None:
    """Two portals that know each other only by `databases`; then the first is gone, all of it."""
    shared = databases | {
        "SECRET_KEY": "shared-by-both-hosts-" + "0123456789abcdef" * 3,
        "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    }
    more = [RouterSpec(f"pinged-{number}", snmp_port=None) for number in range(PINGED)]
    with running_lab([*network(), *more]) as lab:
        hosts = [Campaign(lab, var=directory / n, node=n, databases=shared) for n in (DHAKA, CTG)]
        hosts[0].found_isp()
        with hosts[0], hosts[1]:
            _serve_alike(*hosts)


def _serve_alike(dhaka: Campaign, ctg: Campaign) -> None:
    first = dhaka.first_octets()
    _each_host_shows_its_own_life(dhaka, ctg)
    session = dhaka.tell("session")
    pages = [OpenPage(host.portal, session, "reseller", "1") for host in (dhaka, ctg)]
    _every_page_sees_every_change(dhaka, pages, range(101, 121))
    dhaka.wait(
        "the routers are shared",
        lambda: {_share_of(dhaka), _share_of(ctg)} == {"share 1 of 2", "share 2 of 2"},
        LEASE_S,
    )
    kill_host(dhaka.portal.family(), dhaka.portal.pid)
    died_at = datetime.now(UTC)
    assert dhaka.portal.stop() == -9

    took_s = ctg.wait(
        "every router is this host's to ping", lambda: _says(ctg, WATCH) == ALL_PINGED, LEASE_S + 15
    )
    sys.stdout.write(f"two hosts: pings taken over in {took_s:.1f} s\n")
    ctg.wait("every router is pinged", lambda: _pinged_since(ctg, died_at), REFRESH_S + 15)
    ctg.wait(
        "every router is this host's to collect", lambda: _share_of(ctg) == ALONE, LEASE_S + 15
    )
    _every_page_sees_every_change(ctg, pages[1:], range(201, 211))
    ctg.wait("jobs on the other host", lambda: _jobs_since(ctg, died_at), PERIOD_S + WITHIN_S)
    for page in pages:
        page.close()
    _nothing_is_lost(ctg, first)


def _each_host_shows_its_own_life(dhaka: Campaign, ctg: Campaign) -> None:
    for host, other in ((dhaka, ctg), (ctg, dhaka)):
        host.wait("signs of life", lambda host=host: len(_health(host)["processes"]) >= 4, 30)  # type: ignore[misc]
        said = _health(host)
        assert said["node"] == host.node
        assert {WEB, COLLECTOR, WATCH, JOBS} <= said["processes"].keys()
        assert {WEB, COLLECTOR, WATCH, JOBS} <= said["others"][other.node].keys()
        assert not any(each["is_stale"] for each in said["processes"].values())
        for name in (WEB, COLLECTOR, WATCH, JOBS):
            assert host.records.pid_of(name, host.node) in host.portal.family()


def _health(host: Campaign) -> dict[str, Any]:
    url = f"{host.portal.url}/health/"
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own portal's
        said: dict[str, Any] = json.load(answer)
    return said


def _every_page_sees_every_change(
    host: Campaign, pages: list[OpenPage], speeds_mbps: range
) -> None:
    """The plans that the first reseller goes through; each is shown on each page."""
    host.tell("change_plan", list(speeds_mbps))
    for speed_mbps in speeds_mbps:
        for page in pages:
            host.wait(
                f"{speed_mbps} Mbps on every page",
                lambda page=page, speed=speed_mbps: page.has_heard(  # type: ignore[misc]
                    f"{speed} Mbps", before=f"{speed + 1} Mbps"
                ),
                60,
            )


def _pinged_since(host: Campaign, at: datetime) -> bool:
    found = host.records.rows("SELECT checked_at FROM router_checks WHERE method='ping'")
    return len(found) == PINGED + 2 and all(instant(checked) > at for (checked,) in found)


def _says(host: Campaign, program: str) -> str:
    """What this host's program writes beside its sign of life."""
    named = f"name='{program}' AND node='{host.node}'"
    return str(host.records.rows(f"SELECT note FROM heartbeats WHERE {named}")[0][0])  # noqa: S608


def _share_of(host: Campaign) -> str:
    """Of the routers, that this host's collector has."""
    rows = host.records.rows(f"SELECT share FROM collectors WHERE node='{host.node}'")  # noqa: S608
    return str(rows[0][0])


def _jobs_since(host: Campaign, at: datetime) -> bool:
    return any(end > at for end in host.ends_of("evaluate"))


def _nothing_is_lost(host: Campaign, first: dict[str, tuple[int, int]]) -> None:
    host.stop_traffic()
    counted = host.lab_octets()
    host.wait("the last octets", lambda: host.last_octets() == counted, PERIOD_S + WITHIN_S)
    assert host.first_octets() == first, "octets were lost or counted twice"
    runs = host.tell("runs")
    assert set(runs["runs"].values()) == {1}, "a job of a period ran twice"
    assert not runs["lost"]
    assert longest_gap_s(host.reads()) < PERIOD_S + WITHIN_S
    assert longest_gap_s(host.ends_of("evaluate")) < PERIOD_S + WITHIN_S
