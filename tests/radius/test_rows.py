"""Rows are replaced name by name, and summed up to be compared, alike on MariaDB and SQLite."""

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radius import rows
from radius.models import Check, GroupCheck, GroupReply, Reply, UserGroup
from radius.rows import CheckRow, GroupRow, ReplyRow
from tests.radius.conftest import Site

PASSWORD = ("Cleartext-Password", ":=", "x")


def everything() -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for model in (Check, Reply):
        found += model._default_manager.values_list("username", "attribute", "op", "value")
    return found + list(UserGroup.objects.values_list("username", "group", "priority"))


def test_a_name_has_these_rows_and_no_others_afterwards(site: Site) -> None:
    site.subscriber(name="Rahim", groups=("gold",), replies=(("Session-Timeout", ":=", "5"),))
    site.subscriber(name="karim")
    rows.replace(
        ["rahim"],
        [CheckRow("rahim", *PASSWORD), CheckRow("rahim", "Expiration", ":=", "1900000000")],
        [ReplyRow("rahim", "Session-Timeout", ":=", "9")],
        [GroupRow("rahim", "silver")],
    )
    assert [row for row in everything() if row[0] != "karim"] == [
        ("rahim", *PASSWORD),
        ("rahim", "Expiration", ":=", "1900000000"),
        ("rahim", "Session-Timeout", ":=", "9"),
        ("rahim", "silver", 1),
    ]
    assert Check.objects.filter(username="karim").count() == 1


def test_a_name_that_is_nobodys_has_no_rows(site: Site) -> None:
    site.subscriber(name="Rahim", groups=("gold",))
    rows.replace(["rahim", "nobody"], [], [], [])
    assert everything() == []


def test_more_names_than_one_statement_holds(site: Site) -> None:
    names = [f"line{number}" for number in range(1201)]
    for _ in range(2):
        with transaction.atomic(using="radius"):
            rows.replace(names, [CheckRow(name, *PASSWORD) for name in names], [], [])
    assert Check.objects.count() == 1201
    assert set(rows.names()) == set(names)
    assert dict(rows.digests(names)).keys() == set(names)


def test_a_value_that_many_share_moves_where_it_stands(site: Site) -> None:
    """What is deleted and made anew costs the index of names; and FreeRADIUS reads by id."""
    names = [f"line{number}" for number in range(3 * rows.FEW)]

    def bring(rate: str, **others: str) -> list[ReplyRow]:
        wanted = [ReplyRow(name, "Mikrotik-Rate-Limit", ":=", rate) for name in names]
        wanted += [ReplyRow(name, "Session-Timeout", ":=", "9") for name in names[::2]]
        wanted += [ReplyRow(name, "Idle-Timeout", ":=", value) for name, value in others.items()]
        rows.replace(names, [], wanted, [])
        found = Reply.objects.values_list("username", "attribute", "op", "value")
        assert sorted(found) == sorted(wanted)
        return wanted

    def ids(attribute: str) -> set[int]:
        return set(Reply.objects.filter(attribute=attribute).values_list("pk", flat=True))

    bring("5M", line1="60")
    rates, timeouts = ids("Mikrotik-Rate-Limit"), ids("Session-Timeout")
    bring("6M", line1="90", line2="30")
    assert ids("Mikrotik-Rate-Limit") == rates
    Reply.objects.filter(username="line3").delete()
    Reply.objects.create(username="LINE4", attribute="Session-Timeout", op=":=", value="9")
    Reply.objects.create(username="line5", attribute="Framed-Pool", op=":=", value="by hand")
    bring("6M")
    assert len(ids("Mikrotik-Rate-Limit") & rates) == len(names) - 1
    assert ids("Session-Timeout") == timeouts


