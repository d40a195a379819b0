"""Logins that FreeRADIUS answers: with our configuration, without one feature of it, and stock's."""

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.provisioned import stock, storm
from tests.harness.freeradius import DEPLOY, SECRET, FreeRADIUS
from tests.harness.processes import PATH, program

LOGINS, AT_ONCE = 1_000, 32
STOCK_TURNS, FEATURE_TURNS = 11, 5
STORM, WAIT_S = 5_000, 30
SESSIONS = 10  # of each line, in radacct
OURS, STOCK, COUNTING = "ours", "stock", "stock that counts devices"
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
    """Ratios of rates; `names` log in with the password that isp.subscriber gives them."""
    figures: dict[str, float] = {}
    with _servers(database_url) as servers:
        ours = servers[OURS]
        for asked in servers.values():  # its connections are open, its routers known
            _log_in(asked, names[:LOGINS])
        ratio, ours_per_s, stock_per_s = _against(ours, servers[STOCK], names, turns=STOCK_TURNS)
        figures |= {
            "auth_vs_stock": round(ratio, 2),
            "auth_per_s": round(ours_per_s),
            "auth_stock_per_s": round(stock_per_s),
        }
        ratio, _, _ = _against(ours, servers[COUNTING], names, turns=STOCK_TURNS)
        figures["auth_vs_counting_stock"] = round(ratio, 2)
        for name in FEATURES:
            ratio, _, _ = _against(servers[name], ours, names, turns=FEATURE_TURNS)
            figures[f"auth_without_{name}_vs_ours"] = round(ratio, 2)
            sys.stderr.write(f"logins: without {name}\n")
        passwords = [(name, f"secret-of-{name}") for name in names[:STORM]]
        for prefix, name in (("storm", OURS), ("storm_stock", STOCK)):
            told = storm.let_loose(servers[name].port, servers[name].secret, passwords)
            figures |= {
                f"{prefix}_lost": told.lost,
                f"{prefix}_resent": told.resent,
                f"{prefix}_s": round(told.seconds, 1),
            }
    return figures


def _against(
    one: Asked, other: Asked, names: Sequence[str], *, turns: int
) -> tuple[float, float, float]:
    """How many times as fast `one` is as `other`, and the rate of each: medians of turns that both
    take, of which each begins every second."""
    rates: dict[Asked, list[float]] = {one: [], other: []}
    for turn in range(turns):
        for asked in (one, other)[:: 1 if turn % 2 else -1]:
            rates[asked].append(LOGINS / _log_in(asked, names[:LOGINS]))
    of_one, of_other = rates[one], rates[other]
    ratios = [a / b for a, b in zip(of_one, of_other, strict=True)]
    return statistics.median(ratios), statistics.median(of_one), statistics.median(of_other)


@contextmanager
def _servers(database_url: str) -> Iterator[dict[str, Asked]]:
    with ExitStack() as stack:
        servers = {}
        for name, counts_devices in ((STOCK, False), (COUNTING, True)):
            shipped = stock.Stock(database_url, counts_devices=counts_devices).start()
            stack.callback(shipped.stop)
            servers[name] = Asked(shipped.auth_port, stock.SECRET)
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


def _log_in(asked: Asked, names: Sequence[str]) -> float:
    """Seconds until all of them are let in. Raises ValueError where one is not."""
    packets = "\n\n".join(
        f'User-Name = "{name}"\nUser-Password = "secret-of-{name}"\nService-Type = Framed-User\n'
        f"Framed-Protocol = PPP\nNAS-Port-Type = Ethernet\nNAS-Port = {number}\n"
        f'Calling-Station-Id = "{storm.mac_of(number)}"'
        for number, name in enumerate(names)
    )
    command = [
        *(program("radclient"), "-s", "-q", f"-p{AT_ONCE}", "-r1", f"-t{WAIT_S}"),
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
    if found is None or int(found[1]) != len(names):
        raise ValueError(f"radclient said: {done.stdout[-500:]} {done.stderr[-500:]}")
    return seconds
