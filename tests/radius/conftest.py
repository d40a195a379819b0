"""A FreeRADIUS over MariaDB, and one over SQLite, each with the portal's tables and one router."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import environ
import pytest
from django.core.management import call_command
from django.db import connections
from django.utils.module_loading import import_string

from ispcore import settings as portal
from radius import rows
from radius.models import Accounting, Nas, PostAuth
from radius.rows import CheckRow, GroupRow, ReplyRow
from tests.harness import environment
from tests.harness.freeradius import SECRET, Answer, FreeRADIUS

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "radius"
MAC = "00:1B:21:AA:BB:CC"
PASSWORD = "s3cret"
CLOSED = "mysql://nobody:none@127.0.0.1:1/radius"
Radius = Callable[..., AbstractContextManager[Any]]
_numbers = itertools.count(1)


def connect(url: str, **options: Any) -> Any:
    """The alias `radius` on this database, as settings would make it but for these OPTIONS."""
    settings = portal._database(dict(environ.Env.db_url_config(url)))
    settings["OPTIONS"] = settings.get("OPTIONS", {}) | options
    usual = connections["radius"].settings_dict | {"TIME_ZONE": None, "CONN_HEALTH_CHECKS": False}
    wrapper = import_string(f"{settings['ENGINE']}.base.DatabaseWrapper")
    return wrapper(usual | settings, "radius")


@contextmanager
def as_radius(url: str, **options: Any) -> Iterator[Any]:
    """The alias `radius` is this database meanwhile, as of `connect`."""
    before, connections["radius"] = connections["radius"], connect(url, **options)
    try:
        yield connections["radius"]
    finally:
        connections["radius"].close()
        connections["radius"] = before


@pytest.fixture
def radius(fresh_databases: dict[str, str], django_db_blocker: Any) -> Iterator[Radius]:
    """radius(**options) is the alias `radius` on a new MariaDB database; options differ."""
    with django_db_blocker.unblock():
        yield partial(as_radius, url=fresh_databases["RADIUS_DATABASE_URL"])


def execute(connection: Any, *statements: str) -> Any:
    """Returns the rows of the last one."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall()


@dataclass
class Site:
    """FreeRADIUS, its database (which the alias `radius` is meanwhile), and a router at 127.0.0.1."""

    server: FreeRADIUS
    url: str
    vendor: str
    connection: Any
    _names: Any = field(default_factory=lambda: itertools.count(1))

    def subscriber(
        self,
        *checks: tuple[str, str, str],
        password: str = PASSWORD,
        replies: tuple[tuple[str, str, str], ...] = (),
        groups: tuple[str, ...] = (),
        name: str = "",
    ) -> str:
        """A new username with these rows beside its password's; returns it."""
        name = name or f"line{next(self._names)}@ispcore"
        given = [("Cleartext-Password", ":=", password), *checks]
        rows.replace(
            [rows.normalised(name)],
            [CheckRow(name, *each) for each in given],
            [ReplyRow(name, *each) for each in replies],
            [GroupRow(name, each) for each in groups],
        )
        return name

    def login(self, name: str, *more: str, password: str = PASSWORD, how: str = "PAP") -> Answer:
        """One Access-Request; `how` is PAP, CHAP or MS-CHAP, `more` further attributes."""
        attribute = {"PAP": "User-Password", "CHAP": "CHAP-Password", "MS-CHAP": "MS-CHAP-Password"}
        quoted = password.replace("\\", "\\\\").replace('"', '\\"')
        return self.server.ask(
            "auth", f'User-Name = "{name}"', f'{attribute[how]} = "{quoted}"', *more
        )

    def account(self, name: str, status: str, session: str, *more: str, **kwargs: Any) -> Answer:
        """One Accounting-Request: status is Start, Interim-Update or Stop."""
        return self.server.ask(
            "acct",
            f'User-Name = "{name}"',
            f"Acct-Status-Type = {status}",
            f'Acct-Session-Id = "{session}"',
            *more,
            **kwargs,
        )

    def session(self, session: str) -> Accounting:
        return Accounting.objects.get(session_id=session)

    def last_reason(self, name: str) -> tuple[str, str | None]:
        """What the last answer to this username was, and why."""
        last = PostAuth.objects.filter(username=name).order_by("-id").first()
        assert last is not None
        return last.reply, last.reason


@pytest.fixture(scope="session", params=["mysql", "sqlite"])
def _site(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[Site]:
    name = f"freeradius_{next(_numbers)}"
    if request.param == "mysql":
        url = environment.servers().mariadb.create(name)
    else:
        url = f"sqlite:///{environment.var_dir() / name}.sqlite3"
    connection = connect(url)
    before, connections["radius"] = connections["radius"], connection
    with django_db_blocker.unblock():
        call_command("migrate", database="radius", verbosity=0)
    server = FreeRADIUS(url).start()
    connections["radius"] = before
    yield Site(server, url, request.param, connection)
    with django_db_blocker.unblock():
        connection.close()
    server.stop()


@pytest.fixture
def site(_site: Site, django_db_blocker: Any) -> Iterator[Site]:
    """Empty tables but for the router; the alias `radius` is the site's database."""
    before, connections["radius"] = connections["radius"], _site.connection
    with django_db_blocker.unblock():
        with _site.connection.cursor() as cursor:
            for table in ("radacct", "radpostauth", "radcheck", "radreply", "radusergroup", "nas"):
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608
        for address in ("127.0.0.1", "::1"):
            Nas.objects.create(address=address, secret=SECRET)
        yield _site
    connections["radius"] = before
