"""Find the interfaces of a router and keep the list in step with what it has now."""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import DatabaseError, OperationalError, transaction

from ispcore.base import audit, clock
from ispcore.base.audit import Actor
from ispcore.live.publish import publish
from ispcore.protocols import routeros
from ispcore.protocols.errors import Nonsense, ProtocolError, Unreachable
from ispcore.protocols.interfaces import DiscoveredInterface, Discovery
from ispcore.protocols.polling import in_thread, poll_many
from ispcore.protocols.snmp import discover as snmp_discover
from routers.models import Interface, Router, RouterCounters
from routers.operations import states
from routers.targets import api_target, snmp_engine, snmp_target

logger = logging.getLogger(__name__)
FACTS = (
    "index", "descr", "alias", "if_type", "mac", "speed_bps", "admin_state", "oper_state",
    "counter_bits",
)  # fmt: skip
LONGEST_NAME = 300
LIMIT_S = 150.0  # of looking at the whole fleet
VLAN_ID = re.compile(r"[1-9]\d{0,3}", re.ASCII)
BY_API = tuple(fact for fact in FACTS if fact not in {"speed_bps", "counter_bits"})


class RouterGone(Exception):
    """The router was removed while it was asked; nothing was changed."""


@dataclass(frozen=True, slots=True)
class DiscoveryDiff:
    """What a discovery found changed, as interface names. A renumbered one kept its name."""

    new: Sequence[str]
    gone: Sequence[str]
    back: Sequence[str]
    renumbered: Sequence[str]
    total: int

    @property
    def any(self) -> bool:
        return bool(self.new or self.gone or self.back or self.renumbered)


def discover(router: Router, *, by: Actor) -> DiscoveryDiff:
    """Ask the router for its interfaces and store them. Raises ProtocolError or RouterGone; then
    nothing changed.

    What is gone is kept and marked: a mapping or a year of usage may hang on it.
    """
    return _keep(router, _ask(router), by)


def discover_many(
    routers: Sequence[Router], *, by: Actor, limit_s: float = LIMIT_S
) -> dict[int, DiscoveryDiff | ProtocolError]:
    """The same for many routers, asked side by side; each one's outcome by primary key.

    One that was removed meanwhile has none. Who has not answered `limit_s` seconds after the
    start counts as unreachable.
    """
    jobs = {router.pk: partial(in_thread, _ask, router) for router in routers}
    answers = poll_many(jobs, concurrency=settings.COLLECT_CONCURRENCY, deadline_s=limit_s)
    done: dict[int, DiscoveryDiff | ProtocolError] = {}
    for router in routers:
        try:
            done[router.pk] = outcome = _kept(router, answers[router.pk], by)
        except RouterGone as gone:
            logger.info("%s", gone)
            continue
        if isinstance(outcome, DiscoveryDiff):
            logger.info("%s: %d interfaces, %d new", router.name, outcome.total, len(outcome.new))
        else:
            # one that never answered is asked at every poll, and its check has said so once
            level = logging.WARNING if router.discovered_at else logging.DEBUG
            logger.log(level, "%s: discovery failed: %s", router.name, outcome)
    return done


def _kept(
    router: Router, answer: "Found | ProtocolError", by: Actor
) -> DiscoveryDiff | ProtocolError:
    """What no table holds costs its own router the discovery, and no other's."""
    if isinstance(answer, ProtocolError):
        return answer
    try:
        return _keep(router, answer, by)
    except OperationalError:
        raise  # the database, not the answer
    except (DatabaseError, OverflowError, ValueError):
        logger.exception("%s: what it answered cannot be stored", router.name)
        return Nonsense("what it answered cannot be stored")


def _keep(router: Router, found: "Found", by: Actor) -> DiscoveryDiff:
    with transaction.atomic():
        if not Router.objects.filter(pk=router.pk).exists():
            raise RouterGone(f"{router.name}: removed while it was asked for its interfaces")
        diff = _store(router, found)
        if diff.any:
            audit.record(
                "discover",
                router,
                by=by,
                new={"new": list(diff.new), "gone": list(diff.gone), "back": list(diff.back)}
                | {"renumbered": list(diff.renumbered)},
                tenant_id=router.tenant_id,
            )
        publish("router", str(router.pk))
    return diff


@dataclass(frozen=True, slots=True)
class Found:
    """What the router answered: interfaces, and what only the API tells."""

    discovery: Discovery
    vlan_ids: Mapping[str, int]
    board: str = ""
    os_version: str = ""
    by_api: bool = False  # which knows neither speeds nor the width of SNMP's counters


