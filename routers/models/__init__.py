"""Routers, their interfaces, and what collection knows of them."""

from routers.models.collecting import Collector, InterfaceUsage, Poll, RouterCounters
from routers.models.interfaces import WIRE_TYPES, Interface, InterfaceChange, is_wire
from routers.models.radius_clients import RadiusClient
from routers.models.routers import Router
from routers.models.watching import RouterCheck, Uplink

__all__ = [
    "WIRE_TYPES",
    "Collector",
    "Interface",
    "InterfaceChange",
    "InterfaceUsage",
    "Poll",
    "RadiusClient",
    "Router",
    "RouterCheck",
    "RouterCounters",
    "Uplink",
    "is_wire",
]
