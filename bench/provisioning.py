"""How fast subscribers are provisioned, and FreeRADIUS answers for them.

PostgreSQL and MariaDB are private and durable: every commit is on the disk. References run in the
same run, turn by turn: plain drivers that do the same durable statements, journal and marker
included, without reads, locks or checks; FreeRADIUS with the configuration that Debian ships.

`single_vs_raw` is the rate of single creations over the drivers'; `package_group_ms` a change of a
package whose 20,000 subscribers have it by their group, `package_own_s` one of a package whose 20,000
subscribers have rows of their own; the drivers write those that change, `package_own_anew_raw_s` all
of them anew; `reconcile_100k_s` the comparison of 100,000 that agree, in a process of its own whose
peak memory is `reconcile_rss_mb`. `auth_vs_stock` is the rate of logins with our configuration over
stock's, `auth_vs_counting_stock` over stock's once it counts devices, which it does not as it
ships; `auth_without_..._vs_ours` what leaving out one feature would give. `storm_lost` counts who
gets no answer of 5,000 PPPoE logins sent at once, and asked again as RouterOS does.
"""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from bench import emit

SINGLES, TURNS, ANEW = 100, 5, 3
MEMBERS, EVERYBODY = 20_000, 100_000
SERVER = {"shared_buffers": "256MB", "max_wal_size": "2GB"}
MARIADB = {
    "innodb-buffer-pool-size": "512M",
    "innodb-log-file-size": "512M",
    "max-connections": "1000",  # of nine FreeRADIUS side by side
}
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Databases:
    """The two URLs."""

    portal: str
    radius: str

    def plain(self) -> Any:
        from bench.provisioned.plain import Plain

        url = urlsplit(self.radius)
        return Plain(
            self.portal,
            {
                "host": url.hostname,
                "port": url.port,
                "user": url.username,
                "password": url.password,
                "database": url.path[1:],
            },
        )


def main() -> None:
    with _databases() as databases:
        import django

        django.setup()
        from django.core.management import call_command

        for alias in ("default", "radius"):
            call_command("migrate", database=alias, verbosity=0)
        wanted = sys.argv[1:] or list(PARTS)
        figures: Figures = {}
        for name in wanted:
            figures |= PARTS[name](databases)
            _say(f"{name}: {figures}")
        emit("provisioning", figures)


@contextmanager
def _databases() -> Iterator[Databases]:
    from tests.harness import databases

    postgresql = databases.PostgreSQL(durable=True, settings=SERVER)
    mariadb = databases.MariaDB(durable=True, settings=MARIADB)
    try:
        postgresql.start()
        mariadb.start()
        made = Databases(postgresql.create("bench"), mariadb.create("bench"))
        os.environ |= {
            "DATABASE_URL": made.portal,
            "RADIUS_DATABASE_URL": made.radius,
            "SECRET_KEY": "bench",
            "FIELD_ENCRYPTION_KEYS": "A" * 43 + "=",
            "DJANGO_SETTINGS_MODULE": "ispcore.settings",
        }
        yield made
    finally:
        postgresql.stop()
        mariadb.stop()


# ---- changes


def _single(databases: Databases) -> Figures:
    """Creations one after the other, each durable in both databases before the next."""
    from bench.provisioned import isp
    from subscribers.operations import subscribers

    home = isp.package("Home 20")
    plain = databases.plain()

    def create(name: str) -> None:
        subscribers.create(isp.subscriber(home, name), by=isp.BY)

    first = subscribers.create(isp.subscriber(home, "pattern"), by=isp.BY)
    plain.learn("pattern", first.pk)
    took: dict[str, list[float]] = defaultdict(list)
    cpu_s = 0.0
    for turn in range(TURNS + 1):
        names = [f"line-{turn}-{number}" for number in range(SINGLES)]
        began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        ours_s = _timed(partial(_each, create, names))
        cpu_s = resource.getrusage(resource.RUSAGE_SELF).ru_utime - began
        raw_s = _timed(partial(_each, plain.create, [f"raw-{name}" for name in names]))
        if turn:  # the first warms both up
            took["ours"].append(ours_s)
            took["raw"].append(raw_s)
    plain.close()
    ours_s, raw_s = statistics.median(took["ours"]), statistics.median(took["raw"])
    return {
        "single_vs_raw": round(raw_s / ours_s, 2),
        "single_ms": round(1000 * ours_s / SINGLES, 2),
        "single_raw_ms": round(1000 * raw_s / SINGLES, 2),
        "single_cpu_ms": round(1000 * cpu_s / SINGLES, 2),
    }