def test_a_group_that_many_leave_moves_where_it_stands(site: Site) -> None:
    names = [f"line{number}" for number in range(3 * rows.FEW)]
    rows.replace(names, [], [], [GroupRow(name, "pkg-1") for name in names])
    before = set(UserGroup.objects.values_list("pk", flat=True))
    rows.replace(names, [], [], [GroupRow(name, "pkg-2") for name in names])
    assert set(UserGroup.objects.values_list("pk", "group")) == {(pk, "pkg-2") for pk in before}


columns = st.sampled_from(["A", "B"])
some_rows = st.lists(
    st.builds(CheckRow, st.sampled_from(["rahim", "Rahim", "karim"]), columns, columns, columns),
    max_size=8,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some_rows, some_rows, st.sampled_from([0, rows.FEW]))
def test_whatever_was_there_what_is_wanted_is_there(
    site: Site, before: list[CheckRow], wanted: list[CheckRow], others: int
) -> None:
    names = ["rahim", "karim", *(f"line{number}" for number in range(others))]
    with transaction.atomic(using="radius"):
        rows.replace(names, before, [], [])
        rows.replace(names, wanted, [], [])
        found = list(Check.objects.values_list("username", "attribute", "op", "value"))
        Check.objects.all().delete()
    assert sorted(found) == sorted(wanted)


def test_groups_are_replaced_alike(site: Site) -> None:
    quota = CheckRow("pkg-1", "ISPCore-Quota-Octets", ":=", "5")
    rate = ReplyRow("pkg-1", "Mikrotik-Rate-Limit", "=", "5M")
    for _ in range(2):
        rows.replace_groups(["pkg-1", "pkg-2"], [quota], [rate])
    assert (GroupCheck.objects.count(), GroupReply.objects.count()) == (1, 1)
    assert set(rows.group_names()) == {"pkg-1"}
    assert list(rows.group_digests(["pkg-1", "pkg-2"])) == [
        ("pkg-1", rows.digest([quota], [rate], []))
    ]
    rows.replace_groups(["pkg-1"], [], [])
    assert list(rows.group_names()) == []


def test_what_was_written_is_what_is_read(site: Site) -> None:
    checks = [CheckRow("Rahim", *PASSWORD), CheckRow("Rahim", "Simultaneous-Use", ":=", "2")]
    replies = [ReplyRow("Rahim", "Session-Timeout", ":=", "9")]
    groups = [GroupRow("Rahim", "pkg-1")]
    rows.replace(["rahim"], checks, replies, groups)
    wanted = rows.digest(checks, replies, groups)
    assert list(rows.digests(["rahim"])) == [("rahim", wanted)]
    Reply.objects.update(value="10")
    assert list(rows.digests(["rahim"])) != [("rahim", wanted)]


row = st.tuples(
    st.just("rahim"), st.text(max_size=5), st.sampled_from([":=", "="]), st.text(max_size=5)
)


@given(st.lists(row, max_size=4), st.lists(row, max_size=4))
def test_a_digest_knows_tables_apart_and_no_order(
    checks: list[tuple[str, str, str, str]], replies: list[tuple[str, str, str, str]]
) -> None:
    wanted = rows.digest(checks, replies, [])
    assert rows.digest(checks[::-1], replies[::-1], []) == wanted
    if sorted(checks) != sorted(replies):
        assert rows.digest(replies, checks, []) != wanted


def test_rows_of_a_name_that_the_database_takes_for_ours_are_ours(site: Site) -> None:
    """FreeRADIUS finds them at bob's login: they are a difference, and go when bob is put right."""
    names = ["bob", *(f"line{number}" for number in range(rows.FEW))]
    mine = [CheckRow(name, *PASSWORD) for name in names]
    rows.replace(names, mine, [], [])
    wanted = dict(rows.digests(names))
    Check.objects.create(username="bób", attribute="Auth-Type", op=":=", value="Reject")
    found = dict(rows.digests(names))
    differing = {name for name in names if found.get(name) != wanted[name]}
    assert differing == ({"bob"} if site.vendor == "mysql" else set())  # SQLite tells them apart
    rows.replace(names, mine, [], [])
    assert dict(rows.digests(names)) == wanted
