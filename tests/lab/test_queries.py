"""Query words: what passes."""

import pytest

from lab.queries import BadQuery, matches

ETHER = {"name": "ether1", "type": "ether", "mtu": "1500", "running": "true"}


@pytest.mark.parametrize(
    ("query", "passes"),
    [
        ("", True),
        ("type", True),
        ("comment", False),
        ("-comment", True),
        ("-type", False),
        ("type=ether", True),
        ("=type=ether", True),
        ("type=vlan", False),
        ("comment=", False),
        ("running=yes", True),
        ("mtu=1500", True),
        (">mtu=900", True),
        ("<mtu=900", False),
        (">name=ether0", True),
        ("type=ether type=vlan", False),
        ("type=ether type=vlan #|", True),
        ("type=ether type=vlan #&", False),
        ("type=vlan #!", True),
        ("type=vlan type=ether #!&!", True),
        ("type=ether #.&", True),
        ("type=vlan type=ether #1", False),
        ("type=vlan type=ether #0", True),
        ("type=vlan type=ether #1.!|#", None),
        ("type=ether #&", True),
        ("type=ether type=vlan #1.||", True),
        ("name=a name=ether1 name=c #||", True),
    ],
)
def test_a_query_passes(query: str, passes: bool | None) -> None:
    if passes is None:
        with pytest.raises(BadQuery):
            matches(ETHER, query.split())
    else:
        assert matches(ETHER, query.split()) is passes


def test_a_value_may_hold_an_equals_sign_and_spaces() -> None:
    assert matches({"comment": "a = b"}, ["comment=a = b"])
