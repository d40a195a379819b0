"""The RouterOS API: sessions, identity, interfaces and their counters."""

from ispcore.protocols.routeros.interfaces import (
    Identity,
    identity,
    read_counters,
    read_interfaces,
)
from ispcore.protocols.routeros.session import RouterOsTarget, Session, connect, polled
from ispcore.protocols.routeros.uptime import parse_uptime

__all__ = [
    "Identity",
    "RouterOsTarget",
    "Session",
    "connect",
    "identity",
    "parse_uptime",
    "polled",
    "read_counters",
    "read_interfaces",
]
