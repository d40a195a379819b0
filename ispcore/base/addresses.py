"""Addresses of those who ask: through proxies we trust, and the networks they belong to."""

import ipaddress
from collections.abc import Iterable, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def network_of(address: str) -> str:
    """The address, or of an IPv6 one its /64: whoever has one address there has them all."""
    found = parsed(address)
    if found is None:
        return address[:45]
    return str(found) if isinstance(found, ipaddress.IPv4Address) else _around(found, 64)


def neighbourhood(address: str) -> str:
    """Where the same line is likely to come from tomorrow: a /24, of IPv6 a /56; "" for none.

    It is also told of what `network_of` gives.
    """
    found = parsed(address.partition("/")[0])
    if found is None:
        return ""
    return _around(found, 24 if isinstance(found, ipaddress.IPv4Address) else 56)


def parsed(text: str) -> Address | None:
    """An address, IPv4 where it is one in IPv6's clothes; None for what is none."""
    try:
        found = ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found


def plain(text: str) -> str | None:
    """The address without the name of an interface (fe80::1%eth0), None for what is none."""
    found = parsed(text.partition("%")[0])
    return None if found is None else str(found)


def network(text: str) -> Network:
    """One network or address as people write it. Raises ValueError, which says what is wrong."""
    return ipaddress.ip_network(text.strip())


def is_in(address: str, networks: Iterable[Network]) -> bool:
    found = parsed(address)
    return found is not None and any(found in network for network in networks)


def may_come(address: str | None, networks: Sequence[str]) -> bool:
    """Whether the address lies in one of the networks; none of them means anywhere."""
    return not networks or is_in(address or "", map(ipaddress.ip_network, networks))


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


def _around(address: Address, length: int) -> str:
    return str(ipaddress.ip_network(f"{address}/{length}", strict=False))
