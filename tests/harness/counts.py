"""A pytest plugin: which tests run on which database, and how many ended how."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.harness.environment import VENDOR

DATABASES = ["default", "radius"]
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}
SERVER_FIXTURES = {"snmpd", "database_servers", "fresh_databases"}
# these talk to routers of the lab, or to processes of ours, and wait for time-outs
SERVER_FOLDERS = {"lab", "protocols", "routers", "live", "platform", "harness"}
ENDINGS = ("passed", "failed", "skipped")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by what they use, so that `-m` can choose without anybody remembering to mark.

    Every database test may use both databases. A second run with ISPCORE_TEST_ONLY=databases
    keeps what can differ there: tests that use a database and no browser or processes of ours,
    and do not say themselves (`one_database`) that they are about something else.
    """
    for item in items:
        _mark(item)
    if os.environ.get("ISPCORE_TEST_ONLY") == "databases":
        kept = [item for item in items if _differs_by_vendor(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept


def _mark(item: pytest.Item) -> None:
    fixtures = set(getattr(item, "fixturenames", ()))
    if fixtures & SERVER_FIXTURES or item.path.parent.name in SERVER_FOLDERS:
        item.add_marker("servers")
    if "chromium" in fixtures:
        item.add_marker("browser")
    marker = item.get_closest_marker("django_db")
    if marker is None and not fixtures & DATABASE_FIXTURES:
        return
    options = {} if marker is None else dict(marker.kwargs)
    if marker is None and "db" not in fixtures:
        options["transaction"] = True
    options.setdefault("databases", DATABASES)
    item.add_marker(pytest.mark.django_db(**options), append=False)


def _differs_by_vendor(item: pytest.Item) -> bool:
    if any(item.get_closest_marker(name) for name in ("browser", "journey", "one_database")):
        return False
    return item.get_closest_marker("django_db") is not None


def pytest_report_header() -> str:
    names = {"sqlite": "SQLite", "postgresql": "PostgreSQL and MariaDB"}
    return f"databases: {names[VENDOR]}"


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Leave the counts for the gate, which adds them up over runs."""
    path = os.environ.get("ISPCORE_TEST_COUNTS")
    if path:
        Path(path).write_text(json.dumps(_counts(terminalreporter.stats)))


def _counts(stats: dict[str, list[object]]) -> dict[str, int]:
    def total(kinds: Iterable[str]) -> int:
        return sum(len(stats.get(kind, ())) for kind in kinds)

    return {
        "passed": total(["passed", "xpassed"]),
        "failed": total(["failed", "error"]),
        "skipped": total(["skipped", "xfailed"]),
    }
