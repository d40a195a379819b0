"""Who may log in and who may not, by what FreeRADIUS answers to real packets."""

import hashlib
import time
from datetime import UTC, datetime, timedelta

import pytest

from radius import rows
from radius.models import PostAuth
from radius.rows import CheckRow
from tests.harness.freeradius import Answer
from tests.radius import mschap
from tests.radius.conftest import MAC, PASSWORD, Site

PPPOE = ("Service-Type = Framed-User", "Framed-Protocol = PPP", "NAS-Port-Type = Ethernet")
HOTSPOT = ("NAS-Port-Type = Wireless-802.11", "Framed-IP-Address = 10.5.50.7")
STATIC = ("NAS-Port-Type = Ethernet", 'Called-Station-Id = "dhcp1"')
TYPES = {"PPPoE": PPPOE, "hotspot": HOTSPOT, "static": STATIC}
REJECT = ("Auth-Type", ":=", "Reject")


def epoch(*, in_s: int) -> str:
    return str(int(time.time()) + in_s)


def refused(answer: Answer) -> str:
    """Why, as the subscriber is told."""
    assert answer.code == "Access-Reject"
    return answer["Reply-Message"]


@pytest.mark.parametrize("how", ["PAP", "CHAP", "MS-CHAP"])
@pytest.mark.parametrize("kind", TYPES)
def test_right_password_gets_in_and_wrong_one_does_not(site: Site, kind: str, how: str) -> None:
    name = site.subscriber(replies=(("Mikrotik-Rate-Limit", ":=", "5M/20M"),))
    answer = site.login(name, *TYPES[kind], how=how)
    assert answer.code == "Access-Accept"
    assert answer["Mikrotik-Rate-Limit"] == "5M/20M"
    wrong = site.login(name, *TYPES[kind], how=how, password="guess")
    assert refused(wrong) == "wrong name or password"
    assert site.last_reason(name) == ("Access-Reject", "wrong password")


@pytest.mark.parametrize("kind", TYPES)
def test_mschapv2_proves_both_sides(site: Site, kind: str) -> None:
    name = site.subscriber()
    right = site.server.ask("auth", *mschap.v2(name, "s3cret"), *TYPES[kind])
    assert right.code == "Access-Accept"
    assert right["MS-CHAP2-Success"].startswith("0x01533d")  # "S=", the server's own proof
    wrong = site.server.ask("auth", *mschap.v2(name, "guess"), *TYPES[kind])
    assert wrong.code == "Access-Reject"


def test_mac_address_is_a_username_of_a_static_line(site: Site) -> None:
    name = site.subscriber(name=MAC, password=MAC)
    assert site.login(name, *STATIC, password=MAC).code == "Access-Accept"


def test_unknown_user_is_told_no_more_than_a_wrong_password(site: Site) -> None:
    assert refused(site.login("nobody")) == "wrong name or password"
    assert site.last_reason("nobody") == ("Access-Reject", "unknown user")
    long = "n" * 200
    assert refused(site.login(long)) == "wrong name or password"
    assert site.last_reason(long[:64]) == ("Access-Reject", "unknown user")


def test_guesses_at_a_password_that_is_kept_as_a_digest_are_told_apart(site: Site) -> None:
    digest = hashlib.md5(PASSWORD.encode(), usedforsecurity=False).hexdigest()
    name = "from-the-old-days"
    rows.replace([name], [CheckRow(name, "MD5-Password", ":=", digest)], [], [])
    assert site.login(name).code == "Access-Accept"
    assert refused(site.login(name, password="guessed")) == "wrong name or password"
    assert site.last_reason(name) == ("Access-Reject", "wrong password")


DENIALS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "suspended": (REJECT, ("ISPCore-Reason", ":=", "suspended")),
    "expired": (("Expiration", ":=", "1000000000"),),
    "wrong device": (("Calling-Station-Id", "==", MAC),),
    "quota used up": (("ISPCore-Quota-Octets", ":=", "0"),),
    "in the garden": (("ISPCore-Reason", ":=", "unpaid"), ("ISPCore-Garden-List", ":=", "pay")),
    "without a reason": (REJECT,),
}


