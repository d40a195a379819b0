"""Databases, FreeRADIUS and an ISP for a campaign of kills, and the looks that are taken at them."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.crashes.kinds import Case
    from tests.harness.freeradius import FreeRADIUS

AT_ONCE = 40  # logins
_APPROVED = re.compile(r"(?:Total approved auths|Accepted)\s*:\s*(\d+)")
_REJECTED = re.compile(r"(?:Total denied auths|Rejected)\s*:\s*(\d+)")
Login = tuple[str, str, str]  # username, password, MAC


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around a campaign; `servers` are those of the harness, None on SQLite."""

    vendor: str
    servers: Any
    freeradius: "FreeRADIUS"

    def servers_of(self, victim: str) -> list[Any]:
        """The portal's database, FreeRADIUS', or both."""
        named = {"portal": self.servers.postgresql, "FreeRADIUS": self.servers.mariadb}
        return [server for name, server in named.items() if name in victim] or [*named.values()]

    def differing(self, names: Iterable[str]) -> str:
        """What of these names is not in RADIUS as the portal says, by digest; "" where all is."""
        from bench.crashes.kinds import patiently
        from subscribers.operations import reconciling

        found: list[str] = []
        for name in names:
            plan = patiently(
                lambda name=name: reconciling.plan(reconciling.Extent(username=name))  # type: ignore[misc]
            )
            found += [f"{who} {word}" for who, word in plan.usernames.items()]
            found += [f"package {which} {word}" for which, word in plan.packages.items()]
            found += [f"{who} is in RADIUS alone" for who in plan.foreign]
        return ", ".join(found)

    def compared(self) -> tuple[list[str], list[str]]:
        """Of everything: what differs by digest, and who is in RADIUS alone."""
        from subscribers.operations import reconciling

        plan = reconciling.plan(reconciling.Extent())
        differing = [f"{who} {word}" for who, word in plan.usernames.items()]
        differing += [f"package {which} {word}" for which, word in plan.packages.items()]
        return differing, [f"{who} is in RADIUS alone" for who in plan.foreign]

    def log_in(self, cases: Sequence["Case"]) -> tuple[int, int]:
        """Everybody of these cases asks the real FreeRADIUS; (how many, how many wrong answers).

        Who is as truth says is let in; who was half made, is gone or suspended, or comes with a
        password that is not the one of truth, is not.
        """
        from django.db import connections

        welcome, unwelcome = _expected(cases)
        connections.close_all()
        let_in, refused = _ask(self.freeradius, welcome), _ask(self.freeradius, unwelcome)
        wrong = (len(welcome) - let_in[0]) + (len(unwelcome) - refused[1])
        return len(welcome) + len(unwelcome), wrong


@contextmanager
def surroundings(vendor: str) -> Iterator[Surroundings]:
    """Everything started, migrated, with packages and a router; Django is set up by it."""
    from tests.harness import databases
    from tests.harness.freeradius import FreeRADIUS

    with tempfile.TemporaryDirectory(prefix="ispcore-crash-") as var:
        servers = databases.start(durable=True) if vendor == "postgresql" else None
        freeradius: FreeRADIUS | None = None
        try:
            os.environ |= _environment(Path(var), servers)
            _set_up()
            freeradius = FreeRADIUS(os.environ["RADIUS_DATABASE_URL"]).start()
            yield Surroundings(vendor, servers, freeradius)
        finally:
            if freeradius is not None:
                freeradius.stop()
            if servers is not None:
                servers.stop()


def _environment(var: Path, servers: Any) -> dict[str, str]:
    portal, radius = f"sqlite:///{var}/portal.sqlite3", f"sqlite:///{var}/radius.sqlite3"
    if servers is not None:
        portal, radius = servers.postgresql.create("crash"), servers.mariadb.create("crash")
    return {
        "DATABASE_URL": portal,
        "RADIUS_DATABASE_URL": radius,
        "ISPCORE_VAR": str(var),
        "SECRET_KEY": "bench",
        "FIELD_ENCRYPTION_KEYS": "A" * 43 + "=",
        "DJANGO_SETTINGS_MODULE": "ispcore.settings",
    }


def _set_up() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    for alias in ("default", "radius"):
        call_command("migrate", database=alias, verbosity=0)
    from bench.crashes import kinds
    from ispcore.accounts.models import Tenant
    from radius.operations import nas
    from tests.harness.freeradius import SECRET

    Tenant.objects.create(name="Crash")
    for name in ("Home 20", "Home 80"):
        kinds.a_package(name)
    nas.put(nas.Client("127.0.0.1", "crash", SECRET), by=kinds.BY)


def _expected(cases: Sequence["Case"]) -> tuple[list[Login], list[Login]]:
    """Logins that are to be let in, and those that are not."""
    from bench.crashes.kinds import ANOTHER, MAC, PASSWORD
    from ispcore.base import clock
    from subscribers.models import Subscriber

    names = {name for case in cases for name in case.names}
    there = {
        row.username_key: row
        for row in Subscriber.objects.filter(username_key__in=names).select_related("package")
    }
    welcome: list[Login] = []
    unwelcome: list[Login] = []
    for name in sorted(names):
        row = there.get(name)
        is_open = (
            row is not None
            and row.status == "active"
            and (row.expires_at is None or row.expires_at > clock.now())
        )
        for password in (PASSWORD, ANOTHER):
            is_right = row is not None and row.radius_password == password
            (welcome if is_open and is_right else unwelcome).append((name, password, MAC))
    return welcome, unwelcome


def _ask(freeradius: "FreeRADIUS", logins: Sequence[Login]) -> tuple[int, int]:
    """(let in, refused) of these."""
    from tests.harness.freeradius import SECRET
    from tests.harness.processes import PATH, program

    if not logins:
        return 0, 0
    packets = "\n\n".join(
        f'User-Name = "{name}"\nUser-Password = "{password}"\nCalling-Station-Id = "{mac}"'
        for name, password, mac in logins
    )
    where = f"127.0.0.1:{freeradius.auth_port}"
    done = subprocess.run(  # noqa: S603 - Debian's
        [program("radclient"), "-s", "-q", f"-p{AT_ONCE}", "-r3", "-t10", where, "auth", SECRET],
        input=f"{packets}\n",
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": PATH, "LANG": "C.UTF-8"},
    )
    return _count(_APPROVED, done.stdout), _count(_REJECTED, done.stdout)


def _count(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text)
    if found is None:
        raise ValueError(f"radclient said: {text[-500:]}")
    return int(found[1])