def _ask(router: Router) -> Found:
    """By SNMP, else by the API. VLAN ids only the API tells; without it they stay as they are."""
    if router.uses_snmp and router.counter_source != Router.CounterSource.API:
        try:
            found = asyncio.run(snmp_discover(snmp_engine(), snmp_target(router)))
        except ProtocolError as error:
            if not router.uses_api:
                raise
            logger.warning("%s: discovery by SNMP failed, asking the API: %s", router.name, error)
        else:
            return _with_api_facts(router, found)
    if not router.uses_api:
        raise Unreachable("no SNMP community or user and no API user is configured")
    return routeros.polled(api_target(router), _by_api)


def _with_api_facts(router: Router, found: Discovery) -> Found:
    if not router.uses_api:
        return Found(found, {})
    try:
        return routeros.polled(api_target(router), lambda session: _found(session, found))
    except ProtocolError as error:
        logger.warning("%s: VLAN ids not read: %s", router.name, error)
        return Found(found, {})


def _by_api(session: routeros.Session) -> Found:
    started = clock.monotonic_s()
    who, interfaces = routeros.identity(session), routeros.read_interfaces(session)
    found = Discovery(
        sys_name=who.name,
        sys_descr="",
        sys_object_id="",
        uptime_ticks=int(who.uptime_s * 100),
        if_number=None,
        interfaces=interfaces,
        took_ms=(clock.monotonic_s() - started) * 1000,
    )
    return replace(_found(session, found), by_api=True)


def _found(session: routeros.Session, found: Discovery) -> Found:
    who = routeros.identity(session)
    rows = session.rows("/interface/vlan", proplist=["name", "vlan-id"])
    tags = {row.get("name", ""): row.get("vlan-id", "") for row in rows}
    vlan_ids = {name: int(tag) for name, tag in tags.items() if VLAN_ID.fullmatch(tag)}
    return Found(found, vlan_ids, who.board, who.version)


def _store(router: Router, found: Found) -> DiscoveryDiff:
    now, vlans = clock.now(), found.vlan_ids
    facts = BY_API if found.by_api else FACTS
    stored = {i.name: i for i in _locked(router)}
    seen = {each.name: each for each in found.discovery.interfaces}
    new = [_interface(router, each, vlans, now) for n, each in seen.items() if n not in stored]
    renumbered, back, changed, swapped = [], [], [], []
    for name, each in seen.items():
        if name not in stored:
            continue
        row = stored[name]
        if row.gone_at is not None:
            back.append(name)
        elif row.index != each.index:
            renumbered.append(name)
        if _is_another(row, each):
            swapped.append(row.pk)
        changed.append(_apply(row, each, vlans, now, facts))
    states.distrust(router.pk, swapped)
    gone = [i for n, i in stored.items() if n not in seen and i.gone_at is None]
    for row in gone:
        row.gone_at = now
    Interface.objects.bulk_create(new)
    Interface.objects.bulk_update(
        changed + gone, [*FACTS, "vlan_id", "last_seen_at", "gone_at"], batch_size=500
    )
    _facts(router, found, now)
    return DiscoveryDiff(
        new=[i.name for i in new],
        gone=[i.name for i in gone],
        back=back,
        renumbered=renumbered,
        total=len(seen),
    )


def _locked(router: Router) -> list[Interface]:
    """In the collector's order: states, then interfaces, the router itself last."""
    list(RouterCounters.objects.select_for_update().filter(router=router))
    rows = Interface.objects.select_for_update(no_key=True).filter(router=router)
    return list(rows.order_by("pk"))


def _interface(
    router: Router, each: DiscoveredInterface, vlans: Mapping[str, int], now: datetime
) -> Interface:
    row = Interface(router=router, name=each.name[:LONGEST_NAME], first_seen_at=now)
    return _apply(row, each, vlans, now)


def _apply(
    row: Interface,
    each: DiscoveredInterface,
    vlans: Mapping[str, int],
    now: datetime,
    facts: Sequence[str] = FACTS,
) -> Interface:
    for fact in facts:
        value = getattr(each, fact)
        setattr(row, fact, value[:200] if isinstance(value, str) else value)
    row.vlan_id = vlans.get(each.name, row.vlan_id)
    row.last_seen_at, row.gone_at = now, None
    return row


def _is_another(row: Interface, each: DiscoveredInterface) -> bool:
    """A port of the same name with another MAC is another port, with counters of its own."""
    return bool(row.mac and each.mac and row.mac != each.mac)


def _facts(router: Router, found: Found, now: datetime) -> None:
    router.system_name = found.discovery.sys_name[:120]
    router.interface_count = found.discovery.if_number
    router.discovered_at = now
    router.booted_at = now - timedelta(seconds=found.discovery.uptime_ticks / 100)
    if found.board or found.os_version:
        router.board, router.os_version = found.board[:120], found.os_version[:80]
    router.save(
        update_fields=[
            "system_name", "interface_count", "discovered_at", "booted_at", "board", "os_version",
            "updated_at",
        ]
    )  # fmt: skip