def _packages(databases: Databases) -> Figures:
    """Another rate for 20,000, by their group and by their own rows."""
    from bench.provisioned import isp
    from subscribers.models import Package
    from subscribers.operations import packages

    by_group = isp.package("By group")
    isp.fill(by_group, [f"grp{number:06d}" for number in range(MEMBERS)])
    by_own = isp.package("By own rows", service="hotspot", ipv4_pool="")
    names = [f"own{number:06d}" for number in range(MEMBERS)]
    isp.fill(by_own, names)
    plain = databases.plain()
    plain.learn_package(by_group.pk)

    def edit(package: Package, turn: int) -> None:
        packages.edit(package, changes={"down_bps": (30 + turn) * isp.M}, by=isp.BY)

    took: dict[str, list[float]] = defaultdict(list)
    for turn in range(TURNS):
        took["group"].append(_timed(partial(edit, by_group, turn)))
        took["group raw"].append(
            _timed(lambda: plain.change_package(by_group.pk, f"pkg-{by_group.pk}"))
        )
    keys = plain.keys_of(names, "Mikrotik-Rate-Limit")
    for turn in range(TURNS):
        took["own"].append(_timed(partial(edit, by_own, turn)))
        took["own raw"].append(_timed(partial(plain.move, by_own.pk, keys, f"9M/{turn}M")))
    rows = plain.rows_of(names)
    for _ in range(ANEW):
        took["own anew raw"].append(_timed(partial(plain.rewrite, by_own.pk, names, rows)))
    plain.close()
    for package in (by_group, by_own):  # instead of what the drivers wrote
        edit(package, TURNS)
    median_s = {name: statistics.median(each) for name, each in took.items()}
    return {
        "package_group_ms": round(1000 * median_s["group"], 1),
        "package_group_raw_ms": round(1000 * median_s["group raw"], 1),
        "package_own_s": round(median_s["own"], 2),
        "package_own_raw_s": round(median_s["own raw"], 2),
        "package_own_anew_raw_s": round(median_s["own anew raw"], 2),
    }


def _reconcile(databases: Databases) -> Figures:
    """100,000 in all, of whom none differs."""
    from bench.provisioned import isp
    from subscribers.models import Subscriber

    everybody = isp.package("Everybody")
    lacking = EVERYBODY - Subscriber.objects.count()
    isp.fill(everybody, [f"all{number:06d}" for number in range(lacking)])
    plain = databases.plain()
    raw_s = statistics.median(_timed(plain.read_everything) for _ in range(3))
    plain.close()
    told = [_reconciled() for _ in range(3)]
    return {
        "reconcile_100k_s": round(statistics.median(each[0] for each in told), 2),
        "reconcile_rss_mb": round(max(each[1] for each in told), 1),
        "reconcile_read_raw_s": round(raw_s, 2),
    }


def _reconciled() -> tuple[float, float]:
    """Seconds and MB of a process that compares."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.provisioned.reconciling"],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, megabytes = done.stdout.split()
    return float(seconds), float(megabytes)


def _logins(databases: Databases) -> Figures:
    """Whoever is there logs in, of the rows that the portal wrote."""
    from bench.provisioned import isp, logins
    from radius.operations.nas import Client
    from routers.operations import radius_clients
    from tests.harness.freeradius import SECRET

    names = [f"storm{number:06d}" for number in range(logins.STORM)]
    stormy = isp.package("Storm")
    isp.fill(stormy, names)
    isp.fill_sessions(stormy, logins.SESSIONS)
    radius_clients.put(Client("127.0.0.1", "bench", SECRET), by=isp.BY)
    return logins.measure(databases.radius, names)


PARTS: dict[str, Callable[[Databases], Figures]] = {
    "single": _single,
    "packages": _packages,
    "reconcile": _reconcile,
    "logins": _logins,
}


def _each(work: Callable[[str], object], names: Sequence[str]) -> None:
    for name in names:
        work(name)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
