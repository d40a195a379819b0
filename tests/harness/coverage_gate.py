"""Adds the coverage of all runs up and holds it against the thresholds of the house style."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

# (what, does this file belong to it, least percent of lines and branches)
THRESHOLDS: list[tuple[str, Callable[[str], bool], float]] = [
    ("operations", lambda file: "/operations/" in file, 95.0),
    ("protocols", lambda file: file.startswith("ispcore/protocols/"), 95.0),
    ("everything", lambda file: True, 85.0),
]
WORST = 8


def erase(project: Path) -> None:
    """Forget earlier runs."""
    _coverage(project, "erase")


def shortfalls(project: Path, say: Callable[[str], None]) -> list[str]:
    """Say the coverage of each part; return a line for each that is below its threshold."""
    _coverage(project, "combine", "--quiet")
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "coverage.json"
        _coverage(project, "json", "--quiet", "--fail-under=0", f"-o{report}")
        files = json.loads(report.read_text())["files"] if report.exists() else {}
    short = []
    for name, belongs, least in THRESHOLDS:
        chosen = {file: each["summary"] for file, each in files.items() if belongs(file)}
        percent = _percent(chosen.values())
        say(f"coverage of {name}: {percent:.1f} % (at least {least:g} %)")
        if percent < least:
            short.append(f"coverage of {name} {percent:.1f} %")
            for line in _worst(chosen):
                say(f"  {line}")
    return short


def _percent(summaries: Iterable[dict[str, Any]]) -> float:
    summaries = list(summaries)
    possible = sum(each["num_statements"] + each.get("num_branches", 0) for each in summaries)
    covered = sum(each["covered_lines"] + each.get("covered_branches", 0) for each in summaries)
    return 100 * covered / possible if possible else 0.0


def _worst(files: dict[str, dict[str, Any]]) -> list[str]:
    by_missing = sorted(files.items(), key=lambda item: -item[1]["missing_lines"])
    return [
        f"{file}: {each['percent_covered']:.0f} %, {each['missing_lines']} lines missing"
        for file, each in by_missing[:WORST]
    ]


def _coverage(project: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=project, check=False)
