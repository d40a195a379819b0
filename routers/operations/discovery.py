"""Find the interfaces of a router and keep the list in step with what it has now."""

import asyncio
import logging
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from django.conf import settings
from django.db import DatabaseError, OperationalError, transaction
from django.db.models import CharField

from ispcore.base import audit, clock
from ispcore.base.audit import Actor
from ispcore.live.publish import publish
from ispcore.protocols import routeros
from ispcore.protocols.errors import Nonsense, ProtocolError, Unreachable
from ispcore.protocols.interfaces import DiscoveredInterface, Discovery
from ispcore.protocols.polling import in_thread, poll_many
from ispcore.protocols.snmp import discover as snmp_discover
from routers import hooks
from routers.hooks import InterfacesChanged
from routers.models import Interface, Router, RouterCounters
from routers.operations import changes, likeness, states
from routers.operations.likeness import Look
from routers.targets import api_target, device_models, snmp_engine, snmp_target

logger = logging.getLogger(__name__)
COLLECTION = Actor("collection")  # who discovers when nobody asked for it
FACTS = (
    "index", "descr", "alias", "if_type", "mac", "speed_bps", "admin_state", "oper_state",
    "counter_bits", "vlan_by_name",
)  # fmt: skip
LONGEST_NAME = 300
LIMIT_S = 150.0  # of looking at the whole fleet
VLAN_ID = re.compile(r"[1-9]\d{0,3}", re.ASCII)
ONLY_SNMP = {"speed_bps", "counter_bits", "vlan_by_name"}
BY_API = tuple(fact for fact in FACTS if fact not in ONLY_SNMP)
LONGEST = {
    field.name: field.max_length
    for field in Router._meta.concrete_fields
    if isinstance(field, CharField)
}


class RouterGone(Exception):
    """The router was removed while it was asked; nothing was changed."""


@dataclass(frozen=True, slots=True)
class DiscoveryDiff:
    """What a discovery found changed, as interface names. A renumbered one kept its name; of a
    renamed one (old name, new name), which is a suspicion until a person confirms it."""

    new: Sequence[str]
    gone: Sequence[str]
    back: Sequence[str]
    renumbered: Sequence[str]
    renamed: Sequence[tuple[str, str]]
    total: int

    @property
    def any(self) -> bool:
        return any((self.new, self.gone, self.back, self.renumbered, self.renamed))


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
        try:  # to be compared with the last discovery, also where somebody else made that
            router.refresh_from_db(fields=["discovered_at"])
        except Router.DoesNotExist:
            gone = f"{router.name}: removed while it was asked for its interfaces"
            raise RouterGone(gone) from None
        diff = _store(router, found)
        if diff.any:
            audit.record(
                "discover",
                router,
                by=by,
                new={"new": list(diff.new), "gone": list(diff.gone), "back": list(diff.back)}
                | {"renumbered": list(diff.renumbered)}
                | {"renamed": [list(pair) for pair in diff.renamed]},
                tenant_id=router.tenant_id,
            )
            for listener in hooks.interfaces_changed_in_transaction:
                listener(InterfacesChanged(router))
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
            found = asyncio.run(snmp_discover(snmp_engine(), snmp_target(router), device_models()))
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
        taken_at=time.time(),
        vendor="MikroTik",
        os="RouterOS",
    )
    return replace(_found(session, found), by_api=True)


def _found(session: routeros.Session, found: Discovery) -> Found:
    who = routeros.identity(session)
    rows = session.rows("/interface/vlan", proplist=["name", "vlan-id"])
    tags = {row.get("name", ""): row.get("vlan-id", "") for row in rows}
    vlan_ids = {name: int(tag) for name, tag in tags.items() if VLAN_ID.fullmatch(tag)}
    return Found(found, vlan_ids, who.board, who.version)


