"""Two tenants with a row in every table of theirs, and plain SQL in the role of the web."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction

from ispcore.base import audit
from ispcore.base.rls import identity
from ispcore.base.rls.identity import Source
from tests.accounts.test_scope import fill
from tests.harness.environment import VENDOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ispcore.accounts.models import Account

BY = audit.Actor("test")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skipped = pytest.mark.skip(reason="row-level security is PostgreSQL's")
    for item in items:
        if "tests/rls/" in item.nodeid and VENDOR != "postgresql":
            item.add_marker(skipped)


@dataclass(frozen=True, slots=True)
class Isp:
    """Two tenants' people, each with rows of every kind, and one of staff."""

    dhaka: "Account"
    ctg: "Account"
    noc: "Account"

    @property
    def tenant(self) -> int:
        assert self.dhaka.tenant_id is not None
        return self.dhaka.tenant_id

    @property
    def other(self) -> int:
        assert self.ctg.tenant_id is not None
        return self.ctg.tenant_id


@pytest.fixture
def isp(reseller_dhaka: "Account", reseller_ctg: "Account", noc: "Account") -> Isp:
    from django.contrib.admin.models import LogEntry
    from django.contrib.contenttypes.models import ContentType

    for number, account in enumerate((reseller_dhaka, reseller_ctg), start=1):
        fill(account, number)
        fill_logins(account)
        with transaction.atomic():
            audit.record("change", account, by=BY, tenant_id=account.tenant_id)
        LogEntry.objects.create(
            user_id=account.pk,
            content_type=ContentType.objects.get_for_model(account),
            object_id="1",
            object_repr="x",
            action_flag=2,
        )
    return Isp(reseller_dhaka, reseller_ctg, noc)


def fill_logins(account: "Account") -> None:
    """A row of everything that the portal remembers about one person's logins."""
    from allauth.account.models import EmailAddress
    from allauth.mfa.models import Authenticator
    from allauth.usersessions.models import UserSession

    from ispcore.accounts.models import ApiLogin, ApiToken, KnownNetwork
    from ispcore.base import clock

    name = account.username
    EmailAddress.objects.create(user=account, email=f"{name}@example.com")
    Authenticator.objects.create(user=account, type="recovery_codes", data={})
    UserSession.objects.create(user=account, ip="192.0.2.1", session_key=name, data={})
    KnownNetwork.objects.create(account=account, network="192.0.2.1")
    ApiLogin.objects.create(account=account, jti="x", password_mark="x", expires_at=clock.now())
    ApiToken.objects.create(account=account, name="x", digest=name, expires_at=clock.now())


Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Sql:
    """Plain SQL on the test's connection, in a role and sight of one's choice."""

    role: str

    def rows(self, query: str, values: Any = None, *, sees: Source) -> Rows:
        with self._acting(sees), connection.cursor() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall())

    def count(self, query: str, values: Any = None, *, sees: Source) -> int:
        """How many rows a statement touched."""
        with self._acting(sees), connection.cursor() as cursor:
            cursor.execute(query, values)
            return int(cursor.rowcount)

    @contextmanager
    def _acting(self, sees: Source) -> "Iterator[None]":
        with ExitStack() as stack:
            stack.enter_context(identity.in_role(self.role))
            stack.enter_context(identity.acting_as(sees))
            stack.enter_context(transaction.atomic())
            yield


@pytest.fixture
def web() -> Sql:
    """Plain SQL as web processes make it; asserts that their role is bound by policies."""
    sql = Sql(identity.APP)
    query = "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    assert sql.rows(query, sees=identity.NOBODY) == [(identity.APP, False, False)]
    return sql


@pytest.fixture
def worker() -> Sql:
    """Plain SQL as jobs make it: all rows, whatever is said."""
    return Sql(identity.WORKER)


Acting = Callable[[], AbstractContextManager[None]]
