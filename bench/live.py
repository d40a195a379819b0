"""How soon 500 open pages show what has changed in the database.

A private PostgreSQL, a real web process (`python -m ispcore.web`), 500 sockets in a process of
their own, each on two resellers' pages. A change is a new rate of a reseller's interface and the
event, committed together. Figures:

- `last_of_500_p95_ms`: from the commit to the last of 500 pages that shows it (95th percentile);
  `last_of_500_p50_ms` is the median.
- `bare_last_of_500_p95_ms`: the same for a server that only writes a frame of that size to every
  socket when PostgreSQL notifies it (bench/sockets/bare.py); `notify_ms` is PostgreSQL's own part,
  from the statement to a listener.
- `burst_settle_s`: after the last of 100 events, committed one by one as fast as it goes, until
  every page shows what the database says; `lost` counts those that never do.
- `slow_reader_extra_ms`: how much later the last of 500 is (medians) while three more pages do
  not read what they are sent; rounds with and without them take turns.
- `web_cpu_ms_per_event`: CPU of the web process for one change that 500 pages are shown.
"""

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bench import emit
from bench.serving import PROJECT, PYTHON, Web, await_port

PAGES, GROUPS, SLOW = 500, 10, 3
ROUNDS, BURST = 15, 100  # rounds with and without slow readers, each twice
PATIENCE_S = 5.0


def main() -> None:
    from tests.harness import databases

    server = databases.PostgreSQL()
    var = Path(tempfile.mkdtemp(prefix="ispcore-bench-"))
    try:
        server.start()
        os.environ |= {
            "DATABASE_URL": server.create("bench"),
            "SECRET_KEY": "bench" * 12,
            "FIELD_ENCRYPTION_KEYS": "A" * 43 + "=",
            "DJANGO_SETTINGS_MODULE": "ispcore.settings",
            "ISPCORE_VAR": str(var),
        }
        emit("live", _measure(var, server.url("bench")))
    finally:
        server.stop()
        shutil.rmtree(var, ignore_errors=True)


def _measure(var: Path, url: str) -> dict[str, float]:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    (var / "static").mkdir(exist_ok=True)
    network = Network()
    with Clients() as clients:
        figures = _bare(url, clients)
        web = Web(var)
        try:
            figures |= _portal(web, network, clients)
        finally:
            web.stop()
    return figures


def _portal(web: Web, network: "Network", clients: "Clients") -> dict[str, float]:
    common, *groups = network.keys
    words = [_subscribe(common, key) for key in groups]
    say = [[words[number % GROUPS]] for number in range(PAGES)]
    _say("opening %d pages", PAGES)
    target = {"port": web.port, "path": "/live/", "cookie": network.cookie}
    clients.do("open", say=say, **target)
    alone: list[float] = []
    beside: list[float] = []
    all_of_them = _subscribe(*network.keys[:9])  # 20 topics at most
    cpu_s = 0.0
    for turn in (1, 2):
        before_s = web.cpu_s()
        alone += _rounds(network, clients, common)
        cpu_s += web.cpu_s() - before_s
        clients.do("open_slow", say=[[all_of_them]] * SLOW, key=common, resyncs=55, **target)
        beside += _rounds(network, clients, common)
        held = clients.do("close_slow", key=common, value=network.value(common))["seen"]
        if held >= ROUNDS:  # they saw every step: nothing had to wait for them
            raise SystemExit(f"the slow readers were not slow: {held} of {ROUNDS} steps seen")
        _say("turn %d: %.0f ms, beside slow readers %.0f ms", turn, _p95(alone), _p95(beside))
    settle_s, lost = _burst(network, clients)
    return {
        "last_of_500_p95_ms": round(_p95(alone), 1),
        "last_of_500_p50_ms": round(statistics.median(alone), 1),
        "slow_reader_extra_ms": round(statistics.median(beside) - statistics.median(alone), 1),
        "burst_settle_s": round(settle_s, 3),
        "lost": lost,
        "web_cpu_ms_per_event": round(1000 * cpu_s / (2 * ROUNDS), 1),
    }


def _subscribe(*keys: str) -> str:
    """What the page of a reseller says."""
    return json.dumps(
        {"subscribe": [[topic, key] for key in keys for topic in ("reseller", "reseller-usage")]}
    )


def _rounds(network: "Network", clients: "Clients", key: str) -> list[float]:
    """Milliseconds from each commit to the last page that shows it."""
    took = []
    for _ in range(ROUNDS):
        committed_at = network.change(key)
        told = clients.do(
            "tally", key=key, value=network.value(key), count=PAGES, within_s=PATIENCE_S
        )
        if told["last"] is None:
            raise SystemExit(f"only {told['count']} of {PAGES} pages were shown a change")
        took.append(1000 * (told["last"] - committed_at))
        time.sleep(random.uniform(0.15, 0.3))  # noqa: S311 - no rhythm with the portal's own
    return took