@pytest.mark.parametrize("how", ["PAP", "CHAP", "MS-CHAP", "MS-CHAPv2"])
def test_who_guesses_learns_nothing_of_a_name(site: Site, how: str) -> None:
    """The answer is the same, to the attribute, as for a name that nobody has."""

    def guess(name: str) -> tuple[str, set[tuple[str, str]]]:
        if how == "MS-CHAPv2":
            answer = site.server.ask("auth", *mschap.v2(name, "guess"))
        else:
            answer = site.login(name, password="guess", how=how)
        hidden = {"Message-Authenticator", "MS-CHAP-Error"}  # of random octets
        told = {(key, "" if key in hidden else value) for key, value in answer.attributes}
        return answer.code, told

    nobody = guess("nobody")
    assert ("Reply-Message", "wrong name or password") in nobody[1]
    for checks in ((), *DENIALS.values()):
        name = site.subscriber(*checks)
        assert guess(name) == nobody, checks
        assert site.last_reason(name) == ("Access-Reject", "wrong password")


@pytest.mark.parametrize("sign", ["'", "\\'", "\\\\'", '\\"', "\\\\", "=27"])
def test_no_name_is_read_as_sql(site: Site, sign: str) -> None:
    """FreeRADIUS asks of a name that it does not know in two ways, which differ in their quoting."""
    site.subscriber()
    name = f"x{sign} OR 1=1 -- ".replace("\\", "\\\\").replace('"', '\\"')  # as radclient reads it
    assert refused(site.login(name)) == "wrong name or password"
    assert not PostAuth.objects.exclude(reason="unknown user").exists()


def test_a_name_whose_sessions_could_not_be_counted_logs_nobody_in(site: Site) -> None:
    """An adopted database may compare names without what cannot be seen, such as U+200B."""
    if site.vendor != "mysql":
        pytest.skip("SQLite leaves nothing out")
    name = site.subscriber()
    convert = "ALTER TABLE radcheck CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_{}"
    with site.connection.cursor() as cursor:
        cursor.execute(convert.format("unicode_ci"))
        longest, longer = (name.ljust(length, "\u200b") for length in (64, 65))
        answers = [site.login(each).code for each in (longest, longer)]
        cursor.execute(convert.format("general_ci"))
    assert answers == ["Access-Accept", "Access-Reject"]


@pytest.mark.parametrize("attribute", ["NAS-Port-Id", "Calling-Station-Id"])
def test_no_name_of_a_port_or_device_is_read_as_sql(site: Site, attribute: str) -> None:
    name = site.subscriber(("ISPCore-Quota-Octets", ":=", "5000"), ("Simultaneous-Use", ":=", "1"))
    answer = site.login(name, f'{attribute} = "x\\\\\'"')
    assert answer["Mikrotik-Total-Limit"] == "5000"


def test_group_is_told_beside_the_users_own(site: Site) -> None:
    rows.replace_groups(
        ["pkg-7"],
        [],
        [
            rows.ReplyRow("pkg-7", "Mikrotik-Rate-Limit", "=", "5M/20M"),
            rows.ReplyRow("pkg-7", "Acct-Interim-Interval", "=", "300"),
            rows.ReplyRow("pkg-7", "Framed-Pool", "=", "pool7"),
        ],
    )
    own = (("Mikrotik-Rate-Limit", ":=", "9M/9M"), ("Framed-IP-Address", ":=", "10.7.0.9"))
    answer = site.login(site.subscriber(replies=own, groups=("pkg-7",)))
    assert answer["Mikrotik-Rate-Limit"] == "9M/9M"
    assert answer["Framed-IP-Address"] == "10.7.0.9"
    assert answer["Acct-Interim-Interval"] == "300"
    assert answer["Framed-Pool"] == "pool7"
    rows.replace_groups(["pkg-7"], [], [])


def test_ipv6_of_a_subscriber_is_told(site: Site) -> None:
    given = (
        ("Framed-IPv6-Prefix", ":=", "2001:db8:1:2::/64"),
        ("Delegated-IPv6-Prefix", ":=", "2001:db8:100::/56"),
    )
    answer = site.login(site.subscriber(replies=given))
    assert answer["Framed-IPv6-Prefix"] == "2001:db8:1:2::/64"
    assert answer["Delegated-IPv6-Prefix"] == "2001:db8:100::/56"


def test_expired_is_refused_and_accepted_after_renewal(site: Site) -> None:
    name = site.subscriber(("Expiration", ":=", epoch(in_s=-60)))
    assert refused(site.login(name)) == "expired"
    assert site.last_reason(name) == ("Access-Reject", "expired")
    site.subscriber(("Expiration", ":=", epoch(in_s=3600)), name=name)
    answer = site.login(name)
    assert answer.code == "Access-Accept"
    assert 3590 <= int(answer["Session-Timeout"]) <= 3600


def test_expiry_shortens_a_session_and_never_lengthens_it(site: Site) -> None:
    replies = (("Session-Timeout", ":=", "900"),)
    name = site.subscriber(("Expiration", ":=", epoch(in_s=7200)), replies=replies)
    assert site.login(name)["Session-Timeout"] == "900"


