"""Compares FreeRADIUS' tables with what the portal says, by digest, and mends what differs.

A plan is made first, and holds names only; nothing changes until it is applied. Rows under names
or addresses that the portal does not know were made by hand, or are left of what a restored database
has forgotten: they are listed, and never touched.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from django.db.models import Model, QuerySet

from ispcore.accounts.models import Tenant
from ispcore.accounts.roles import May
from ispcore.base import audit, faults, unit_of_work
from ispcore.base.audit import Actor
from ispcore.base.rls import identity
from ispcore.base.secrets import SecretUnreadable
from ispcore.base.unit_of_work import NotProvisioned, Scope
from radius import rows as radius_rows
from radius.models import Accounting
from radius.operations import nas
from radius.rows import CheckRow, ReplyRow, normalised
from routers.models import RadiusClient, Router
from routers.queries import readable_clients
from subscribers import projection, projector, queries
from subscribers.models import Package, Subscriber
from subscribers.operations import units
from subscribers.projection import Line, Terms
from subscribers.projector import PACKAGE, SUBSCRIBER

ACTION = "reconcile RADIUS"
SURE_PERCENT, FEW = 30, 10
MISSING, DIFFERS = "missing", "differs"
MOST_FOREIGN = 1_000
# what one may change whose rows these are: of usernames, of packages' groups, of RADIUS clients
WRITES = (May.EDIT_SUBSCRIBERS, May.EDIT_PACKAGES, May.EDIT_ROUTERS)


class TooMuchChange(Exception):
    """The plan would change so much that something else must be wrong; nothing was changed."""


class PartlyApplied(Exception):
    """A unit of the plan was refused; those before it stand."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What is compared: everything, or what is named."""

    tenant: Tenant | None = None
    router: Router | None = None
    username: str = ""

    @property
    def is_everything(self) -> bool:
        return self == Extent()

    @property
    def words(self) -> str:
        """ "tenant Dhaka Fibre"."""
        named = (("tenant", self.tenant), ("router", self.router), ("username", self.username))
        return ", ".join(f"{kind} {name}" for kind, name in named if name) or "everything"


@dataclass(slots=True)
class Plan:
    """What differs: of usernames, packages and addresses of clients, "missing" or "differs"."""

    extent: Extent
    compared: int = 0
    usernames: dict[str, str] = field(default_factory=dict)
    packages: dict[Package, str] = field(default_factory=dict)
    clients: dict[str, str] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)
    """Up to MOST_FOREIGN users, groups and clients that the portal does not know."""
    foreign_count: int = 0
    in_doubt: list[str] = field(default_factory=list)
    """Those whose unit of work is between its two commits: whether they are ours is being decided."""
    unreadable: list[str] = field(default_factory=list)
    """Whose password no key opens: they are compared with a refusal."""
    unreadable_clients: list[str] = field(default_factory=list)
    """Addresses of clients whose secret no key opens: their rows are not compared, and left."""

    @property
    def differing(self) -> int:
        return len(self.usernames) + len(self.packages) + len(self.clients)

    @property
    def needs(self) -> list[May]:
        """What one may change who puts all of it right."""
        rights = zip(WRITES, (self.usernames, self.packages, self.clients), strict=True)
        return [capability for capability, differing in rights if differing]

    @property
    def is_too_much(self) -> bool:
        is_many = self.differing * 100 > self.compared * SURE_PERCENT
        return self.compared >= FEW and is_many


class _Clients(NamedTuple):
    """What was found of the clients at some addresses."""

    known: int
    differing: dict[str, str]
    unreadable: list[str]
    strangers: set[str]


class _Unit(NamedTuple):
    """A unit of work that puts right its scope; `record` writes the entry, since truth stays."""

    what: str
    scope: Scope
    record: Callable[[], object]
    model: type[Model]


@identity.acting_for_all()
def plan(extent: Extent) -> Plan:
    """Compare; changes nothing. Some statements for each 2,000 subscribers, and memory for their
    names. What is provisioned meanwhile may seem to differ: that is asked once more at the end.
    Raises SecretUnreadable where so many passwords cannot be read that the key is missing."""
    made = Plan(extent)
    _compare_packages(made)
    known = _compare_usernames(made)
    foreign = _foreign(made, known) if extent.is_everything or extent.username else set()
    if extent.is_everything or extent.router:
        foreign |= _compare_clients(made)
    made.in_doubt.sort()
    made.foreign_count = len(foreign)
    made.foreign = sorted(foreign)[:MOST_FOREIGN]
    _ask_again(made)
    return made


