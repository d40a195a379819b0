"""Sessions as the router tells of them, in and out of order, and what stands in radacct then."""

from datetime import UTC, datetime, timedelta

import pytest

from radius.models import Accounting, Nas, NasReload
from radius.operations.nas import nas_column
from tests.harness.snmpd import has_ipv6
from tests.radius.conftest import MAC, Site

ANSWERED = "Accounting-Response"
GIB_5 = 5 * 2**30


def seconds_old(at: datetime | None) -> float:
    assert at is not None
    return (datetime.now(UTC) - at).total_seconds()


def octets(name: str, value: int) -> tuple[str, str]:
    """As a router sends them: two numbers of 32 bits."""
    return (f"Acct-{name}-Octets = {value & 0xFFFFFFFF}", f"Acct-{name}-Gigawords = {value >> 32}")


def test_a_session_from_start_to_stop(site: Site) -> None:
    started = site.account(
        "rahim",
        "Start",
        "81a00001",
        f'Calling-Station-Id = "{MAC.lower()}"',
        'Called-Station-Id = "pppoe-uttara"',
        'NAS-Port-Id = "ether5"',
        "NAS-Port-Type = Ethernet",
        "Service-Type = Framed-User",
        "Framed-Protocol = PPP",
        "Framed-IP-Address = 10.20.0.7",
    )
    assert started.code == ANSWERED
    session = site.session("81a00001")
    assert (session.username, session.calling_station) == ("rahim", MAC)
    assert (session.nas_address, session.nas_port) == ("127.0.0.1", "ether5")
    assert (session.ipv4, session.stopped_at, session.duration_s) == ("10.20.0.7", None, 0)
    assert seconds_old(session.started_at) < 10

    more = ("Acct-Session-Time = 300", *octets("Input", 7), *octets("Output", GIB_5))
    assert site.account("rahim", "Interim-Update", "81a00001", 'NAS-Port-Id = "ether5"', *more).code
    session = site.session("81a00001")
    assert (session.duration_s, session.input_octets, session.output_octets) == (300, 7, GIB_5)
    assert (session.ipv4, session.stopped_at) == ("10.20.0.7", None)

    last = (
        *("Acct-Session-Time = 420", "Acct-Terminate-Cause = User-Request"),
        *(*octets("Input", 9), *octets("Output", GIB_5 + 1)),
    )
    assert site.account("rahim", "Stop", "81a00001", 'NAS-Port-Id = "ether5"', *last).code
    session = site.session("81a00001")
    assert (session.duration_s, session.input_octets, session.output_octets) == (420, 9, GIB_5 + 1)
    assert session.terminate_cause == "User-Request"
    assert seconds_old(session.stopped_at) < 10
    assert Accounting.objects.count() == 1


def test_ipv6_of_a_session(site: Site) -> None:
    given = (
        "Framed-IPv6-Prefix = 2001:db8:1:2::/64",
        "Delegated-IPv6-Prefix = 2001:db8:100::/56",
        "Framed-IPv6-Address = 2001:db8:1:2::7",
        "Framed-Interface-Id = 0:0:0:7",
    )
    site.account("rahim", "Start", "v6")
    site.account("rahim", "Interim-Update", "v6", "Acct-Session-Time = 60", *given)
    site.account("rahim", "Interim-Update", "v6", "Acct-Session-Time = 120")
    session = site.session("v6")
    assert session.ipv6_prefix == "2001:db8:1:2::/64"
    assert session.delegated_prefix == "2001:db8:100::/56"
    assert session.ipv6 == "2001:db8:1:2::7"
    assert session.interface_id == "0:0:0:7"


@pytest.mark.parametrize("status", ["Start", "Interim-Update", "Stop"])
def test_long_names_of_a_router_lose_no_session(site: Site, status: str) -> None:
    """MariaDB refuses what is longer than its column; who is not counted has no limits."""
    long = "bridge-of-the-building-in-uttara-sector-7-house-11-and-12"
    given = [f'{each} = "{long}"' for each in ("NAS-Port-Id", "Called-Station-Id", "Connect-Info")]
    given.append(f'Calling-Station-Id = "{long}"')
    for number in (60, 70):
        named = f"{'s' * 64}{number}"
        answer = site.account("rahim", status, named, f"Acct-Session-Time = {number}", *given)
        assert answer.code == ANSWERED
    session, another = Accounting.objects.filter(session_id="s" * 64)
    assert session.unique_id != another.unique_id
    assert session.nas_port == long[:32]
    assert session.calling_station == long[:50]


def test_a_repeated_start_is_one_session(site: Site) -> None:
    for _ in range(2):
        assert site.account("rahim", "Start", "twice").code == ANSWERED
    assert Accounting.objects.count() == 1


def test_a_start_that_comes_late_takes_nothing_back(site: Site) -> None:
    site.account("rahim", "Interim-Update", "late", "Acct-Session-Time = 300", *octets("Input", 50))
    assert site.account("rahim", "Start", "late").code == ANSWERED
    session = site.session("late")
    assert (session.duration_s, session.input_octets) == (300, 50)
    assert 299 <= seconds_old(session.started_at) <= 310


