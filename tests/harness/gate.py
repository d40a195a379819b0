"""The gate: `check` is what a developer runs before each commit, `test` is everything.

python -m tests.harness.gate check | test [pytest arguments]
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet

from tests.harness import coverage_gate, measuring

PROJECT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
SLOW = "not servers and not browser and not journey"
WORKERS = "3"  # the quick tests wait more than they work
NO_TESTS_COLLECTED = 5
# what these run is measured elsewhere too, or is not run in their own process
UNMEASURED = {"access", "architecture", "bench", "harness", "look", "packaging"}
WITHOUT_DATABASES = {"architecture", "bench", "journey", "lab", "look", "packaging", "protocols"}
COUNTS = ("passed", "failed", "skipped")
VENDORS = {"sqlite": "SQLite", "postgresql": "PostgreSQL and MariaDB"}

PRODUCTION = {
    "DATABASE_URL": "postgresql://ispcore:none@127.0.0.1:1/ispcore",
    "RADIUS_DATABASE_URL": "mysql://ispcore:none@127.0.0.1:1/radius",
    "PUBLIC_URL": "https://portal.example.net",
    "ISPCORE_PROCESS": "web",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One command that must succeed."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a check ended."""

    check: Check
    code: int
    seconds: float
    output: str


def say(line: str = "") -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def tool(name: str) -> str:
    """A console script of the virtual environment."""
    return str(Path(PYTHON).parent / name)


def manage(*arguments: str) -> list[str]:
    return [PYTHON, "manage.py", *arguments]


def static_checks() -> list[Check]:
    """Everything but tests, the slowest first."""
    templates = sorted(
        str(path.relative_to(PROJECT))
        for top in PROJECT.iterdir()
        if top.is_dir() and not top.name.startswith((".", "var", "node_modules"))
        for path in [top, *top.rglob("templates")]
        if path.name == "templates"
    )
    checks = [
        Check("mypy", [tool("mypy"), "."]),
        Check("migrations", manage("makemigrations", "--check", "--dry-run")),
        Check("deploy", manage("check", "--deploy", "--fail-level", "WARNING"), PRODUCTION),
        Check("lint-imports", [tool("lint-imports")]),
        Check("ruff check", [tool("ruff"), "check", "."]),
        Check("ruff format", [tool("ruff"), "format", "--check", "--output-format=concise", "."]),
    ]
    if templates:
        checks.append(Check("djlint", [tool("djlint"), "--lint", "--quiet", *templates]))
    return checks


def settings_environment(var: Path) -> dict[str, str]:
    """What settings need, with nothing of the developer's own portal in it."""
    return {
        "ISPCORE_VAR": str(var),
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    }


