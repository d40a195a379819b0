"""Adds the coverage of all runs up and holds it against the thresholds of the house style."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from slipcover import merge_coverage

# (what, does this file belong to it, least percent of lines and branches)
THRESHOLDS: list[tuple[str, Callable[[str], bool], float]] = [
    ("operations", lambda file: "/operations/" in file, 95.0),
    ("protocols", lambda file: file.startswith("ispcore/protocols/"), 95.0),
    ("everything", lambda file: True, 85.0),
]
WORST = 8


def shortfalls(results: Sequence[Path], say: Callable[[str], None]) -> list[str]:
    """Say the coverage of each part; return a line for each that is below its threshold."""
    files = _files(results)
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


def _files(results: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """What `tests.harness.measuring` found, by name of file, in all runs that came to their end."""
    found = [json.loads(path.read_text()) for path in results if path.exists()]
    for other in found[1:]:
        merge_coverage(found[0], other)
    return found[0]["files"] if found else {}


def _percent(summaries: Iterable[dict[str, Any]]) -> float:
    summaries = list(summaries)
    covered = sum(each["covered_lines"] + each["covered_branches"] for each in summaries)
    missing = sum(each["missing_lines"] + each["missing_branches"] for each in summaries)
    return 100 * covered / (covered + missing) if covered else 0.0


def _worst(files: dict[str, dict[str, Any]]) -> list[str]:
    by_missing = sorted(files.items(), key=lambda item: -item[1]["missing_lines"])
    return [
        f"{file}: {each['percent_covered']:.0f} %, {each['missing_lines']} lines missing"
        for file, each in by_missing[:WORST]
    ]
