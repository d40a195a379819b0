"""Databases, FreeRADIUS and an ISP for a campaign of kills, and the looks that are taken at them."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.crashes.kinds import Case
    from subscribers.operations.reconciling import Plan
    from tests.harness.freeradius import FreeRADIUS

AT_ONCE, ROUTERS_AT_ONCE = 40, 20  # logins, and routers that ask
MOST_LOOKED_AT = 5  # names of a case, at once; all of them at the end
ASKS = "asks-for-routers"  # a subscriber who is let in, if the router may ask
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

    def differing(self, case: "Case") -> str:
        """What of a case is not in RADIUS as the portal says, by digest; "" where all is."""
        from bench.crashes.kinds import patiently
        from routers.models import Router
        from subscribers.operations.reconciling import Extent, plan

        extents = [Extent(username=name) for name in case.names[:MOST_LOOKED_AT]]
        extents += [Extent(router=Router(address=address)) for address in case.addresses]
        found: list[str] = []
        for extent in extents:
            made = patiently(lambda extent=extent: plan(extent))  # type: ignore[misc]
            found += [*_differences(made), *_strangers(made)]
        return ", ".join(found)

    def compared(self) -> tuple[list[str], list[str]]:
        """Of everything: what differs by digest, and who is in RADIUS alone."""
        from subscribers.operations import reconciling

        plan = reconciling.plan(reconciling.Extent())
        return _differences(plan), _strangers(plan)

    def log_in(self, cases: Sequence["Case"]) -> tuple[int, int]:
        """Everybody of these cases asks the real FreeRADIUS; (how many, how many wrong answers).

        Who is as truth says is let in; who was half made, is gone or suspended, or comes with a
        password that is not the one of truth, is not. Neither does a router that truth does not
        have, or with another secret, get anybody in.
        """
        from django.db import connections

        welcome, unwelcome = _expected(cases)
        routers = _expected_of_routers(cases)
        connections.close_all()
        let_in, refused = _ask(self.freeradius, welcome), _ask(self.freeradius, unwelcome)
        wrong = (len(welcome) - let_in[0]) + (len(unwelcome) - refused[1])
        wrong += _wrong_of_routers(self.freeradius, routers)
        return len(welcome) + len(unwelcome) + len(routers), wrong


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
    from tests.harness.freeradius import SECRET

    Tenant.objects.create(name="Crash")
    for name in ("Home 20", "Home 80"):
        kinds.a_package(name)
    kinds.a_subscriber(ASKS, kinds.package_named())
    kinds.a_client("127.0.0.1", SECRET)


def _differences(plan: "Plan") -> list[str]:
    found = [f"{who} {word}" for who, word in plan.usernames.items()]
    found += [f"package {which} {word}" for which, word in plan.packages.items()]
    return found + [f"RADIUS client {address} {word}" for address, word in plan.clients.items()]


def _strangers(plan: "Plan") -> list[str]:
    return [f"{who} is in RADIUS alone" for who in plan.foreign]


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


def _expected_of_routers(cases: Sequence["Case"]) -> dict[tuple[str, str], bool]:
    """By address and secret, whether a router with them is answered."""
    from bench.crashes.kinds import ANOTHER_SECRET, SECRET

    right = {(client.address, client.secret) for case in cases for client in case.clients()}
    asked = [
        (address, s) for c in cases for address in c.addresses for s in (SECRET, ANOTHER_SECRET)
    ]
    return {each: each in right for each in asked}


def _wrong_of_routers(freeradius: "FreeRADIUS", expected: dict[tuple[str, str], bool]) -> int:
    """How many were let in and should not have been, or the other way."""
    from bench.crashes.kinds import PASSWORD
    from tests.harness.freeradius import radclient

    def is_answered(router: tuple[str, str]) -> bool:
        address, secret = router
        source = f"Packet-Src-IP-Address = {address}"
        packet = [f'User-Name = "{ASKS}"', f'User-Password = "{PASSWORD}"', source]
        where = f"127.0.0.1:{freeradius.auth_port}"
        [answer, *_] = radclient(where, "auth", [packet], secret=secret, wait_s=1, tries=3)
        return answer.code == "Access-Accept"

    with ThreadPoolExecutor(ROUTERS_AT_ONCE) as pool:
        answered = pool.map(is_answered, expected)
        return sum(
            is_in != wanted for is_in, wanted in zip(answered, expected.values(), strict=True)
        )


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