def _store(router: Router, found: Found) -> DiscoveryDiff:
    now, facts = clock.now(), BY_API if found.by_api else FACTS
    rows = _locked(router)
    first = router.discovered_at is None
    stored, seen = {row.name: row for row in rows}, {e.name: e for e in found.discovery.interfaces}
    look = _look(router, rows, found)
    gone = [row for row in look.before if row.name not in seen]
    returned = {name for name, row in stored.items() if name in seen and row.gone_at is not None}
    fresh = [each for name, each in seen.items() if name not in stored or name in returned]
    pairs = [(row, each.name) for row, each in likeness.renamed(gone, fresh, look)]
    moved = [(r, r.index) for r in look.before if r.name in seen and seen[r.name].index != r.index]
    swapped = [r.pk for r in rows if r.name in seen and _is_another(r, seen[r.name])]
    for row in gone:
        row.gone_at = now
    known = [_apply(stored[n], seen[n], found.vlan_ids, now, facts) for n in seen if n in stored]
    new = [_interface(router, seen[n], found.vlan_ids, now) for n in seen if n not in stored]
    Interface.objects.bulk_create(new)
    Interface.objects.bulk_update(
        known + gone, [*FACTS, "vlan_id", "last_seen_at", "gone_at"], batch_size=500
    )
    states.distrust(router.pk, swapped)
    by_name = {row.name: row for row in [*known, *new]}
    changed = _changed(pairs, by_name, new, gone, returned, moved)
    if not first:
        changed = changes.traced(router, changed)
        changes.record(router, changed, at=now)
    _facts(router, found)
    return _diff(changed, total=len(seen))


def _look(router: Router, rows: Sequence[Interface], found: Found) -> Look:
    last, booted_at = router.discovered_at, _booted_at(found)
    return Look(
        before=[row for row in rows if row.gone_at is None],
        after=found.discovery.interfaces,
        vlan_ids=found.vlan_ids,
        restarted=last is None or booted_at > last,
        by_api=found.by_api,
    )


def _changed(
    pairs: Sequence[tuple[Interface, str]],
    by_name: Mapping[str, Interface],
    new: Sequence[Interface],
    gone: Sequence[Interface],
    returned: Collection[str],
    moved: Sequence[tuple[Interface, int]],
) -> changes.Found:
    """What is a rename is not told again as gone and new."""
    old_pks, new_names = {row.pk for row, _ in pairs}, {name for _, name in pairs}
    return changes.Found(
        new=[row for row in new if row.name not in new_names],
        gone=[row for row in gone if row.pk not in old_pks],
        back=[by_name[name] for name in by_name if name in returned and name not in new_names],
        renamed=[(row, by_name[name]) for row, name in pairs],
        moved=moved,
    )


def _diff(changed: changes.Found, *, total: int) -> DiscoveryDiff:
    return DiscoveryDiff(
        new=[row.name for row in changed.new],
        gone=[row.name for row in changed.gone],
        back=[row.name for row in changed.back],
        renumbered=[row.name for row, _ in changed.moved],
        renamed=[(old.name, new.name) for old, new in changed.renamed],
        total=total,
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


def _booted_at(found: Found) -> datetime:
    told = found.discovery
    return datetime.fromtimestamp(told.taken_at - told.uptime_ticks / 100, UTC)


def _facts(router: Router, found: Found) -> None:
    """What the router said it is. What only SNMP tells stays where the API was asked."""
    told = found.discovery
    router.system_name = told.sys_name[:120]
    router.interface_count = told.if_number
    router.discovered_at = datetime.fromtimestamp(told.taken_at, UTC)
    router.booted_at = _booted_at(found)
    facts = {"vendor": told.vendor, "os_name": told.os, "board": told.model}
    facts |= {"sys_descr": told.sys_descr, "sys_object_id": told.sys_object_id}
    facts |= {"os_version": told.os_version}
    if found.board or found.os_version:
        facts |= {"board": found.board, "os_version": found.os_version}
    for name, value in facts.items():
        if value or not found.by_api:
            setattr(router, name, value[: LONGEST[name]])
    router.save(
        update_fields=[
            *("system_name", "interface_count", "discovered_at", "booted_at", "updated_at"),
            *facts,
        ]
    )
