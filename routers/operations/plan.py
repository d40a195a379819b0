"""Whom to poll and for what: read from the database, kept for the time when it is away."""

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ispcore.base import secrets
from ispcore.base.files import replace_file
from ispcore.protocols.snmp import Wanted
from routers.models import Interface, Router, is_wire
from routers.targets import wanted

logger = logging.getLogger(__name__)
KEPT_COLUMNS = [
    field.attname
    for field in Router._meta.concrete_fields
    if field.attname not in {"created_at", "updated_at", "polled_at", "read_at", "discovered_at"}
]


@dataclass(slots=True)
class PlannedInterface:
    """What a poll needs to know of an interface; `limit_bps` is what it cannot exceed."""

    pk: int
    name: str
    index: int
    counter_bits: int
    limit_bps: int | None
    oper_state: str


@dataclass(slots=True)
class Work:
    """A router and the interfaces whose counters are wanted."""

    router: Router
    interfaces: Sequence[PlannedInterface]
    interfaces_by_name: Mapping[str, PlannedInterface] = field(init=False)
    wanted: Sequence[Wanted] = field(init=False)

    def __post_init__(self) -> None:
        self.interfaces_by_name = {interface.name: interface for interface in self.interfaces}
        self.wanted = wanted(self.router, self.interfaces)


def load(router_ids: Iterable[int] | None = None) -> list[Work]:
    """All polled routers (or these of them) with their interfaces that have counters: two queries."""
    routers = Router.objects.filter(is_polled=True).order_by("pk")
    rows = Interface.objects.filter(gone_at=None, counter_bits__gt=0, router__is_polled=True)
    if router_ids is not None:
        ids = list(router_ids)
        routers, rows = routers.filter(pk__in=ids), rows.filter(router_id__in=ids)
    of_router: dict[int, list[PlannedInterface]] = defaultdict(list)
    columns = ("router_id", "pk", "name", "index", "counter_bits", "speed_bps", "if_type")
    values = rows.order_by("router_id", "index").values_list(*columns, "oper_state")
    for router_id, pk, name, index, bits, speed_bps, if_type, oper_state in values.iterator(5_000):
        limit_bps = speed_bps if is_wire(if_type) else None
        of_router[router_id].append(PlannedInterface(pk, name, index, bits, limit_bps, oper_state))
    return [Work(router, of_router[router.pk]) for router in routers]


def keep(works: Sequence[Work], path: Path) -> None:
    """Write the plan to a file, encrypted: it holds the credentials of every router."""
    plain = [
        {
            "router": {name: getattr(work.router, name) for name in KEPT_COLUMNS},
            "interfaces": [asdict(interface) for interface in work.interfaces],
        }
        for work in works
    ]
    replace_file(path, secrets.encrypt(json.dumps(plain, default=str)).encode())


def kept(path: Path) -> list[Work]:
    """The plan that was kept; empty where there is none, or none that can be read (logged)."""
    try:
        plain = json.loads(secrets.decrypt(path.read_text()))
        return [_work(each) for each in plain]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError, secrets.SecretUnreadable) as error:
        logger.warning("the kept list of routers in %s cannot be used: %s", path, error)
        return []


def _work(plain: Mapping[str, Any]) -> Work:
    router = Router(**{**plain["router"], "booted_at": None})
    return Work(router, [PlannedInterface(**interface) for interface in plain["interfaces"]])