def is_of_nobody(made: Plan) -> bool:
    """A name that neither of the two databases has: a slip of the pen, and no agreement."""
    name = made.extent.username
    if not name or made.differing or made.foreign_count or made.in_doubt:
        return False
    return not queries.named([normalised(name)]).exists()


def apply(made: Plan, *, by: Actor, force: bool = False, reason: str = "") -> int:
    """Project again what differs, in units of about 2,000; returns how many.

    Who may change what differs may put it right: subscribers, packages, RADIUS clients with their
    secrets. Raises TooMuchChange, NotYours; PartlyApplied where the first units stand.
    """
    for capability in made.needs:
        units.allow(by, capability)
    if made.is_too_much and not force:
        raise TooMuchChange(
            f"{made.differing} of {made.compared} differ, more than {SURE_PERCENT} %: is this the "
            f"right database? {faults.UNCHANGED}"
        )
    done = 0
    for unit in _units(made, by, reason):
        try:
            units.run(unit.what, unit.scope, unit.record, model=unit.model, bulk=True)
        except (NotProvisioned, SecretUnreadable) as error:
            if not done:
                raise
            raise PartlyApplied(
                f"{done} of {made.differing} are put right, and stay so. Of the next: {error}"
            ) from error
        done += len(unit.scope.keys)
    return done


def _units(made: Plan, by: Actor, reason: str) -> Iterator[_Unit]:
    words = made.extent.words
    if rows := list(made.packages):
        yield _Unit(
            "reconcile packages",
            Scope(PACKAGE, tuple(str(package.pk) for package in rows)),
            partial(audit.record_batch, ACTION, rows, by=by, scope=words, reason=reason),
            Package,
        )
    for addresses in queries.in_pieces(sorted(made.clients)):
        yield _Unit(
            f"reconcile {len(addresses)} RADIUS clients",
            Scope(nas.SCOPE, tuple(addresses)),
            partial(_record_clients, addresses, by, words, reason),
            RadiusClient,
        )
    for keys in queries.in_pieces(sorted(made.usernames)):
        yield _Unit(
            f"reconcile {len(keys)} subscribers",
            units.usernames(*keys),
            partial(_record, keys, by, words, reason),
            Subscriber,
        )


def _record(keys: Sequence[str], by: Actor, words: str, reason: str) -> None:
    rows = queries.named(keys).defer("radius_password")
    audit.record_batch(ACTION, rows, by=by, scope=words, reason=reason)


def _record_clients(addresses: Sequence[str], by: Actor, words: str, reason: str) -> None:
    rows = RadiusClient.objects.filter(address__in=addresses).defer("secret")
    audit.record_batch(ACTION, rows, by=by, scope=words, reason=reason)


def _compare_packages(made: Plan) -> None:
    packages = list(_packages(made.extent))
    made.packages = _judged_packages(packages)
    made.compared += len(packages)


def _judged_packages(rows: Iterable[Package]) -> dict[Package, str]:
    """What differs of these, as they are read now."""
    packages = {projection.group_of(each.pk): each for each in rows}
    found = dict(radius_rows.group_digests(packages))
    differing = {}
    for group, package in packages.items():
        wanted = projection.of_package(queries.terms_of(package))
        checks = [CheckRow(group, *row) for row in wanted.checks]
        replies = [ReplyRow(group, *row) for row in wanted.replies]
        digest = radius_rows.digest(checks, replies, ()) if checks or replies else None
        if found.get(group) != digest:
            differing[package] = DIFFERS if group in found else MISSING
    return differing


def _compare_clients(made: Plan) -> set[str]:
    """Returns those that the portal does not know."""
    router = made.extent.router
    judged = _judged_clients([router.address] if router else None)
    made.compared += judged.known
    made.clients, made.unreadable_clients = judged.differing, judged.unreadable
    if not judged.strangers:
        return set()
    doubted = _names_in_doubt()
    # one that was made or removed meanwhile is none
    strangers = _judged_clients(sorted(judged.strangers)).strangers
    return _without(doubted, {f"RADIUS client {address}" for address in strangers}, made)


def _judged_clients(addresses: Sequence[str] | None) -> _Clients:
    """Of these addresses, or of all."""
    readable, unreadable = readable_clients(addresses)
    known = {client.address: client for client in readable}
    found = nas.present(addresses)
    differing = {
        address: DIFFERS if address in found else MISSING
        for address, client in known.items()
        if found.get(address) != [client]
    }
    return _Clients(len(known), differing, unreadable, set(found) - set(known) - set(unreadable))