def test_suspended_is_refused_and_accepted_again(site: Site) -> None:
    name = site.subscriber(REJECT, ("ISPCore-Reason", ":=", "suspended"))
    for how in ("PAP", "CHAP", "MS-CHAP"):
        assert refused(site.login(name, how=how)) == "suspended"
    assert refused(site.server.ask("auth", *mschap.v2(name, "s3cret"))) == "suspended"
    assert site.last_reason(name) == ("Access-Reject", "suspended")
    site.subscriber(name=name)
    assert site.login(name).code == "Access-Accept"


def test_suspended_is_refused_whatever_the_group_says(site: Site) -> None:
    """Elsewhere, who was disabled still got in by a group."""
    rows.replace_groups(["open"], [rows.CheckRow("open", "Cleartext-Password", ":=", "any")], [])
    name = site.subscriber(REJECT, groups=("open",))
    assert refused(site.login(name, password="any")) == "not allowed"
    accept = rows.CheckRow("open", "Auth-Type", ":=", "Accept")
    rows.replace_groups(["open"], [accept], [])
    name = site.subscriber(REJECT, ("ISPCore-Reason", ":=", "suspended"), groups=("open",))
    assert refused(site.login(name)) == "suspended"
    rows.replace_groups(["open"], [], [])


@pytest.mark.parametrize(
    ("reason", "denial"),
    [
        ("expired", ("Expiration", ":=", "1000000000")),
        ("suspended", ("ISPCore-Reason", ":=", "suspended")),
        ("quota used up", ("ISPCore-Quota-Octets", ":=", "0")),
    ],
)
def test_who_needs_no_password_is_denied_as_others_are(
    site: Site, reason: str, denial: tuple[str, str, str]
) -> None:
    """By rows made by hand, as for devices that are let in by their MAC address."""
    name = f"made-by-hand-{reason.replace(' ', '-')}"
    accept = CheckRow(name, "Auth-Type", ":=", "Accept")
    rows.replace([name], [accept], [], [])
    assert site.login(name, password="").code == "Access-Accept"
    rows.replace([name], [accept, CheckRow(name, *denial)], [], [])
    assert refused(site.login(name, password="")) == reason
    assert site.last_reason(name) == ("Access-Reject", reason)


def test_another_device_than_the_bound_one_is_refused(site: Site) -> None:
    name = site.subscriber(("Calling-Station-Id", "==", MAC))
    assert site.login(name, f'Calling-Station-Id = "{MAC}"').code == "Access-Accept"
    other = f'Calling-Station-Id = "{MAC[:-1]}D"'
    assert refused(site.login(name, other)) == "wrong device"
    assert refused(site.login(name)) == "wrong device"
    assert site.last_reason(name) == ("Access-Reject", "wrong device")
    site.subscriber(name=name)
    assert site.login(name, other).code == "Access-Accept"


@pytest.mark.parametrize("written", ["00-1b-21-aa-bb-cc", "001B.21AA.BBCC", "001b21aabbcc"])
def test_a_device_is_known_however_its_address_is_written(site: Site, written: str) -> None:
    name = site.subscriber(("Calling-Station-Id", "==", MAC))
    assert site.login(name, f'Calling-Station-Id = "{written}"').code == "Access-Accept"


def test_over_the_device_limit_is_refused_until_one_is_off(site: Site) -> None:
    name = site.subscriber(("Simultaneous-Use", ":=", "2"))
    devices = [f'Calling-Station-Id = "00:1B:21:00:00:0{each}"' for each in range(3)]
    for number in range(2):
        assert site.login(name, devices[number]).code == "Access-Accept"
        site.account(name, "Start", f"s{number}", devices[number])
    assert refused(site.login(name, devices[2])) == "too many devices"
    assert site.last_reason(name) == ("Access-Reject", "too many devices")
    site.account(name, "Stop", "s0", devices[0], "Acct-Session-Time = 5")
    assert site.login(name, devices[2]).code == "Access-Accept"


def test_a_higher_device_limit_lets_in(site: Site) -> None:
    name = site.subscriber(("Simultaneous-Use", ":=", "1"))
    site.account(name, "Start", "s1", f'Calling-Station-Id = "{MAC}"')
    assert refused(site.login(name)) == "too many devices"
    site.subscriber(("Simultaneous-Use", ":=", "2"), name=name)
    assert site.login(name).code == "Access-Accept"


