"""Addresses of those who ask: through proxies we trust, and as the network that one host has."""

import ipaddress
from collections.abc import Iterable, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def network_of(address: str) -> str:
    """The address, or of an IPv6 one its /64: whoever has one address there has them all."""
    found = parsed(address)
    if found is None:
        return address[:45]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(ipaddress.ip_network((found.packed[:8] + bytes(8), 64)))


def parsed(text: str) -> Address | None:
    """An address, IPv4 where it is one in IPv6's clothes; None for what is none."""
    try:
        found = ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found


def is_in(address: str, networks: Iterable[Network]) -> bool:
    found = parsed(address)
    return found is not None and any(found in network for network in networks)


def client_address(peer: str, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """Who asks: `peer`, unless that is a proxy of ours; then the last one in X-Forwarded-For that
    is no proxy of ours.

    What stands left of it was written by whoever came, and is believed of nobody. What is no
    address ends the search: the last proxy is then all that is known.
    """
    asked = peer
    for said in reversed([part for line in forwarded_for for part in line.split(",")]):
        if not is_in(asked, trusted):
            return asked
        found = parsed(said)
        if found is None:
            return asked
        asked = str(found)
    return asked
