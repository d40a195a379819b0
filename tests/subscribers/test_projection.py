"""What FreeRADIUS should have: for any truth there is one answer, all of it readable, and denial is sure."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from radius import attributes
from subscribers import projection
from subscribers.projection import Line, Rows, Terms
from subscribers.rate_limit import Pair, RateLimit, made, parse

AT = 1_772_452_800  # 2 March 2026, noon
INSTANTS = some.integers(0, 2**32 - 1)
RATES = some.builds(Pair, some.integers(1_000, 10**12), some.integers(1_000, 10**12))
NAMES = some.one_of(some.just(""), some.text("aZ0_.-", min_size=1, max_size=64))
COUNTS = some.one_of(some.none(), some.integers(1, 1_000))
SERVICES = some.sampled_from(["pppoe", "hotspot", "static"])
STATUSES = some.sampled_from(
    ["active", "suspended", "expired", "disabled", "", "of a later version"]
)
PASSWORDS = some.text("aZ9!$%&/()=?+*#,;:._-", min_size=4, max_size=128)


@some.composite
def truths(draw: some.DrawFn) -> tuple[Line, Terms]:
    """A line and its package, as the checks of operations let them be."""
    service = draw(SERVICES)
    terms = Terms(
        package_id=draw(some.integers(1, 2**40)),
        service=service,
        limit=made(draw(RATES), priority=draw(some.one_of(some.none(), some.integers(1, 8)))),
        device_limit=draw(COUNTS),
        session_timeout_s=draw(some.one_of(some.none(), some.integers(60, 2**31))),
        idle_timeout_s=draw(some.one_of(some.none(), some.integers(10, 2**31))),
        interim_s=draw(some.integers(60, 86_400)),
        quota_octets=draw(some.one_of(some.none(), some.integers(10**6, 2**62))),
        past_quota=draw(some.sampled_from(["stop", "throttle"])),
        throttled=draw(RATES),
        ipv4_pool=draw(NAMES),
        ipv6_pool=draw(NAMES),
        delegated_pool=draw(NAMES),
        address_list=draw(NAMES),
        when_blocked=draw(some.sampled_from(["reject", "walled"])),
        walled_list=draw(some.text("aZ0_.-", min_size=1, max_size=64)),
        walled=draw(RATES),
    )
    line = Line(
        username=draw(some.text("aZ9._:@/+-", min_size=1, max_size=64)),
        password=draw(some.one_of(some.none(), PASSWORDS)),
        service=service,
        status=draw(STATUSES),
        expires_at_s=draw(some.one_of(some.none(), INSTANTS)),
        period_from_s=draw(INSTANTS),
        period_until_s=draw(INSTANTS),
        device_limit=draw(COUNTS),
        ipv4=draw(some.one_of(some.none(), some.ip_addresses(v=4).map(str))),
        ipv6_prefix=draw(some.sampled_from([None, "2001:db8:1:2::/64"])),
        delegated_prefix=draw(some.sampled_from([None, "2001:db8:100::/56"])),
        mac=draw(some.sampled_from(["", "AA:BB:CC:00:11:22"])),
    )
    return line, terms


def attributes_of(rows: Rows) -> dict[str, str]:
    return {attribute: value for attribute, _, value in (*rows.checks, *rows.replies)}


@given(truths())
def test_any_truth_has_rows_that_freeradius_can_read(truth: tuple[Line, Terms]) -> None:
    line, terms = truth
    for rows in (projection.of_subscriber(line, terms), projection.of_package(terms)):
        for attribute, op, value in (*rows.checks, *rows.replies):
            attributes.validate(attribute, op, value)


@given(truths())
def test_the_same_truth_has_the_same_rows(truth: tuple[Line, Terms]) -> None:
    assert projection.of_subscriber(*truth) == projection.of_subscriber(*truth)


@given(truths())
def test_no_attribute_stands_twice(truth: tuple[Line, Terms]) -> None:
    line, terms = truth
    own, group = projection.of_subscriber(line, terms), projection.of_package(terms)
    for rows in (own, group):
        named = [attribute for attribute, _, _ in (*rows.checks, *rows.replies)]
        assert len(named) == len(set(named))
    # a check of the group would go before the user's own
    assert not {row[0] for row in own.checks} & {row[0] for row in group.checks}


@given(truths())
def test_who_is_not_active_gets_no_further_than_the_walled_garden(
    truth: tuple[Line, Terms],
) -> None:
    line, terms = truth
    rows = attributes_of(projection.of_subscriber(line, terms))
    may_log_in = line.status == "active" and line.password is not None
    assert ("ISPCore-Reason" in rows) == (not may_log_in)
    may_enter = line.status in {"suspended", "expired"} and terms.is_walled
    is_entered = may_enter and line.password is not None
    assert ("Auth-Type" in rows) == (not may_log_in and not is_entered)


@given(truths())
def test_who_has_an_end_does_not_outlive_it(truth: tuple[Line, Terms]) -> None:
    line, terms = truth
    found = attributes_of(projection.of_subscriber(line, terms)).get("Expiration")
    assert found == (None if line.expires_at_s is None else str(line.expires_at_s))


@given(truths())
def test_every_line_has_its_rate_in_its_own_rows_or_in_its_group(
    truth: tuple[Line, Terms],
) -> None:
    line, terms = truth
    rows = projection.of_subscriber(line, terms)
    holder = rows if line.service == "hotspot" else projection.of_package(terms)
    assert parse(attributes_of(holder)["Mikrotik-Rate-Limit"]) == terms.limit
    assert rows.groups == (() if line.service == "hotspot" else (f"pkg-{terms.package_id}",))


@settings(suppress_health_check=[HealthCheck.too_slow])  # says how busy the machine is
@given(truths(), truths())
def test_own_rows_depend_on_no_more_than_the_own_part_of_a_package(
    truth: tuple[Line, Terms], other: tuple[Line, Terms]
) -> None:
    """Else a package edit that writes the group alone would leave its subscribers behind."""
    line, terms = truth
    another = replace(other[1], package_id=terms.package_id)
    if line.service != "hotspot":
        another = replace(
            another,
            service=terms.service,
            device_limit=terms.device_limit,
            when_blocked=terms.when_blocked,
            quota_octets=terms.quota_octets and 5 * 10**9,
        )
    if another.own_part == terms.own_part:
        assert projection.of_subscriber(line, another) == projection.of_subscriber(line, terms)


def test_a_group_yields_to_what_is_the_subscribers_own() -> None:
    terms = Terms(1, "pppoe", RateLimit(Pair(10**7, 2 * 10**7)), ipv4_pool="home", device_limit=2)
    line = Line(
        "rahim", "let-me-in", "pppoe", "active", AT, AT, AT, ipv4="10.20.0.5", device_limit=4
    )
    rows = projection.of_subscriber(line, terms)
    assert ("Framed-IP-Address", ":=", "10.20.0.5") in rows.replies
    assert ("Simultaneous-Use", ":=", "4") in rows.checks
    assert projection.of_package(terms).replies == (
        ("Mikrotik-Rate-Limit", "=", "10M/20M"),
        ("Acct-Interim-Interval", "=", "300"),
        ("Framed-Protocol", "=", "PPP"),
        ("Framed-Pool", "=", "home"),
    )


def test_a_hotspot_user_is_in_no_group_and_has_it_all() -> None:
    terms = Terms(
        1, "hotspot", RateLimit(Pair(10**6, 10**6)), quota_octets=10**9, idle_timeout_s=300
    )
    line = Line("guest", "let-me-in", "hotspot", "active", AT, AT, AT)
    rows = projection.of_subscriber(line, terms)
    assert rows.groups == ()
    assert attributes_of(rows).keys() == {
        *("Cleartext-Password", "Expiration", "ISPCore-Quota-From", "ISPCore-Quota-Until"),
        *("ISPCore-Quota-Octets", "Mikrotik-Rate-Limit", "Acct-Interim-Interval", "Idle-Timeout"),
    }
    assert projection.of_package(terms) == Rows((), ())
