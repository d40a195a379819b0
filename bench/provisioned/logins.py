"""Logins that FreeRADIUS answers: with our configuration, without one feature of it, and stock's."""

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.provisioned import stock
from tests.harness.freeradius import DEPLOY, SECRET, FreeRADIUS
from tests.harness.processes import PATH, program

LOGINS, TURNS, AT_ONCE = 2_000, 3, 32
STORM, ROUTERS, WAIT_S = 5_000, 5, 30
SESSIONS = 10  # of each line, in radacct
OURS, STOCK = "ours", "stock"
# a feature, and what of which file is another without it
_SERVER = "server.conf"
FEATURES: Mapping[str, tuple[str, str, str]] = {
    "router_check": ("queries/both.conf", r'(from_known_router = )"EXISTS.*"', r'\1"1 = 1"'),
    "signed_replies": (_SERVER, r"\n\s+sign_reply(?=\n)", ""),
    "plain_station": (_SERVER, r"\n\s+plain_station(?=\n)", ""),
    "expiration": (_SERVER, r"\n\s+if \(!&control:ISPCore-Reason\) \{\n\s+not_expired\n\s+\}", ""),
    "quota": (_SERVER, r"\n\s+if \(!&control:ISPCore-Reason\) \{\n\s+within_quota\n\s+\}", ""),
    "device_limit": (_SERVER, r"(session \{\n)\s+sql\n", r"\1"),
    "login_record": (_SERVER, r"(post-auth \{\n\s+)sql \{[^}]*\}\n", r"\1ok\n"),
}
_APPROVED = re.compile(r"(?:Total approved auths|Accepted)\s*:\s*(\d+)")


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a server listens, and what it shares with its routers."""

    port: int
    secret: str


def measure(database_url: str, names: Sequence[str]) -> dict[str, float]:
    """Rates by turns; `names` log in with the password that isp.subscriber gives them."""
    figures: dict[str, float] = {}
    with _servers(database_url) as servers:
        took: dict[str, list[float]] = defaultdict(list)
        for turn in range(TURNS):
            for name, asked in servers.items():
                took[name].append(_log_in(asked, names[:LOGINS], at_once=AT_ONCE)[0])
            sys.stderr.write(f"logins: turn {turn + 1} of {TURNS}\n")
        rates = {name: LOGINS / statistics.median(each) for name, each in took.items()}
        figures |= {
            "auth_vs_stock": round(rates[OURS] / rates[STOCK], 2),
            "auth_per_s": round(rates[OURS]),
            "auth_stock_per_s": round(rates[STOCK]),
        }
        for name in FEATURES:
            figures[f"auth_without_{name}_vs_ours"] = round(rates[name] / rates[OURS], 2)
        seconds, answered = _storm(servers[OURS], names[:STORM])
        figures |= {"storm_lost": STORM - answered, "storm_s": round(seconds, 1)}
        seconds, answered = _storm(servers[STOCK], names[:STORM])
        figures |= {"storm_stock_lost": STORM - answered, "storm_stock_s": round(seconds, 1)}
    return figures


@contextmanager
def _servers(database_url: str) -> Iterator[dict[str, Asked]]:
    with ExitStack() as stack:
        shipped = stock.Stock(database_url).start()
        stack.callback(shipped.stop)
        servers = {STOCK: Asked(shipped.auth_port, stock.SECRET)}
        for name in (OURS, *FEATURES):
            configuration = DEPLOY if name == OURS else stack.enter_context(_without(name))
            server = FreeRADIUS(database_url, configuration=configuration).start()
            stack.callback(server.stop)
            servers[name] = Asked(server.auth_port, SECRET)
        yield servers


@contextmanager
def _without(feature: str) -> Iterator[Path]:
    """Our configuration, without that."""
    name, pattern, text = FEATURES[feature]
    with tempfile.TemporaryDirectory(prefix="ispcore-without-") as directory:
        copy = Path(directory) / "freeradius"
        shutil.copytree(DEPLOY, copy)
        changed, count = re.subn(pattern, text, (copy / name).read_text())
        if not count:
            raise LookupError(f"{feature}: {name} has no such thing")
        (copy / name).write_text(changed)
        yield copy


def _storm(asked: Asked, names: Sequence[str]) -> tuple[float, int]:
    """All of them at once, from some routers."""
    parts = [names[number::ROUTERS] for number in range(ROUTERS)]
    began = time.perf_counter()
    with ThreadPoolExecutor(ROUTERS) as pool:
        told = list(pool.map(lambda part: _log_in(asked, part, at_once=len(part)), parts))
    return time.perf_counter() - began, sum(answered for _, answered in told)


def _log_in(asked: Asked, names: Sequence[str], *, at_once: int) -> tuple[float, int]:
    """Seconds, and how many were let in; each is asked once, and waited for as a router does not."""
    packets = "\n\n".join(
        f'User-Name = "{name}"\nUser-Password = "secret-of-{name}"\nService-Type = Framed-User\n'
        f"Framed-Protocol = PPP\nNAS-Port-Type = Ethernet\nNAS-Port = {number}\n"
        f'Calling-Station-Id = "02:00:00:{number >> 16 & 255:02X}:{number >> 8 & 255:02X}:'
        f'{number & 255:02X}"'
        for number, name in enumerate(names)
    )
    command = [
        *(program("radclient"), "-s", "-q", f"-p{at_once}", "-r1", f"-t{WAIT_S}"),
        *(f"127.0.0.1:{asked.port}", "auth", asked.secret),
    ]
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603
        command,
        input=f"{packets}\n",
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": PATH, "LANG": "C.UTF-8"},
    )
    seconds = time.perf_counter() - began
    found = _APPROVED.search(done.stdout)
    if found is None:
        raise ValueError(f"radclient said: {done.stdout[-500:]} {done.stderr[-500:]}")
    return seconds, int(found[1])
