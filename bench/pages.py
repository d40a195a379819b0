"""How fast pages are at 1,000 routers, 2,000 resellers, 100,000 audit entries and 5,000 alerts.

A private PostgreSQL and a real web process (`python -m ispcore.web`), asked over HTTP by a super
user, and for /my/ by a reseller's person. Every page that the admin sites have (bench/browsing/
pages.py finds them): each list as it opens, with a search, a filter, another order and its second
page; the pages and forms of the first, the middle and the last row; the overview. A table of all
pages comes before the figures:

- `median_ms` the median over pages of each page's median, `p95_ms` the 95th percentile over all
  answers; `slowest_ms` the median of the slowest page, `largest_kb` the longest answer.
- `vs_stock_admin` the median over lists, forms and pages of rows, of ours over a stock ModelAdmin
  (bench/browsing/stock.py) with the same columns, on the same rows, asked in turn;
  `vs_stock_admin_worst` the worst of them.
- `rls_cost` how much longer with row-level security than without, as a fraction (0.15 is 15 %):
  the median over pages of our time over that of a process whose login no policy binds and which
  tells PostgreSQL of nobody, asked in turn. Missing where the tables have no policies.
"""

import os
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench import emit

if TYPE_CHECKING:
    from bench.browsing.pages import Page
    from tests.harness.databases import PostgreSQL

ROUNDS = 5
OURS, STOCK, UNWALLED = "ours", "stock", "unwalled"
STOCK_SETTINGS = "bench.browsing.stock_settings"
UNWALLED_SETTINGS = "bench.browsing.unwalled_settings"
FREE = "unwalled"  # a login that no policy binds
SERVER = {
    "shared_buffers": "512MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "2GB",
    "random_page_cost": "1.1",
    "max_wal_size": "4GB",
}
Times = dict[tuple[str, str], list[float]]  # by (URL, which web process), in ms


def main() -> None:
    from tests.harness import databases

    server = databases.PostgreSQL(settings=SERVER)
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
        emit("pages", _measure(var, server))
    finally:
        server.stop()
        shutil.rmtree(var, ignore_errors=True)


def _measure(var: Path, server: "PostgreSQL") -> dict[str, float]:
    import django

    django.setup()
    from django.core.management import call_command

    from bench.browsing import isp, pages

    for alias in ("default", "radius"):
        call_command("migrate", database=alias, verbosity=0)
    (var / "static").mkdir(exist_ok=True)
    isp.build()
    people = {"admin": isp.person("bench"), "my": isp.person("reseller1")}
    found = pages.found(people)
    _say("%d pages", len(found))
    if "/admin/" not in {page.url for page in found}:
        raise SystemExit("the overview does not answer")
    times = _times(var, found, _url_without_walls(server))
    for line in table(found, times):
        sys.stdout.write(f"{line}\n")
    return figures(found, times)


def _url_without_walls(server: "PostgreSQL") -> str | None:
    """The URL for a login that bypasses the policies; None where there are none."""
    from django.db import connection

    from tests.harness.databases import USER

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_policies")
        if not cursor.fetchone()[0]:
            return None
    server.as_superuser(
        f"CREATE ROLE {FREE} LOGIN BYPASSRLS PASSWORD '{server.password}' "
        "IN ROLE pg_read_all_data, pg_write_all_data"
    )
    return server.url("bench").replace(f"//{USER}:", f"//{FREE}:")


def _times(var: Path, found: "Sequence[Page]", unwalled_url: str | None) -> Times:
    from bench.serving import Web

    processes = {OURS: Web(var), STOCK: Web(var, {"DJANGO_SETTINGS_MODULE": STOCK_SETTINGS})}
    if unwalled_url is not None:
        settings = {"DJANGO_SETTINGS_MODULE": UNWALLED_SETTINGS, "DATABASE_URL": unwalled_url}
        processes[UNWALLED] = Web(var, settings)
    try:
        return _rounds({name: web.port for name, web in processes.items()}, found)
    finally:
        for web in processes.values():
            web.stop()


def _rounds(ports: Mapping[str, int], found: "Sequence[Page]") -> Times:
    """Each page of each process in turn; the first round warms up, and finds what stock has not."""
    from bench.browsing.asking import Browser

    cookies = {who: _cookie(who) for who in {page.who for page in found}}
    browsers = {
        (name, who): Browser(port, cookie)
        for name, port in ports.items()
        for who, cookie in cookies.items()
    }
    times: Times = defaultdict(list)
    missing: set[tuple[str, str]] = set()
    for number in range(ROUNDS + 1):
        for page in found:
            for name in ports:
                url = page.stock if name == STOCK else page.url
                if url is None or (page.url, name) in missing:
                    continue
                status, took_ms = browsers[name, page.who].ask(url)
                if status != 200:
                    missing.add((page.url, name))
                elif number:
                    times[page.url, name].append(took_ms)
        _say("round %d of %d", number, ROUNDS)
    if unanswered := [url for url, name in missing if name != STOCK]:
        raise SystemExit(f"no page any more: {unanswered[:5]}")
    return times


def _cookie(username: str) -> str:
    from django.test import Client

    from bench.browsing import isp

    browser = Client()
    browser.force_login(isp.person(username))
    return f"sessionid={browser.cookies['sessionid'].value}"


def figures(found: "Sequence[Page]", times: Times) -> dict[str, float]:
    ours = {page.url: statistics.median(times[page.url, OURS]) for page in found}
    every = [took for page in found for took in times[page.url, OURS]]
    stock = _ratios(found, times, OURS, STOCK)
    told = {
        "median_ms": round(statistics.median(ours.values()), 1),
        "p95_ms": round(_p95(every), 1),
        "slowest_ms": round(max(ours.values()), 1),
        "vs_stock_admin": round(statistics.median(stock), 2),
        "vs_stock_admin_worst": round(max(stock), 2),
        "largest_kb": max(page.kilobytes for page in found),
        "pages": len(found),
    }
    if walls := _ratios(found, times, OURS, UNWALLED):
        told["rls_cost"] = round(statistics.median(walls) - 1, 3)
    return told


def _ratios(found: "Sequence[Page]", times: Times, one: str, other: str) -> list[float]:
    return [
        statistics.median(times[page.url, one]) / statistics.median(times[page.url, other])
        for page in found
        if times.get((page.url, other))
    ]


def table(found: "Sequence[Page]", times: Times) -> list[str]:
    """One line per page, slowest first."""
    ours = {page.url: statistics.median(times[page.url, OURS]) for page in found}
    lines = [f"{'ms':>7} {'stock':>7} {'queries':>7} {'kB':>6}  page"]
    for page in sorted(found, key=lambda page: -ours[page.url]):
        stock = times.get((page.url, STOCK))
        shown = f"{statistics.median(stock):7.1f}" if stock else f"{'':7}"
        lines.append(
            f"{ours[page.url]:7.1f} {shown} {page.queries:7} {page.kilobytes:6.0f}  {page.url}"
        )
    return lines


def _p95(values: Sequence[float]) -> float:
    """Nearest rank."""
    return sorted(values)[-(-95 * len(values) // 100) - 1]


def _say(text: str, *values: object) -> None:
    sys.stderr.write(f"{text % values}\n")


if __name__ == "__main__":
    main()