def _burst(network: "Network", clients: "Clients") -> tuple[float, int]:
    """(seconds from the last commit until every page is right, pages that never were)."""
    dice = random.Random(3)  # noqa: S311 - the same choice in every run
    began = time.monotonic()
    ended = began
    for _ in range(BURST):
        ended = network.change(dice.choice(network.keys))
    _say("%d events in %.2f s", BURST, ended - began)
    truth = network.truth()
    time.sleep(PATIENCE_S)
    told = clients.do("shown")
    if told["lost"]:
        raise SystemExit(f"sockets were closed: {told['lost'][:3]}")
    wrong, last = 0, ended
    for shown in told["shown"]:
        wrong += any(value != truth[key] for key, (value, _) in shown.items())
        last = max(last, *(at for _, at in shown.values()))
    return last - ended, wrong


def _bare(url: str, clients: "Clients") -> dict[str, float]:
    """The same rounds with a server that does the least that could do it."""
    import psycopg

    from tests.harness.processes import free_port

    port, octets = free_port(), 3_000
    command = [PYTHON, "-m", "bench.sockets.bare", str(port), url, str(octets)]
    with (
        subprocess.Popen(command, cwd=PROJECT) as bare,  # noqa: S603 - our own program
        psycopg.connect(url, autocommit=True) as db,
    ):
        try:
            await_port(port)
            words = [[json.dumps({"subscribe": [["reseller", "bare"]]})]] * PAGES
            clients.do("open", port=port, path="/", cookie="none=1", say=words)
            took, notified = [], Notified(url)
            for value in range(2, 2 + 2 * ROUNDS):
                notified.since(time.monotonic())
                db.execute("SELECT pg_notify('bare', %s)", [str(value)])
                at = time.monotonic()
                told = clients.do("tally", key="bare", value=value, count=PAGES, within_s=5)
                took.append(1000 * (told["last"] - at))
                time.sleep(0.05)
            clients.do("close")
        finally:
            bare.terminate()
    return {
        "bare_last_of_500_p95_ms": round(_p95(took), 1),
        "notify_ms": round(1000 * statistics.median(notified.took_s()), 2),
    }


class Notified:
    """A listener of its own, which tells how long PostgreSQL takes to notify."""

    def __init__(self, url: str) -> None:
        import psycopg

        self._listening = psycopg.connect(url, autocommit=True)
        self._listening.execute("LISTEN bare")
        self._sent: list[float] = []
        self._heard: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def since(self, at: float) -> None:
        self._sent.append(at)

    def took_s(self) -> list[float]:
        self._over.set()
        self._thread.join()
        return [heard - sent for heard, sent in zip(self._heard, self._sent, strict=True)]

    def _listen(self) -> None:
        with self._listening:
            while not self._over.is_set():
                for _ in self._listening.notifies(timeout=0.2):
                    self._heard.append(time.monotonic())


class Network:
    """Resellers with a rate each, and somebody who may look at them."""

    def __init__(self) -> None:
        from django.test import Client

        from bench.fleet import reseller_with_history
        from ispcore.accounts.models import Account

        self._states = {
            str(reseller): interface
            for reseller, interface in (reseller_with_history(n) for n in range(GROUPS + 1))
        }
        self.keys = list(self._states)
        self._step = 0
        from ispcore.base import clock

        self._from = clock.now().replace(microsecond=0) - timedelta(seconds=10)
        self._shown: dict[str, datetime] = {}
        person = Account.objects.create_user("bench", password="bench-password", role="operator")  # noqa: S106
        browser = Client()
        browser.force_login(person)
        self.cookie = f"sessionid={browser.cookies['sessionid'].value}"
        for key in self.keys:
            self.change(key)

    def change(self, key: str) -> float:
        """Another rate, and the event, in one transaction; returns when it was committed."""
        from django.db import transaction

        from ispcore.live.publish import publish
        from routers.models import Interface
        from tests.counter_states import put

        self._step += 1
        at = self._from + timedelta(milliseconds=125 * self._step)
        rates = {"in_bps": 1_000_000 * self._step, "out_bps": 3_000_000 * self._step}
        with transaction.atomic():
            put(Interface.objects.get(pk=self._states[key]), **rates, rated_ms=_ms(at))
            publish("reseller", key)
        self._shown[key] = at
        return time.monotonic()

    def value(self, key: str) -> int:
        return _shown_as(self._shown[key])

    def truth(self) -> dict[str, int]:
        """What each key's pages should show, from the database."""
        from tests.counter_states import states

        rated = {pk: state.rated_at for pk, state in states().items()}
        return {key: _shown_as(rated[interface]) for key, interface in self._states.items()}


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _shown_as(rated_at: datetime | None) -> int:
    """The number in `data-stale-after`."""
    from django.conf import settings

    assert rated_at is not None  # noqa: S101 - the bench itself wrote it
    return int((rated_at.timestamp() + 2 * settings.COLLECT_PERIOD_S) * 1000)


class Clients:
    """The process with the sockets (bench/sockets/clients.py)."""

    def __enter__(self) -> "Clients":
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [PYTHON, "-m", "bench.sockets.clients"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def do(self, what: str, **given: Any) -> dict[str, Any]:
        assert self._process.stdin is not None  # noqa: S101 - for the type
        assert self._process.stdout is not None  # noqa: S101
        self._process.stdin.write(f"{json.dumps({'do': what} | given)}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the process with the sockets has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=20)


def _p95(values: Sequence[float]) -> float:
    """Nearest rank."""
    return sorted(values)[-(-95 * len(values) // 100) - 1]


def _say(text: str, *values: object) -> None:
    sys.stderr.write(f"{text % values}\n")


if __name__ == "__main__":
    main()
