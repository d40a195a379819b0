"""Quotas and the walled garden: what FreeRADIUS tells the router before and after."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from radius.models import Accounting
from tests.harness.freeradius import Answer
from tests.radius.conftest import Site

GB = 10**9
RATE = (("Mikrotik-Rate-Limit", ":=", "5M/20M"),)
GARDEN = (("ISPCore-Garden-List", ":=", "unpaid"), ("ISPCore-Garden-Rate", ":=", "256k/256k"))


def _now() -> int:
    return int(time.time())


def quota(
    octets: int, *, began_s: int = 86_400, ends_s: int = 86_400
) -> tuple[tuple[str, str, str], ...]:
    """A period that began and will end so many seconds from now."""
    return (
        ("ISPCore-Quota-Octets", ":=", str(octets)),
        ("ISPCore-Quota-From", ":=", str(_now() - began_s)),
        ("ISPCore-Quota-Until", ":=", str(_now() + ends_s)),
    )


def used(site: Site, name: str, octets: int, *, session: str = "s", lasted_s: int = 600) -> None:
    """Both ways together, in a session that began `lasted_s` ago."""
    half = octets // 2
    words = [f"{half & 0xFFFFFFFF}", f"{half >> 32}"]
    site.account(
        *(name, "Stop", session, f"Acct-Session-Time = {lasted_s}"),
        *(f"Acct-Input-Octets = {words[0]}", f"Acct-Input-Gigawords = {words[1]}"),
        *(f"Acct-Output-Octets = {words[0]}", f"Acct-Output-Gigawords = {words[1]}"),
    )


def devices(most: int) -> tuple[tuple[str, str, str], ...]:
    return (("Simultaneous-Use", ":=", str(most)),)


def station(number: int) -> str:
    return f'Calling-Station-Id = "00:1B:21:00:00:0{number}"'


def told(answer: Answer) -> int:
    """How many octets the session may use."""
    assert answer.code == "Access-Accept"
    more = int(answer["Mikrotik-Total-Limit-Gigawords"]) << 32
    return int(answer["Mikrotik-Total-Limit"]) + more


def dial(site: Site, name: str, number: int, *, gives_class_back: bool = True) -> int:
    """A device logs in and its session starts; returns what the router was told of the quota."""
    answer = site.login(name, station(number))
    given = f"Class = {answer['Class']}" if gives_class_back else "NAS-Port = 1"
    site.account(name, "Start", f"{name}{number}", station(number), given)
    return told(answer)


def test_router_is_told_what_is_left(site: Site) -> None:
    name = site.subscriber(*quota(100 * GB), *devices(1), replies=RATE)
    used(site, name, 40 * GB)
    answer = site.login(name)
    assert answer["Mikrotik-Rate-Limit"] == "5M/20M"
    assert told(answer) == 60 * GB


@pytest.mark.parametrize("gives_class_back", [True, False])
def test_devices_are_told_no_more_than_the_quota_together(
    site: Site, gives_class_back: bool
) -> None:
    name = site.subscriber(*quota(90 * GB), *devices(3))
    given = [dial(site, name, each, gives_class_back=gives_class_back) for each in range(3)]
    assert given == [30 * GB] * 3
    assert site.login(name, station(3))["Reply-Message"] == "too many devices"


def test_devices_that_dial_in_the_same_moment_share_as_well(site: Site) -> None:
    """None of their sessions is known yet when the others ask."""
    name = site.subscriber(*quota(90 * GB), *devices(3))
    assert [told(site.login(name, station(each))) for each in range(3)] == [30 * GB] * 3


def test_what_an_open_session_was_told_and_has_used_counts_once(site: Site) -> None:
    name = site.subscriber(*quota(90 * GB), *devices(2))
    assert dial(site, name, 0) == 45 * GB
    more = ("Acct-Session-Time = 60", station(0), f"Acct-Input-Octets = {3 * GB}")
    site.account(name, "Interim-Update", f"{name}0", *more)
    assert dial(site, name, 1) == 45 * GB
    site.account(name, "Stop", f"{name}0", "Acct-Session-Time = 90", *more[1:])
    assert told(site.login(name, station(2))) == 42 * GB  # with nobody left to come


def test_the_last_of_a_quota_goes_to_one_device_and_is_free_again_when_that_is_off(
    site: Site,
) -> None:
    name = site.subscriber(*quota(100 * GB), *devices(3))
    used(site, name, 98 * GB)
    assert dial(site, name, 0) == 2 * GB
    refused = site.login(name, station(1))
    assert (refused.code, refused["Reply-Message"]) == ("Access-Reject", "quota in use")
    site.subscriber(*quota(100 * GB), *devices(3), ("ISPCore-Quota-Rate", ":=", "1M/1M"), name=name)
    assert site.login(name, station(1))["Mikrotik-Rate-Limit"] == "1M/1M"
    assert told(site.login(name, station(0))) == 2 * GB  # its stop was lost
    site.account(name, "Stop", f"{name}0", station(0), "Acct-Session-Time = 5")
    assert told(site.login(name, station(1))) == 2 * GB


def test_a_device_alone_gets_all_of_the_quota_in_a_few_logins(site: Site) -> None:
    name = site.subscriber(*quota(100 * GB), *devices(3))
    sizes: list[int] = []
    while (answer := site.login(name, station(0))).code == "Access-Accept":
        sizes.append(told(answer))
        used(site, name, sizes[-1], session=f"{name}-{len(sizes)}")
    assert abs(sum(sizes) - 100 * GB) < len(sizes)  # of odd ones `used` leaves an octet
    assert len(sizes) <= 12


def test_past_the_quota_is_refused_and_accepted_with_a_greater_one(site: Site) -> None:
    name = site.subscriber(*quota(GB))
    used(site, name, GB)
    answer = site.login(name)
    assert (answer.code, answer["Reply-Message"]) == ("Access-Reject", "quota used up")
    assert site.last_reason(name) == ("Access-Reject", "quota used up")
    site.subscriber(*quota(2 * GB), name=name)
    assert site.login(name).code == "Access-Accept"


def test_past_the_quota_at_the_second_rate(site: Site) -> None:
    name = site.subscriber(*quota(GB), ("ISPCore-Quota-Rate", ":=", "1M/1M"), replies=RATE)
    used(site, name, GB // 2, session="s1")
    assert site.login(name)["Mikrotik-Rate-Limit"] == "5M/20M"
    used(site, name, GB // 2, session="s2")
    answer = site.login(name)
    assert (answer.code, answer["Mikrotik-Rate-Limit"]) == ("Access-Accept", "1M/1M")
    assert answer.get("Mikrotik-Total-Limit") is None


def test_open_sessions_count_too(site: Site) -> None:
    name = site.subscriber(*quota(GB))
    site.account(name, "Interim-Update", "s", "Acct-Session-Time = 60", f"Acct-Input-Octets = {GB}")
    assert site.login(name).code == "Access-Reject"


def test_a_session_ends_with_the_period(site: Site) -> None:
    """So none lies across two periods, and the next login has the full rate."""
    name = site.subscriber(*quota(GB, ends_s=1000), replies=(("Session-Timeout", ":=", "9000"),))
    assert 900 <= int(site.login(name)["Session-Timeout"]) <= 1000
    name = site.subscriber(*quota(GB, ends_s=9000), replies=(("Session-Timeout", ":=", "300"),))
    assert site.login(name)["Session-Timeout"] == "300"
    assert int(site.login(site.subscriber(*quota(GB, ends_s=500)))["Session-Timeout"]) <= 500


def test_what_was_used_in_the_period_before_does_not_count(site: Site) -> None:
    name = site.subscriber(*quota(GB, began_s=3600))
    used(site, name, 5 * GB, lasted_s=7200)
    assert site.login(name).code == "Access-Accept"


def test_a_period_that_nobody_renewed_counts_from_its_end(site: Site) -> None:
    """The portal was away at midnight: nobody is kept out by the octets of last month."""
    name = site.subscriber(*quota(GB, began_s=9000, ends_s=-1800))
    used(site, name, 5 * GB, lasted_s=3600)
    answer = site.login(name)
    assert answer.code == "Access-Accept"
    assert answer.get("Session-Timeout") is None
    used(site, name, GB, session="now", lasted_s=60)
    assert site.login(name).code == "Access-Reject"


def test_others_use_is_not_ones_own(site: Site) -> None:
    name, other = site.subscriber(*quota(GB)), site.subscriber()
    used(site, other, 5 * GB)
    assert site.login(name).code == "Access-Accept"


def test_past_the_quota_into_the_garden(site: Site) -> None:
    name = site.subscriber(*quota(GB), *GARDEN, replies=RATE)
    used(site, name, GB)
    in_garden(site, name, "quota used up")


def test_expired_into_the_garden_and_out_after_renewal(site: Site) -> None:
    name = site.subscriber(("Expiration", ":=", str(_now() - 60)), *GARDEN, replies=RATE)
    in_garden(site, name, "expired")
    site.subscriber(("Expiration", ":=", str(_now() + 3600)), *GARDEN, replies=RATE, name=name)
    answer = site.login(name)
    assert answer.get("Mikrotik-Address-List") is None
    assert answer["Mikrotik-Rate-Limit"] == "5M/20M"


def test_suspended_into_the_garden(site: Site) -> None:
    name = site.subscriber(("ISPCore-Reason", ":=", "suspended"), *GARDEN, replies=RATE)
    in_garden(site, name, "suspended")
    assert site.login(name, password="guess").code == "Access-Reject"


def test_the_garden_keeps_its_rate_past_a_quota_with_a_second_rate(site: Site) -> None:
    faster = (*quota(GB), ("ISPCore-Quota-Rate", ":=", "9M/9M"), *GARDEN)
    for check, why in (
        (("ISPCore-Reason", ":=", "suspended"), "suspended"),
        (("Expiration", ":=", str(_now() - 60)), "expired"),
    ):
        name = site.subscriber(check, *faster, replies=RATE)
        used(site, name, GB, session=why)
        in_garden(site, name, why)


def test_a_reason_without_a_garden_is_a_refusal(site: Site) -> None:
    name = site.subscriber(("ISPCore-Reason", ":=", "suspended"))
    assert site.login(name)["Reply-Message"] == "suspended"


def in_garden(site: Site, name: str, why: str) -> None:
    answer = site.login(name)
    assert answer.code == "Access-Accept"
    assert answer["Mikrotik-Address-List"] == "unpaid"
    assert answer["Mikrotik-Rate-Limit"] == "256k/256k"
    assert answer["Session-Timeout"] == "1800"
    assert site.last_reason(name) == ("Access-Accept", why)


def test_octets_are_summed_in_utc(site: Site) -> None:
    """A period of an hour: hours of any zone would show."""
    name = site.subscriber(*quota(GB, began_s=1800, ends_s=1800))
    used(site, name, GB, lasted_s=60)
    assert site.login(name).code == "Access-Reject"
    Accounting.objects.update(started_at=datetime.now(UTC) - timedelta(seconds=3000))
    assert site.login(name).code == "Access-Accept"
