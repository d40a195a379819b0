"""Fixtures that all tests share: the people, the clock, private servers and a browser."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.test import Client, override_settings
from django.test.client import ClientHandler
from hypothesis import settings

from tests.harness import environment, processes
from tests.harness import snmpd as net_snmp
from tests.harness.counts import (  # noqa: F401 - hooks, which pytest finds by their names
    pytest_collection_modifyitems,
    pytest_report_header,
    pytest_terminal_summary,
)

if TYPE_CHECKING:
    from pytest_django import DjangoDbBlocker
    from selenium import webdriver

    from ispcore.accounts.models import Account, Tenant
    from tests.harness.databases import Servers

settings.register_profile("beside others", deadline=None)
settings.load_profile("beside others")

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def _cheap_settings() -> Iterator[None]:
    """Argon2 is slow on purpose; here a password is only ever hashed to log somebody in. And each
    browser (`Client`) would have all static files listed for itself."""
    with override_settings(
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        WHITENOISE_AUTOREFRESH=True,
    ):
        yield


@pytest.fixture(scope="session", autouse=True)
def _requests_are_made_as_the_web_makes_them() -> Iterator[None]:
    """On PostgreSQL in the role of web processes, which is bound by policies; tests are not."""
    from ispcore.base.rls import identity

    answer = ClientHandler.get_response

    def in_role(self: ClientHandler, request: HttpRequest) -> HttpResponseBase:
        with identity.in_role(identity.APP), identity.acting_as(identity.NOBODY):
            return answer(self, request)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ClientHandler, "get_response", in_role)
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
) -> None:
    """SQLite tests use files, as the portal does: in memory, locking would be another."""
    from django.db import connections

    for alias in connections:
        connection = connections[alias]
        if connection.vendor == "sqlite":
            file = environment.var_dir() / f"test-{alias}.sqlite3"
            connection.settings_dict["TEST"]["NAME"] = str(file)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: "DjangoDbBlocker") -> Iterator[None]:
    """What real transactions wrote is taken away after a test; what migrations wrote is left."""
    from django.test import TransactionTestCase

    from tests.harness import emptying

    with django_db_blocker.unblock():
        bring_back = emptying.remember()

    def teardown(case: TransactionTestCase) -> None:
        bring_back()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TransactionTestCase, "_fixture_teardown", teardown)
        yield


@pytest.fixture(autouse=True)
def _roles(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test reads once what roles may and have to do, whatever the time it takes; what it changes
    of it ends with it."""
    from ispcore.accounts import matrix, policies, scope
    from ispcore.base import remembered

    monkeypatch.setattr(remembered, "FRESH_S", 3600.0)
    yield
    matrix.forget()
    policies.forget()
    scope.forget_narrowed()


@pytest.fixture(autouse=True)
def _nothing_told_yet() -> None:
    """What a process keeps quiet, since it told of it within the minute."""
    from ispcore.accounts import security

    security.counts.clear()


# ---- people: noc may, reseller_dhaka owns, reseller_ctg must not see


def _account(username: str, role: str, tenant: "Tenant | None" = None) -> "Account":
    from ispcore.accounts.models import Account

    return Account.objects.create_user(
        username, password=f"{username}-password", role=role, tenant=tenant
    )


def _tenant(name: str) -> "Tenant":
    from ispcore.accounts.models import Tenant

    return Tenant.objects.create(name=name)


@pytest.fixture
def tenant_dhaka(db: None) -> "Tenant":
    return _tenant("Dhaka Fibre")


@pytest.fixture
def tenant_ctg(db: None) -> "Tenant":
    return _tenant("Chattogram Net")


@pytest.fixture
def super_user(db: None) -> "Account":
    return _account("super", "super_user")


@pytest.fixture
def admin_account(db: None) -> "Account":
    """An administrator: edits routers and accounts too."""
    return _account("admin", "admin")


@pytest.fixture
def noc(db: None) -> "Account":
    """An operator in the network operations centre."""
    return _account("noc", "operator")


@pytest.fixture
def viewer(db: None) -> "Account":
    """Staff who may look and not touch."""
    return _account("viewer", "viewer")


@pytest.fixture
def reseller_dhaka(tenant_dhaka: "Tenant") -> "Account":
    """A client: the person of tenant_dhaka, who sees that tenant's rows only."""
    return _account("reseller_dhaka", "client", tenant_dhaka)


@pytest.fixture
def reseller_ctg(tenant_ctg: "Tenant") -> "Account":
    """A client of another tenant, who must not see reseller_dhaka's rows."""
    return _account("reseller_ctg", "client", tenant_ctg)


@pytest.fixture
def client_for() -> Callable[["Account"], Client]:
    """client_for(account) is a browser of that person, logged in."""

    def log_in(account: "Account") -> Client:
        client = Client()
        client.force_login(account)
        return client

    return log_in


# ---- time and ports


@pytest.fixture
def frozen_clock() -> Iterator[Callable[[datetime], None]]:
    """The portal's clock stands at NOON; frozen_clock(at) moves it."""
    import contextlib

    from ispcore.base import clock

    with contextlib.ExitStack() as stopped:

        def stand_at(at: datetime) -> None:
            stopped.enter_context(clock.frozen(at))

        stand_at(NOON)
        yield stand_at


@pytest.fixture
def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    return processes.free_port()


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """What one test's rows made a page remember is nothing to the next."""
    from django.core.cache import caches

    caches["process"].clear()


# ---- private servers


@pytest.fixture(scope="session")
def database_servers() -> "Servers":
    """The private PostgreSQL and MariaDB of this run."""
    return environment.servers()


@pytest.fixture
def fresh_databases(database_servers: "Servers") -> dict[str, str]:
    """DATABASE_URL and RADIUS_DATABASE_URL of two new empty databases, for processes of ours."""
    name = f"fresh_{next(_numbers)}"
    return {
        "DATABASE_URL": database_servers.postgresql.create(name),
        "RADIUS_DATABASE_URL": database_servers.mariadb.create(name),
    }


@pytest.fixture(scope="session")
def snmpd() -> Iterator[net_snmp.Agent]:
    """Debian's net-snmp agent on a port of its own, v2c and v3."""
    agent, running = net_snmp.start()
    yield agent
    net_snmp.stop(agent, running)


@pytest.fixture
def chromium() -> Iterator["webdriver.Chrome"]:
    """A headless Chromium, 1280 wide. For other sizes: tests.harness.browser.chromium()."""
    from tests.harness import browser

    with browser.chromium() as driver:
        yield driver


@pytest.fixture(scope="session")
def project() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parent.parent
