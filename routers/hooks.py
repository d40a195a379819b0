"""What higher apps hear from routers; `ispcore/wiring.py` fills these in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ispcore.base.audit import Actor
from routers.models import Interface, Router

if TYPE_CHECKING:
    from ispcore.base.timeseries.samples import Samples


class FinishedBucket(NamedTuple):
    """A finished 5-minute bucket of one interface, None where nothing was seen; at the same time a
    row of interface_usage_5m. `bucket` is its start, `source` is snmp or api."""

    interface_id: int
    bucket: datetime
    in_octets: int | None
    out_octets: int | None
    in_bps: int | None
    out_bps: int | None
    covered_s: int
    quality: int
    source: str


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection, or a batch of it, brought: finished buckets (by interface, each a
    FinishedBucket), the routers that were read, and those with interfaces that were read for the
    first time."""

    buckets: "Samples"
    router_ids: frozenset[int]
    first_seen_router_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Carried:
    """Who is behind an interface, for the router's page."""

    name: str
    url: str
    capacity_bps: int | None
    faces_uplink: bool = False  # then what comes in is down, not up
    vlan_id: int | None = None
    carries: str = ""


@dataclass(frozen=True, slots=True)
class Renamed:
    """A person confirmed that `new` is what `old` was, since `at`."""

    old: Interface
    new: Interface
    at: datetime
    by: Actor


@dataclass(frozen=True, slots=True)
class InterfacesChanged:
    """Some interfaces of a router came, went or moved, or one was confirmed to be renamed."""

    router: Router
    renamed: Renamed | None = None


class Listener(Protocol):
    """Who hears of collections: an object, or a module with these functions."""

    def record(self, collected: Collected) -> None:
        """Called inside the transaction that stores the readings: what it raises undoes them."""

    def announce(self, collected: Collected) -> None:
        """Called after that transaction has committed, once for all batches of a collection."""


listeners: list[Listener] = []
# who is behind each of these interfaces
carried_by: list[Callable[[Sequence[int]], Mapping[int, Carried]]] = []
# called inside the transaction that stores what a discovery found, or a person confirmed
interfaces_changed_in_transaction: list[Callable[[InterfacesChanged], None]] = []
