"""Which new interface looks like one that has gone, where no router of the lab has the case."""

from typing import Any

import pytest

from ispcore.protocols.interfaces import DiscoveredInterface
from routers.models import Interface
from routers.operations.likeness import Look, renamed


def row(name: str, index: int, **given: Any) -> Interface:
    known = {"if_type": 6, "mac": f"00:00:00:00:00:{index:02x}", "speed_bps": 10**9}
    return Interface(pk=index, name=name, index=index, **known | given)


def seen(name: str, index: int, **given: Any) -> DiscoveredInterface:
    known: dict[str, Any] = {"mac": f"00:00:00:00:00:{index:02x}", "speed_bps": 10**9}
    known |= {"descr": name, "alias": "", "if_type": 6, "admin_state": "up", "oper_state": "up"}
    return DiscoveredInterface(index=index, name=name, counter_bits=64, **known | given)


def pairs(
    gone: list[Interface], fresh: list[DiscoveredInterface], **look: Any
) -> list[tuple[str, str]]:
    known: dict[str, Any] = {"restarted": False, "by_api": False, "vlan_ids": {}}
    known |= {"before": gone, "after": fresh}
    found = renamed(gone, fresh, Look(**known | look))
    return [(old.name, new.name) for old, new in found]


SAME = [("a", "b")]


@pytest.mark.parametrize(
    ("old", "new", "look", "found"),
    [
        ({}, {}, {}, SAME),
        ({}, {"mac": "00:00:00:00:00:99"}, {}, []),
        ({}, {"if_type": 135}, {}, []),
        ({}, {"speed_bps": 10**8}, {}, []),
        ({"alias": "Uplink"}, {"alias": "Uplink", "speed_bps": 10**8}, {}, SAME),
        ({"alias": "Uplink"}, {"alias": "Uplink", "speed_bps": None}, {"by_api": True}, SAME),
        ({}, {"speed_bps": None}, {"by_api": True}, []),
        ({"vlan_id": 101}, {}, {"vlan_ids": {"b": 102}}, []),
        ({"vlan_id": 101}, {}, {"vlan_ids": {"b": 101}}, SAME),
        ({"vlan_by_name": 310}, {"vlan_by_name": 311}, {}, []),
        ({"mac": ""}, {"mac": ""}, {}, SAME),
        ({"mac": ""}, {"mac": ""}, {"restarted": True}, []),
        ({}, {}, {"restarted": True}, SAME),  # by its MAC
        ({}, {"index": 44, "mac": "00:00:00:00:00:05"}, {"restarted": True}, SAME),
        ({"mac": ""}, {"index": 44, "mac": ""}, {}, []),
    ],
)
def test_two_are_alike_by_index_or_a_mac_of_their_own(
    old: dict[str, Any], new: dict[str, Any], look: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    assert pairs([row("a", 5, **old)], [seen("b", **{"index": 5} | new)], **look) == found


def test_a_mac_that_two_interfaces_share_proves_nothing() -> None:
    mac = "00:00:00:00:00:05"
    old, new = row("a", 5), seen("b", 44, mac=mac)
    parent = seen("parent", 1, mac=mac)
    assert pairs([old], [new], after=[new, parent]) == []
    assert pairs([old], [new], before=[old, row("parent", 1, mac=mac)]) == []
    assert pairs([old], [new]) == SAME


def test_where_two_are_alike_nobody_can_tell() -> None:
    mac = "00:00:00:00:00:05"
    at_its_index, by_its_mac = seen("b", 5, mac=mac), seen("c", 6, mac=mac)
    assert pairs([row("a", 5)], [at_its_index, by_its_mac]) == [("a", "b")]  # the MAC is of two
    two_old = [row("a", 5, mac=""), row("z", 5, mac="")]
    assert pairs(two_old, [seen("b", 5, mac="")]) == []


def test_a_pair_keeps_its_sides() -> None:
    old = [row("a", 5), row("b", 6)]
    new = [seen("y", 6), seen("x", 5)]
    assert pairs(old, new) == [("a", "x"), ("b", "y")]