def _compare_usernames(made: Plan) -> set[str]:
    """Returns all names that the portal knows of this extent."""
    known: set[str] = set()
    for page in queries.in_pages(_subscribers(made.extent)):
        known.update(key for key, _, _ in page)
        made.unreadable += [key for key, line, _ in page if line.password is None]
        made.usernames.update(_differing(page))
        made.compared += len(page)
    return known


def _differing(page: Sequence[tuple[str, Line, Terms]]) -> Iterator[tuple[str, str]]:
    """All together first: where their digest is as it should be, nobody is looked at alone."""
    keys = [key for key, _, _ in page]
    if radius_rows.digest_of(keys) == radius_rows.digest(*projector.rows_of(page)):
        return
    found = dict(radius_rows.digests(keys))
    for each in page:
        if found.get(each[0]) != radius_rows.digest(*projector.rows_of([each])):
            yield each[0], DIFFERS if each[0] in found else MISSING


def _ask_again(made: Plan) -> None:
    """The two databases are read one after the other: what somebody changed in between is not
    what we look for."""
    if made.packages:
        again = _all_packages().filter(pk__in=[package.pk for package in made.packages])
        made.packages = _judged_packages(again)
    if made.clients:
        still_clients = _judged_clients(list(made.clients)).differing
        made.clients = {a: word for a, word in made.clients.items() if a in still_clients}
    for keys in queries.in_pieces(sorted(made.usernames)):
        still = dict(_differing(queries.lines(queries.named(keys))))
        for key in keys:
            if key not in still:
                del made.usernames[key]


def _foreign(made: Plan, known: set[str]) -> set[str]:
    """Users and groups that the portal does not know, also after FreeRADIUS' database was read: who
    was made meanwhile is none of them."""
    groups: set[str] = set()
    if made.extent.username:
        key = normalised(made.extent.username)
        foreign = {key} - known if dict(radius_rows.digests([key])) else set()
    else:
        foreign = _strangers(radius_rows.names(), known)
        groups = set(radius_rows.group_names())
    doubted = _names_in_doubt()
    for keys in queries.in_pieces(sorted(foreign)):
        foreign.difference_update(queries.named(keys).values_list("username_key", flat=True))
    groups -= {projection.group_of(pk) for pk in _all_packages().values_list("pk", flat=True)}
    return _without(doubted, foreign | {f"group {name}" for name in groups}, made)


def _names_in_doubt() -> set[str]:
    """Of units between their two commits, as strangers are called. To be asked after FreeRADIUS,
    which has committed them, and before the portal, which then knows those that stand."""
    found: set[str] = set()
    for unit in unit_of_work.doubted():
        kind, keys = unit.scope.kind, unit.scope.keys
        if kind == SUBSCRIBER:
            found.update(keys)
        elif kind == nas.SCOPE:
            found.update(f"RADIUS client {address}" for address in keys)
        else:
            found.update(f"group {projection.group_of(int(key))}" for key in keys)
    return found


def _without(doubted: set[str], strangers: set[str], made: Plan) -> set[str]:
    """Strangers of whom it is decided that they are; the others are noted."""
    made.in_doubt += strangers & doubted
    return strangers - doubted


def _strangers(names: Iterable[str], known: set[str]) -> set[str]:
    """Known names stand there as they are, most of them."""
    return {normalised(name) for name in names if name not in known} - known


def _packages(extent: Extent) -> "QuerySet[Package]":
    if extent.username or extent.router:
        return Package.objects.filter(subscribers__in=_subscribers(extent)).distinct()
    rows = _all_packages()
    return rows.filter(tenant=extent.tenant) if extent.tenant else rows


def _all_packages() -> "QuerySet[Package]":
    return Package.objects.order_by("pk")


def _subscribers(extent: Extent) -> "QuerySet[Subscriber]":
    rows = Subscriber.objects.all()
    if extent.tenant:
        rows = rows.filter(tenant=extent.tenant)
    if extent.username:
        rows = rows.filter(username_key=normalised(extent.username))
    if extent.router:
        rows = rows.filter(username_key__in=_seen_on(extent.router))
    return rows


def _seen_on(router: Router) -> list[str]:
    """Who has or had sessions on a router."""
    sessions = Accounting.objects.filter(nas_address=nas.nas_column(router.address)).order_by()
    names = sessions.values_list("username", flat=True).distinct()
    return sorted({normalised(name) for name in names})


__all__ = ["Extent", "PartlyApplied", "Plan", "TooMuchChange", "apply", "plan"]
