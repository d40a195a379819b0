"""Every kind of operation that provisions, as a case of the crash matrix makes it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from django.db import OperationalError, connections

from ispcore.accounts.models import Tenant
from ispcore.base import clock
from ispcore.base.audit import Actor
from radius.models import Nas
from radius.operations import nas
from radius.operations.nas import Client
from routers.operations import radius_clients
from routers.queries import radius_clients as clients_at
from subscribers.models import Package, Subscriber
from subscribers.operations import (
    binding,
    imports,
    packages,
    passwords,
    periods,
    statuses,
    subscribers,
)

BY = Actor("crash matrix")
M = 1_000_000
PASSWORD, ANOTHER = "let-me-in", "another-one"
MAC = "AA:BB:CC:00:11:22"
IMPORTED, MEMBERS = 40, 5
SECRET, ANOTHER_SECRET = "a-secret-of-a-router", "another-secret-of-a-router"


PATIENCE_S = 90
T = TypeVar("T")


def patiently(ask: Callable[[], T]) -> T:
    """Ask until the databases answer and nobody holds the locks: what must succeed in a case."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except OperationalError:
            if time.monotonic() > until:
                raise
            connections.close_all()
            time.sleep(0.1)


@dataclass(slots=True)
class Case:
    """One operation on what nobody else touches; `key` (a letter and a number) makes its names."""

    kind: str
    key: str
    names: list[str] = field(default_factory=list)
    """Everybody who is concerned, also by names that may come to be or go."""
    addresses: list[str] = field(default_factory=list)
    """Of RADIUS clients; this machine's own, so that it can ask as each of them."""

    def prepare(self) -> None:
        """What is there before."""
        KINDS[self.kind].prepare(self)

    def act(self) -> None:
        """The operation."""
        KINDS[self.kind].act(self)

    def truth(self) -> list[tuple[Any, ...]]:
        """What the portal says of all concerned."""
        lines = Subscriber.objects.filter(username_key__in=self.names).order_by("username_key")
        rows = list(lines.values_list(*_LINE))
        terms = Package.objects.filter(name=self.key)
        rows += list(terms.values_list("name", "down_bps", "device_limit"))
        return rows + [(client.address, client.secret) for client in self.clients()]

    def clients(self) -> list[Client]:
        """What the portal says of the addresses; of one that it does not know, what somebody else
        has entered there."""
        known = {client.address: client for client in clients_at(self.addresses)}
        found = (known.get(each) or nas.made_by_hand(each) for each in self.addresses)
        return [client for client in found if client is not None]


_LINE = (
    *("username", "radius_password", "status", "package__name", "expires_at", "mac"),
    *("device_limit", "account_number"),
)


@dataclass(frozen=True, slots=True)
class Kind:
    prepare: Callable[[Case], None]
    act: Callable[[Case], object]


def tenant() -> Tenant:
    return Tenant.objects.get(name="Crash")


def a_package(name: str, **given: Any) -> Package:
    wanted = {"down_bps": 20 * M, "up_bps": 10 * M, "device_limit": 2} | given
    return packages.create(Package(tenant=tenant(), name=name, **wanted), by=BY)


def package_named(name: str = "Home 20") -> Package:
    return Package.objects.get(name=name)


def a_subscriber(name: str, package: Package, **given: Any) -> Subscriber:
    return subscribers.create(
        Subscriber(
            tenant=package.tenant,
            package=package,
            service=package.service,
            username=name,
            radius_password=PASSWORD,
            **given,
        ),
        by=BY,
    )


def a_client(address: str, secret: str) -> None:
    radius_clients.put(Client(address, f"at {address}", secret), by=BY)


def _there(name: str, package: Package) -> Subscriber:
    """A subscriber that a case begins with."""
    return patiently(lambda: a_subscriber(name, package))


def _nothing(case: Case) -> None:
    """A package that is to come has no subscribers."""


def _nobody(case: Case) -> None:
    case.names = [case.key]


def _one(case: Case) -> None:
    _there(case.key, package_named())
    case.names = [case.key]


def _one_suspended(case: Case) -> None:
    _one(case)
    patiently(lambda: statuses.suspend(_found(case), by=BY))


def _one_bound(case: Case) -> None:
    _one(case)
    patiently(lambda: binding.bind_mac(_found(case), mac=MAC, by=BY))


def _one_with_another_name(case: Case) -> None:
    _one(case)
    case.names.append(f"{case.key}-new")


def _many_names(case: Case) -> None:
    case.names = [f"{case.key}-{number}" for number in range(IMPORTED)]


