"""What this machine's kernel says of the way to an address: nothing is sent."""

import ipaddress
import socket
from pathlib import Path

_TABLES = Path("/proc/thread-self/net")  # of the network namespace that this thread is in
GATEWAY = 0x2  # flag RTF_GATEWAY
_PORT = 9  # any: connecting a UDP socket looks up the route and sends nothing


def has_route(address: str) -> bool:
    """Whether a packet to `address` could leave this machine at all."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as any_socket:
            any_socket.connect((address, _PORT))
    except OSError:
        return False
    return True


def default_gateways() -> list[str]:
    """The next hops of the default routes, IPv4 and IPv6; none where the kernel does not tell."""
    found = [*_ipv4(_lines(_TABLES / "route")), *_ipv6(_lines(_TABLES / "ipv6_route"))]
    return list(dict.fromkeys(found))


def _lines(table: Path) -> list[list[str]]:
    try:
        return [line.split() for line in table.read_text().splitlines()]
    except OSError:
        return []


def _ipv4(rows: list[list[str]]) -> list[str]:
    """Columns: interface, destination, gateway, flags, three more, mask; addresses are little
    endian hexadecimal (proc(5); net/ipv4/fib_trie.c)."""
    return [
        str(ipaddress.IPv4Address(bytes.fromhex(row[2])[::-1]))
        for row in rows[1:]
        if len(row) > 7 and row[1] == row[7] == "00000000" and int(row[3], 16) & GATEWAY
    ]


def _ipv6(rows: list[list[str]]) -> list[str]:
    """Columns: destination, its length, source, its length, next hop, three more, flags, interface
    (net/ipv6/route.c). A link-local next hop is reached through its interface only."""
    found = []
    for row in rows:
        if len(row) > 9 and row[1] == "00" and int(row[8], 16) & GATEWAY:
            hop = ipaddress.IPv6Address(bytes.fromhex(row[4]))
            found.append(f"{hop}%{row[9]}" if hop.is_link_local else str(hop))
    return found
