"""Which of a router's new interfaces looks like one that has gone: plain functions, no database."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ispcore.protocols.interfaces import DiscoveredInterface
from routers.models import Interface

Pair = tuple[Interface, DiscoveredInterface]


@dataclass(frozen=True, slots=True)
class Look:
    """Two looks at one router: what was there, and what is. `restarted`: between them, so that
    indexes may have moved. `by_api`: the second one knows no speeds."""

    before: Sequence[Interface]
    after: Sequence[DiscoveredInterface]
    vlan_ids: Mapping[str, int]
    restarted: bool
    by_api: bool


def renamed(
    gone: Iterable[Interface], fresh: Sequence[DiscoveredInterface], look: Look
) -> list[Pair]:
    """Pairs of a name that has gone and a new one that are alike, each in one pair only.

    They share the index, where the router did not restart, or a MAC that is unique on the router
    in both looks; and MAC, type, and speed or alias. Where two are alike nobody can tell: none.
    """
    unique = _once(row.mac for row in look.before) & _once(one.mac for one in look.after)
    by_index = {} if look.restarted else {one.index: one for one in fresh}
    by_mac = {one.mac: one for one in fresh if one.mac in unique}
    pairs: list[Pair] = []
    for row in gone:
        near = {by_index.get(row.index), by_mac.get(row.mac)} - {None}
        alike = [one for one in near if one is not None and _alike(row, one, look)]
        if len(alike) == 1:
            pairs.append((row, alike[0]))
    taken = Counter(one.name for _, one in pairs)
    return [(row, one) for row, one in pairs if taken[one.name] == 1]


def _once(macs: Iterable[str]) -> set[str]:
    return {mac for mac, count in Counter(macs).items() if mac and count == 1}


def _alike(row: Interface, one: DiscoveredInterface, look: Look) -> bool:
    if (row.if_type, row.mac) != (one.if_type, one.mac):
        return False
    if _differ(row.vlan_id, look.vlan_ids.get(one.name)):
        return False
    if _differ(row.vlan_by_name, one.vlan_by_name):
        return False
    same_speed = not look.by_api and row.speed_bps == one.speed_bps
    return same_speed or (bool(row.alias) and row.alias == one.alias[:200])


def _differ(before: int | None, after: int | None) -> bool:
    """Another VLAN is another service, however alike the rest."""
    return before is not None and after is not None and before != after