def _one_that_ran_out(case: Case) -> None:
    """Active still, since the job has not come by."""
    end = clock.now()
    with clock.frozen(end - timedelta(minutes=1)):
        patiently(lambda: a_subscriber(case.key, package_named(), expires_at=end))
    case.names = [case.key]


def _package(case: Case) -> None:
    patiently(lambda: a_package(case.key))


def _package_with(service: str) -> Callable[[Case], None]:
    def prepare(case: Case) -> None:
        package = patiently(lambda: a_package(case.key, service=service))
        case.names = [f"{case.key}-{number}" for number in range(MEMBERS)]
        for name in case.names:
            _there(name, package)

    return prepare


def _no_client(case: Case) -> None:
    number = int(case.key[1:])
    case.addresses = [f"127.66.{number // 250}.{number % 250 + 1}"]


def _client(case: Case) -> None:
    _no_client(case)
    patiently(lambda: a_client(case.addresses[0], SECRET))


def _client_by_hand(case: Case) -> None:
    """As an existing FreeRADIUS has it."""
    _no_client(case)
    patiently(lambda: Nas.objects.create(address=case.addresses[0], secret=SECRET))


def _found(case: Case) -> Subscriber:
    return Subscriber.objects.get(username_key=case.key)


def _edit_package(case: Case) -> None:
    changes = {"down_bps": 33 * M, "device_limit": 3}
    packages.edit(package_named(case.key), changes=changes, by=BY)


def _edit_rate(case: Case) -> None:
    packages.edit(package_named(case.key), changes={"down_bps": 44 * M}, by=BY)


def _edit_networks(case: Case) -> None:
    changes = {"ipv4_networks": "100.64.0.0/10", "down_bps": 55 * M}
    packages.edit(package_named(case.key), changes=changes, by=BY)


def _import(case: Case) -> None:
    lines = ["username,package,password"]
    lines += [f"{name},Home 20,{PASSWORD}" for name in case.names]
    for _ in imports.apply(imports.plan(tenant(), lines), by=BY):
        """One unit."""


KINDS: dict[str, Kind] = {
    "create": Kind(_nobody, lambda case: a_subscriber(case.key, package_named())),
    "edit": Kind(
        _one, lambda case: subscribers.edit(_found(case), changes={"device_limit": 4}, by=BY)
    ),
    "rename": Kind(
        _one_with_another_name,
        lambda case: subscribers.rename(_found(case), username=case.names[1], by=BY),
    ),
    "change package": Kind(
        _one,
        lambda case: periods.change_package(_found(case), package=package_named("Home 80"), by=BY),
    ),
    "renew": Kind(_one, lambda case: periods.renew(_found(case), by=BY)),
    "suspend": Kind(_one, lambda case: statuses.suspend(_found(case), by=BY)),
    "resume": Kind(_one_suspended, lambda case: statuses.resume(_found(case), by=BY)),
    "change password": Kind(
        _one, lambda case: passwords.change_password(_found(case), password=ANOTHER, by=BY)
    ),
    "bind MAC": Kind(_one, lambda case: binding.bind_mac(_found(case), mac=MAC, by=BY)),
    "unbind MAC": Kind(_one_bound, lambda case: binding.unbind_mac(_found(case), by=BY)),
    "expire": Kind(_one_that_ran_out, lambda case: statuses.expire_due(by=BY)),
    "delete": Kind(_one, lambda case: subscribers.delete(_found(case), by=BY)),
    "create package": Kind(_nothing, lambda case: a_package(case.key)),
    "delete package": Kind(_package, lambda case: packages.delete(package_named(case.key), by=BY)),
    "edit package (group rows)": Kind(_package_with("pppoe"), _edit_rate),
    "edit package (networks)": Kind(_package_with("pppoe"), _edit_networks),
    "edit package (own rows)": Kind(_package_with("hotspot"), _edit_package),
    "import": Kind(_many_names, _import),
    "enter RADIUS client": Kind(_no_client, lambda case: a_client(case.addresses[0], SECRET)),
    "change RADIUS client": Kind(_client, lambda case: a_client(case.addresses[0], ANOTHER_SECRET)),
    "take over RADIUS client": Kind(
        _client_by_hand, lambda case: a_client(case.addresses[0], ANOTHER_SECRET)
    ),
    "remove RADIUS client": Kind(
        _client, lambda case: radius_clients.remove(case.addresses[0], by=BY)
    ),
}
NAMES: Sequence[str] = tuple(KINDS)