def test_a_device_that_dials_again_is_not_in_its_own_way(site: Site) -> None:
    """Its stop was lost: the session of before must not lock it out."""
    name = site.subscriber(("Simultaneous-Use", ":=", "1"))
    device = f'Calling-Station-Id = "{MAC}"'
    site.account(name, "Start", "lost", device)
    assert site.login(name, device).code == "Access-Accept"
    assert refused(site.login(name, 'Calling-Station-Id = "00:1B:21:00:00:99"')) == (
        "too many devices"
    )


@pytest.mark.parametrize("port", ["vlan101", "{vlan=101}"])
def test_a_copied_mac_address_behind_another_port_is_another_device(site: Site, port: str) -> None:
    """Neighbours who share a name and give their routers one MAC address are as many devices."""
    name = site.subscriber(("Simultaneous-Use", ":=", "1"))
    device = f'Calling-Station-Id = "{MAC}"'
    site.account(name, "Start", "own", device, f'NAS-Port-Id = "{port}"')
    assert refused(site.login(name, device, 'NAS-Port-Id = "vlan102"')) == "too many devices"
    assert site.login(name, device, f'NAS-Port-Id = "{port}"').code == "Access-Accept"
    assert site.login(name, device).code == "Access-Accept"  # from a router that names no ports


def test_a_session_that_fell_silent_does_not_count_as_a_device(site: Site) -> None:
    name = site.subscriber(("Simultaneous-Use", ":=", "1"))
    site.account(name, "Start", "silent", f'Calling-Station-Id = "{MAC}"')
    assert refused(site.login(name)) == "too many devices"
    session = site.session("silent")
    session.updated_at = datetime.now(UTC) - timedelta(seconds=1300)
    session.save()
    assert site.login(name).code == "Access-Accept"


def test_silence_is_measured_by_how_often_a_session_is_reported_on(site: Site) -> None:
    """A router that reports each hour says nothing for an hour, and the line is there all the same."""
    hourly = (("Acct-Interim-Interval", ":=", "3600"),)
    name = site.subscriber(("Simultaneous-Use", ":=", "1"), replies=hourly)
    site.account(name, "Start", "hourly", f'Calling-Station-Id = "{MAC}"')
    session = site.session("hourly")
    for silent_s, code in ((4 * 3600 - 60, "Access-Reject"), (4 * 3600 + 60, "Access-Accept")):
        session.updated_at = datetime.now(UTC) - timedelta(seconds=silent_s)
        session.save()
        assert site.login(name).code == code


@pytest.mark.parametrize("text", ["ALICE@isp", "alice@ISP"])
def test_capitals_make_no_other_user(site: Site, text: str) -> None:
    """As MariaDB compares; what is counted and closed by name is compared so too."""
    name = site.subscriber(("Simultaneous-Use", ":=", "1"), name="alice@isp")
    assert site.login(text).code == "Access-Accept"
    site.account(name, "Start", "a1")
    if site.vendor == "mysql":
        assert refused(site.login(text)) == "too many devices"


@pytest.mark.parametrize(
    "password",
    ["p ss", "a'b", 'a"b', "%{User-Name}", "100%", "a=b,c;d", "{x}#$&*", "<>?|~^`x", "p+/@:"],
)
@pytest.mark.parametrize("how", ["PAP", "CHAP"])
def test_signs_in_passwords_are_only_signs(site: Site, password: str, how: str) -> None:
    from radius import attributes

    attributes.validate("Cleartext-Password", ":=", password)
    name = site.subscriber(password=password)
    assert site.login(name, password=password, how=how).code == "Access-Accept"
    assert site.login(name, password=f"{password}x", how=how).code == "Access-Reject"


def test_no_password_is_kept(site: Site) -> None:
    name = site.subscriber()
    site.login(name)
    site.login(name, password="gu3ssed")
    site.login(name, how="CHAP")
    assert [each.password for each in PostAuth.objects.all()] == ["", "", ""]
    kept = repr(list(PostAuth.objects.values_list())) + site.server.log()
    assert "s3cret" not in kept
    assert "gu3ssed" not in kept


def test_times_of_answers_are_utc(site: Site) -> None:
    site.login(site.subscriber())
    at = PostAuth.objects.get().answered_at
    assert abs((datetime.now(UTC) - at).total_seconds()) < 10


def test_every_answer_is_signed(site: Site) -> None:
    """CVE-2024-3596: the router can tell an answer of ours from a forged one."""
    name, full = site.subscriber(), site.subscriber(("Simultaneous-Use", ":=", "1"))
    site.account(full, "Start", "s1", f'Calling-Station-Id = "{MAC}"')
    too_many = site.login(full)
    assert refused(too_many) == "too many devices"  # an answer that FreeRADIUS itself has emptied
    for answer in (site.login(name), site.login(name, password="x"), too_many):
        assert answer.attributes[0][0] == "Message-Authenticator"
