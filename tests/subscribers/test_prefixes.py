"""IPv6 prefixes: what is routed to one subscriber is nobody else's, not a part of it either."""

import ipaddress
from functools import partial

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as some

from subscribers.models import Package, Subscriber
from subscribers.operations import imports, prefixes, subscribers
from subscribers.operations.prefixes import Prefix, Space
from tests.subscribers.conftest import BY, made
from tests.subscribers.test_together import kinds, together

HEAD = "username,package,ipv6_prefix,delegated_prefix\n"
PREFIXES = some.builds(
    lambda address, length: Prefix(128, address).cut(length),
    some.one_of(
        some.integers(0, 2**128 - 1),
        some.builds(lambda a, b: a << 96 | b, *2 * [some.integers(0, 2**17)]),
    ),
    some.integers(16, 128),
)


@pytest.mark.parametrize(
    ("there", "wanted", "said"),
    [
        (
            {"delegated_prefix": "2001:db8:100::/56"},
            {"delegated_prefix": "2001:db8:100:8::/61"},
            "lies in",
        ),
        (
            {"delegated_prefix": "2001:db8:100::/56"},
            {"ipv6_prefix": "2001:db8:100:ff::/64"},
            "lies in",
        ),
        (
            {"ipv6_prefix": "2001:db8:100:ff::/64"},
            {"delegated_prefix": "2001:db8:100::/56"},
            "in it",
        ),
        ({"ipv6_prefix": "2001:db8:0:1::/64"}, {"delegated_prefix": "2001:db8::/48"}, "in it"),
        ({"ipv6_prefix": "2001:db8::/64"}, {"delegated_prefix": "2001:db8::/48"}, "in it"),
        ({"ipv6_prefix": "2001:db8::/64"}, {"delegated_prefix": "2001:db8::/64"}, "is the prefix"),
    ],
)
def test_a_prefix_that_overlaps_with_anothers_is_refused(
    home: Package, there: dict[str, str], wanted: dict[str, str], said: str
) -> None:
    made(home, "rahim", **there)
    with pytest.raises(ValidationError, match=said) as refused:
        made(home, "karim", **wanted)
    assert list(refused.value.message_dict) == list(wanted)
    assert "rahim" not in str(refused.value)  # who may be somebody else's subscriber
    karim = made(home, "karim")
    with pytest.raises(ValidationError, match=said):
        subscribers.edit(karim, changes=wanted, by=BY)
    assert Subscriber.objects.filter(**wanted).count() == 0


def test_neighbours_and_what_one_has_already_are_no_overlap(home: Package) -> None:
    rahim = made(home, ipv6_prefix="2001:db8:1:2::/64", delegated_prefix="2001:db8:100::/56")
    made(home, "karim", ipv6_prefix="2001:db8:1:3::/64", delegated_prefix="2001:db8:100:100::/56")
    moved = subscribers.edit(rahim, changes={"delegated_prefix": "2001:db8:100::/57"}, by=BY)
    assert moved.delegated_prefix == "2001:db8:100::/57"


@pytest.mark.django_db(transaction=True)
def test_of_three_who_want_overlapping_prefixes_at_once_one_gets_it(home: Package) -> None:
    found = together(
        partial(made, home, "rahim", delegated_prefix="2001:db8:100::/56"),
        partial(made, home, "karim", ipv6_prefix="2001:db8:100:1::/64"),
        partial(made, home, "jamil", delegated_prefix="2001:db8:100::/60"),
    )
    assert kinds(found) == ["Subscriber", "ValidationError", "ValidationError"], found


@pytest.mark.parametrize("lines", [1, prefixes.FEW + 1])
def test_a_file_has_no_overlap_in_itself_or_with_others(home: Package, lines: int) -> None:
    made(home, "rahim", delegated_prefix="2001:db8:100::/56")
    many = "".join(f"u{each},Home 20,2001:db8:2:{each:x}::/64,\n" for each in range(lines))
    assert imports.plan(home.tenant, [*(HEAD + many).splitlines()]).faults == []
    bad = (
        "a,Home 20,2001:db8:100:7::/64,\nb,Home 20,,2001:db8:2::/48\nc,Home 20,,2001:db8:100::/48\n"
    )
    found = imports.plan(home.tenant, (HEAD + many + bad).splitlines()).faults
    told = {(fault.line - lines, fault.words.removesuffix(".")) for fault in found}
    assert told >= {
        (2, "2001:db8:100:7::/64 lies in 2001:db8:100::/56, the prefix of another subscriber"),
        (2, f"2001:db8:100:7::/64 lies in 2001:db8:100::/48 of line {lines + 4}"),
        (4, "2001:db8:100::/48 has 2001:db8:100::/56 in it, the prefix of another subscriber"),
    }
    inside = f"lies in 2001:db8:2::/48 of line {lines + 3}."
    assert sum(fault.words.endswith(inside) for fault in found) == lines


@given(PREFIXES, some.integers(0, 112), some.integers(0, 2**128 - 1))
def test_texts_of_prefixes_inside_begin_as_they_are_looked_for(
    outer: Prefix, longer: int, host: int
) -> None:
    length = min(outer.length + longer + 1, 128)
    inner = Prefix(128, outer.address | host % 2 ** (128 - outer.length)).cut(length)
    assert Space([outer]).around(inner) == outer
    assert ipaddress.ip_network(str(inner)).subnet_of(ipaddress.ip_network(str(outer)))  # type: ignore[arg-type]
    if inner.length > outer.length:
        assert str(inner).startswith(tuple(prefixes._beginnings(outer)))
