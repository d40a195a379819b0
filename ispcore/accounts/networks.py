"""Networks that an address belongs to, as far as one customer or attacker reaches."""

import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def host(address: str) -> str:
    """The address, or of an IPv6 one its /64: whoever has one address there has them all."""
    found = _address(address)
    if found is None:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(_around(found, 64))


def neighbourhood(address: str) -> str:
    """Where the same line is likely to come from tomorrow: a /24, of IPv6 a /56; "" for none."""
    found = _address(address)
    if found is None:
        return ""
    return str(_around(found, 24 if isinstance(found, ipaddress.IPv4Address) else 56))


def parsed(text: str) -> Network:
    """One network or address as people write it. Raises ValueError, which says what is wrong."""
    return ipaddress.ip_network(text.strip())


def address(text: str) -> str | None:
    """The address without the name of an interface (fe80::1%eth0), None for what is none."""
    found = _address(text.partition("%")[0])
    return None if found is None else str(found)


def contains(networks: Iterable[str], address: str | None) -> bool:
    """Whether the address lies in one of the networks; none of them means anywhere."""
    listed = [ipaddress.ip_network(each) for each in networks]
    if not listed:
        return True
    found = _address(address or "")
    return found is not None and any(found in each for each in listed)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _around(address: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int) -> Network:
    return ipaddress.ip_network(f"{address}/{length}", strict=False)
