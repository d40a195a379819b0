"""Quotas and the walled garden: what FreeRADIUS tells the router before and after."""

import time
from datetime import UTC, datetime, timedelta

from radius.models import Accounting
from tests.radius.conftest import Site

GB = 10**9
RATE = (("Mikrotik-Rate-Limit", ":=", "5M/20M"),)
GARDEN = (("ISPCore-Garden-List", ":=", "unpaid"), ("ISPCore-Garden-Rate", ":=", "256k/256k"))
NOW = int(time.time())


def quota(
    octets: int, *, began_s: int = 86_400, ends_s: int = 86_400
) -> tuple[tuple[str, str, str], ...]:
    """A period that began and will end so many seconds from now."""
    return (
        ("ISPCore-Quota-Octets", ":=", str(octets)),
        ("ISPCore-Quota-From", ":=", str(NOW - began_s)),
        ("ISPCore-Quota-Until", ":=", str(NOW + ends_s)),
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


def test_router_is_told_what_is_left(site: Site) -> None:
    name = site.subscriber(*quota(100 * GB), replies=RATE)
    used(site, name, 40 * GB)
    answer = site.login(name)
    assert answer["Mikrotik-Rate-Limit"] == "5M/20M"
    left = int(answer["Mikrotik-Total-Limit"]) + (
        int(answer["Mikrotik-Total-Limit-Gigawords"]) << 32
    )
    assert left == 60 * GB


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
    name = site.subscriber(("Expiration", ":=", str(NOW - 60)), *GARDEN, replies=RATE)
    in_garden(site, name, "expired")
    site.subscriber(("Expiration", ":=", str(NOW + 3600)), *GARDEN, replies=RATE, name=name)
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
        (("Expiration", ":=", str(NOW - 60)), "expired"),
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