def run(check: Check) -> Outcome:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ispcore-check-") as var:
        done = subprocess.run(
            check.command,
            cwd=PROJECT,
            env={**_clean_environment(), **settings_environment(Path(var)), **check.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    return Outcome(check, done.returncode, time.monotonic() - started, done.stdout)


def run_all(checks: list[Check]) -> list[Outcome]:
    """Run side by side, say each as it ends; the output of failures follows at the end."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        running: list[Future[Outcome]] = [pool.submit(_run_and_say, check) for check in checks]
        outcomes = [each.result() for each in running]
    for outcome in outcomes:
        if outcome.code:
            say(f"\n--- {outcome.check.name} (exit code {outcome.code})\n{outcome.output.rstrip()}")
    return outcomes


def _run_and_say(check: Check) -> Outcome:
    outcome = run(check)
    say(f"{'FAILED' if outcome.code else 'ok':6}  {check.name:14} {outcome.seconds:6.1f} s")
    return outcome


def _clean_environment() -> dict[str, str]:
    names = ("DATABASE_URL", "RADIUS_DATABASE_URL", "SECRET_KEY", "FIELD_ENCRYPTION_KEYS")
    ours = {*names, *(f"{name}_FILE" for name in names), "PUBLIC_URL", "ALLOWED_HOSTS", "DEBUG"}
    return {name: value for name, value in os.environ.items() if name not in ours}


def check() -> int:
    fast = [PYTHON, "-m", "tests.harness.run", PYTHON, "-m", "pytest", "-n", WORKERS, "-m", SLOW]
    started = time.monotonic()
    outcomes = run_all([Check("tests", fast), *static_checks()])
    _say_tests(outcomes)
    failed = [outcome.check.name for outcome in outcomes if outcome.code]
    say(_verdict(failed, len(outcomes), time.monotonic() - started))
    return 1 if failed else 0


def _say_tests(outcomes: list[Outcome]) -> None:
    tests = outcomes[0].output.strip().splitlines()
    if tests and not outcomes[0].code:
        say(f"tests: {tests[-1].strip('= ')}")


def _verdict(failed: list[str], total: int, seconds: float) -> str:
    verdict = f"checks: {total - len(failed)} passed, {len(failed)} failed in {seconds:.0f} s"
    return f"{verdict}: {', '.join(failed)}" if failed else verdict


def test(arguments: list[str]) -> int:
    """All checks, then all tests on each vendor; with arguments that selection of tests only."""
    started = time.monotonic()
    complete = not arguments
    failed: list[str] = []
    if complete:
        outcomes = run_all(static_checks())
        failed += [outcome.check.name for outcome in outcomes if outcome.code]
        say(_verdict(failed, len(outcomes), time.monotonic() - started))
    with tempfile.TemporaryDirectory(prefix="ispcore-tests-") as directory:
        parts = _all_parts(Path(directory)) if complete else _chosen_parts(arguments)
        results = _run_parts(parts, aside=complete)
        if complete:
            measured = [part.coverage for part in parts if part.coverage]
            failed += coverage_gate.shortfalls(measured, say)
    say()
    totals = dict.fromkeys(COUNTS, 0)
    for name in dict.fromkeys(part.name for part in parts):
        mine = [result for part, result in results.items() if part.name == name]
        counts = {key: sum(result.counts[key] for result in mine) for key in COUNTS}
        totals = {key: totals[key] + counts[key] for key in COUNTS}
        say(f"{name}: {_counted(counts)}")
        if any(result.code for result in mine):
            failed.append(f"tests: {name}")
    if not any(totals.values()):
        failed.append("no test was chosen")
    say(
        f"{time.monotonic() - started:.0f} s; "
        + ("failed: " + ", ".join(failed) if failed else "all is well")
    )
    say(_counted(totals))
    return 1 if failed else 0


@dataclass(frozen=True, slots=True)
class Part:
    """One run of pytest."""

    name: str  # what it is a part of
    vendor: str
    arguments: tuple[str, ...]
    coverage: Path | None = None  # where it is left, if it is measured
    waits: bool = False  # it waits more than it works


@dataclass(frozen=True, slots=True)
class Result:
    """How a part ended."""

    code: int
    counts: Mapping[str, int]  # by COUNTS
    output: str
    seconds: float


def _chosen_parts(arguments: list[str]) -> list[Part]:
    """A selection, on each vendor."""
    return [Part(name, vendor, tuple(arguments)) for vendor, name in VENDORS.items()]


def _all_parts(directory: Path) -> list[Part]:
    """Everything. Coverage is measured on SQLite, for it costs."""
    (first, of_first), (second, of_second) = VENDORS.items()
    modules = _modules()
    measured = [path for path in modules if path.parent.name not in UNMEASURED]
    unmeasured = [path for path in modules if path not in measured]
    journeys = [path for path in modules if _has_journeys(path)]
    return [
        *_parts("journeys", first, journeys, 2, waits=True),
        *_parts(of_first, first, unmeasured, 1),
        *_parts(of_first, first, measured, 4, coverage=directory),
        *_parts(of_second, second, modules, 3),
    ]


def _run_parts(parts: Sequence[Part], *, aside: bool) -> dict[Part, Result]:
    """Side by side what fits on the machine: what waits, and as much of what works as it has
    processors, and one more, for all tests wait at times. If `aside`, each is told of as it ends."""
    waiting = ThreadPoolExecutor(max_workers=max(1, sum(part.waits for part in parts)))
    working = ThreadPoolExecutor(max_workers=(os.cpu_count() or 1) + 1 if aside else 1)
    with waiting, working:
        running = {
            part: (waiting if part.waits else working).submit(_run_part, part, aside=aside)
            for part in parts
        }
        return {part: future.result() for part, future in running.items()}


def _run_part(part: Part, *, aside: bool) -> Result:
    if not aside:
        say(f"\n=== tests on {part.name}")
    result = _tests_on(part, aside=aside)
    if aside:
        words = f"tests: {part.name}: {_counted(result.counts)} in {result.seconds:.0f} s"
        say(f"FAILED  {words}\n{result.output.rstrip()}" if result.code else f"ok      {words}")
    return result


def _modules() -> list[Path]:
    """All of tests."""
    return sorted(path.relative_to(PROJECT) for path in (PROJECT / "tests").glob("*/test_*.py"))


def _parts(
    name: str,
    vendor: str,
    modules: Sequence[Path],
    count: int,
    *,
    coverage: Path | None = None,
    waits: bool = False,
) -> list[Part]:
    """Parts that take about as long: of many modules, lengths tell the time well enough."""
    chosen: list[list[str]] = [[] for _ in range(count)]
    lengths = [0] * count
    length = _length if vendor == "sqlite" else _length_with_databases
    for path in sorted(modules, key=length, reverse=True):
        shortest = lengths.index(min(lengths))
        chosen[shortest].append(str(path))
        lengths[shortest] += length(path)
    marks = ("-m", "journey" if waits else "not journey")
    return [
        Part(
            name,
            vendor,
            (*sorted(paths), *marks),
            coverage / f"{name}-{number}.json" if coverage else None,
            waits,
        )
        for number, paths in enumerate(chosen, start=1)
    ]


def _has_journeys(module: Path) -> bool:
    return module.parent.name == "journey" or "mark.journey" in (PROJECT / module).read_text()


def _length(module: Path) -> int:
    return (PROJECT / module).stat().st_size


def _length_with_databases(module: Path) -> int:
    """Of what runs on the second vendor too, hardly anything lies in some folders."""
    return _length(module) // (20 if module.parent.name in WITHOUT_DATABASES else 1)


def _tests_on(part: Part, *, aside: bool) -> Result:
    """Run it; what it prints is kept if `aside`, else it is seen at once.

    What waits for a portal to do something in time gets the processor first.
    """
    first = [] if part.waits or not aside else ["nice", "-n", "10"]
    started = time.monotonic()
    arguments = list(part.arguments)
    with tempfile.TemporaryDirectory(prefix="ispcore-counts-") as directory:
        path = Path(directory) / "counts.json"
        environment = {
            **_clean_environment(),
            "ISPCORE_TEST_VENDOR": part.vendor,
            "ISPCORE_TEST_COUNTS": str(path),
        }
        if part.coverage:
            arguments += ["-p", "tests.harness.measuring"]
            environment[measuring.RESULT] = str(part.coverage)
        if part.vendor != "sqlite":  # what cannot differ by database has run already
            environment["ISPCORE_TEST_ONLY"] = "databases"
        done = subprocess.run(
            [*first, PYTHON, "-m", "tests.harness.run", PYTHON, "-m", "pytest", *arguments],
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.PIPE if aside else None,
            stderr=subprocess.STDOUT if aside else None,
            text=True,
            check=False,
        )
        counts = json.loads(path.read_text()) if path.exists() else {}
    code = 0 if done.returncode == NO_TESTS_COLLECTED else done.returncode
    none = {"passed": 0, "failed": 1 if code else 0, "skipped": 0}
    return Result(code, none | counts, done.stdout or "", time.monotonic() - started)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[key]} {key}" for key in COUNTS)


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["check"]:
        return check()
    if arguments[:1] == ["test"]:
        return test(arguments[1:])
    sys.stderr.write(f"{__doc__}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