@pytest.mark.parametrize("status", ["Interim-Update", "Stop"])
def test_a_lost_start_is_made_good(site: Site, status: str) -> None:
    site.account("rahim", status, "nostart", "Acct-Session-Time = 600", *octets("Output", GIB_5))
    session = site.session("nostart")
    assert 599 <= seconds_old(session.started_at) <= 610
    assert session.output_octets == GIB_5
    assert (session.stopped_at is not None) == (status == "Stop")


def test_a_late_interim_opens_no_session_that_was_stopped(site: Site) -> None:
    site.account("rahim", "Start", "s")
    site.account("rahim", "Stop", "s", "Acct-Session-Time = 400", *octets("Input", 90))
    answer = site.account("rahim", "Interim-Update", "s", "Acct-Session-Time = 300")
    assert answer.code == ANSWERED
    session = site.session("s")
    assert session.stopped_at is not None
    assert (session.duration_s, session.input_octets) == (400, 90)


def test_a_session_that_was_taken_for_dead_lives_on(site: Site) -> None:
    site.account("rahim", "Start", "s")
    site.account("rahim", "Interim-Update", "s", "Acct-Session-Time = 300")
    Accounting.objects.update(stopped_at=datetime.now(UTC), terminate_cause="Lost-Carrier")
    site.account("rahim", "Interim-Update", "s", "Acct-Session-Time = 1500", *octets("Input", 8))
    session = site.session("s")
    assert (session.stopped_at, session.terminate_cause) == (None, "")
    assert (session.duration_s, session.input_octets) == (1500, 8)


@pytest.mark.parametrize("status", ["Accounting-On", "Accounting-Off"])
def test_a_router_that_restarts_ends_its_sessions_and_no_others(site: Site, status: str) -> None:
    """Who claims to be another router closes nothing of it: its address is where packets come from."""
    site.account("rahim", "Start", "here")
    site.account("karim", "Start", "there")
    Accounting.objects.filter(session_id="there").update(nas_address="10.100.1.9")
    answer = site.server.ask("acct", f"Acct-Status-Type = {status}", "NAS-IP-Address = 10.100.1.9")
    assert answer.code == ANSWERED
    here, there = site.session("here"), site.session("there")
    assert here.terminate_cause == "NAS-Reboot"
    assert seconds_old(here.stopped_at) < 10
    assert (here.duration_s or 0) <= 10
    assert there.stopped_at is None
    assert seconds_old(NasReload.objects.get(nas_address="127.0.0.1").reloaded_at) < 10


def test_a_router_with_a_wrong_clock_makes_no_wrong_times(site: Site) -> None:
    site.account("rahim", "Start", "1970", 'Event-Timestamp = "Jan  1 1970 00:05:00 UTC"')
    assert seconds_old(site.session("1970").started_at) < 10


def test_what_waited_at_the_router_has_the_time_when_it_happened(site: Site) -> None:
    site.account("rahim", "Start", "delayed", "Acct-Delay-Time = 120")
    assert 119 <= seconds_old(site.session("delayed").started_at) <= 130


def test_interval_between_two_interims_is_kept(site: Site) -> None:
    site.account("rahim", "Start", "s")
    Accounting.objects.update(updated_at=datetime.now(UTC) - timedelta(seconds=300))
    site.account("rahim", "Interim-Update", "s", "Acct-Session-Time = 300")
    assert 299 <= (site.session("s").interval_s or 0) <= 310


def test_signs_in_what_a_router_says_are_only_signs(site: Site) -> None:
    site.account(
        "rahim' OR '1'='1", "Start", "s'); DROP TABLE nas; --", 'NAS-Port-Id = "%{User-Name}"'
    )
    assert Nas.objects.exists()
    session = Accounting.objects.get()
    assert session.username == "rahim=27 OR =271=27=3D=271"
    assert session.nas_port == "=25=7BUser-Name=7D"


def test_a_session_counts_whatever_octets_its_router_names_things_by(site: Site) -> None:
    """In the end it is bytes: MariaDB refuses a row with what is no UTF-8."""
    names = [f'{name} = "\\377é"' for name in ("NAS-Port-Id", "Connect-Info", "Called-Station-Id")]
    site.account("rahim", "Start", "s", *names)
    assert "é" in (site.session("s").nas_port or "")


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_a_router_that_asks_by_ipv6(site: Site) -> None:
    name = site.subscriber()
    asked = (f'User-Name = "{name}"', 'User-Password = "s3cret"')
    assert site.server.ask("auth", *asked, v6=True).code == "Access-Accept"
    assert site.account(name, "Start", "by6", v6=True).code == ANSWERED
    assert site.session("by6").nas_address == nas_column("::1")
    site.account(name, "Start", "by4")
    site.server.ask("acct", "Acct-Status-Type = Accounting-On", v6=True)
    assert site.session("by6").stopped_at is not None
    assert site.session("by4").stopped_at is None
