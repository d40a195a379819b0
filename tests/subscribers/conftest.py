"""Packages of a tenant and subscribers on them, provisioned in both databases."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from ispcore.accounts.models import Account, Tenant
from ispcore.base.audit import Actor
from ispcore.base.models import AuditEntry
from ispcore.base.unit_of_work import steps
from radius.models import Check, GroupCheck, GroupReply, Reply, UserGroup
from subscribers.models import Package, Service, Subscriber
from subscribers.operations import packages, subscribers

BY = Actor("noc")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
M = 1_000_000
Clock = Callable[[datetime], None]
Make = Callable[..., Subscriber]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/subscribers/" in item.nodeid:
            marked = item.get_closest_marker("django_db")
            real = bool(marked and marked.kwargs.get("transaction"))
            both = pytest.mark.django_db(transaction=real, databases=["default", "radius"])
            item.add_marker(both, append=False)


@pytest.fixture
def noon(frozen_clock: Clock) -> Clock:
    """The clock stands at noon; noon(at) moves it."""
    frozen_clock(NOON)
    return frozen_clock


def a_package(tenant: Tenant, name: str = "Home 20", **given: Any) -> Package:
    """A package that is not stored: 20 Mbps down, 10 up."""
    given = {"down_bps": 20 * M, "up_bps": 10 * M} | given
    return Package(tenant=tenant, name=name, **given)


@pytest.fixture
def home(tenant_dhaka: Tenant) -> Package:
    """PPPoE of Dhaka Fibre, for a calendar month."""
    return packages.create(a_package(tenant_dhaka, ipv4_pool="home"), by=BY)


@pytest.fixture
def walled(tenant_dhaka: Tenant) -> Package:
    """Who is suspended or expired logs in all the same, into the walled garden."""
    slow: dict[str, Any] = {"walled_down_bps": 64_000, "walled_up_bps": 64_000}
    package = a_package(tenant_dhaka, when_blocked="walled", walled_list="pay-here", **slow)
    return packages.create(package, by=BY)


@pytest.fixture
def hotspot(tenant_dhaka: Tenant) -> Package:
    """Of Dhaka Fibre, for a day."""
    made = a_package(
        tenant_dhaka, "Day pass", service=Service.HOTSPOT, validity="days", validity_days=1
    )
    return packages.create(made, by=BY)


def a_subscriber(package: Package, username: str = "rahim", **given: Any) -> Subscriber:
    """A subscriber that is not stored."""
    given = {"radius_password": "let-me-in"} | given
    return Subscriber(
        tenant=package.tenant,
        package=package,
        service=package.service,
        username=username,
        **given,
    )


def made(package: Package, username: str = "rahim", **given: Any) -> Subscriber:
    return subscribers.create(a_subscriber(package, username, **given), by=BY)


@pytest.fixture
def rahim(home: Package) -> Subscriber:
    return made(home)


def checks(username: str) -> dict[str, str]:
    """What radcheck has of a username."""
    rows = Check.objects.filter(username=username).order_by("id")
    return dict(rows.values_list("attribute", "value"))


def replies(username: str) -> dict[str, str]:
    rows = Reply.objects.filter(username=username).order_by("id")
    return dict(rows.values_list("attribute", "value"))


def by_hand(username: str) -> None:
    """Somebody's line, of which the portal does not know."""
    Check.objects.create(username=username, attribute="Cleartext-Password", op=":=", value="his")
    UserGroup.objects.create(username=username, group="vip")


def groups(username: str) -> list[str]:
    return list(UserGroup.objects.filter(username=username).values_list("group", flat=True))


def group_rows(package: Package) -> dict[str, str]:
    """All that stands in the package's group."""
    found: dict[str, str] = {}
    for model in (GroupCheck, GroupReply):
        rows = model.objects.filter(group=f"pkg-{package.pk}").order_by("id")
        found |= dict(rows.values_list("attribute", "value"))
    return found


def epoch(at: datetime) -> str:
    return str(int(at.timestamp()))


def actions() -> list[str]:
    """Of the audit log, in order."""
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def again(subscriber: Subscriber) -> Subscriber:
    """As it is stored now."""
    return Subscriber.objects.get(pk=subscriber.pk)


def all_rows() -> list[list[tuple[Any, ...]]]:
    """Every row of every attribute table, keys left out."""
    return [
        sorted(model.objects.values_list("username", "attribute", "op", "value"))
        for model in (Check, Reply)
    ] + [
        sorted(model.objects.values_list("group", "attribute", "op", "value"))
        for model in (GroupCheck, GroupReply)
    ]


@pytest.fixture
def browser(admin_account: Account, client_for: Callable[[Account], Client]) -> Client:
    return client_for(admin_account)


@pytest.fixture
def as_noc(noc: Account, client_for: Callable[[Account], Client]) -> Client:
    return client_for(noc)


@pytest.fixture
def as_viewer(viewer: Account, client_for: Callable[[Account], Client]) -> Client:
    return client_for(viewer)


@pytest.fixture
def fail_at() -> Iterator[Callable[[str], None]]:
    yield lambda step: steps.stop_at(f"fail:{step}")
    steps.stop_at("")


@pytest.fixture
def radius_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """The file of the embedded database, or the server's port, is not there."""
    connection = connections["radius"]
    settings = dict(connection.settings_dict)

    def go() -> None:
        connection.close()
        if connection.vendor == "sqlite":
            connection.settings_dict["NAME"] = "/nowhere/radius.sqlite3"
        else:
            connection.settings_dict["PORT"] = "1"

    yield go
    connection.close()
    connection.settings_dict.update(settings)
