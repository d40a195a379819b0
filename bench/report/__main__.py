"""python -m bench.report OUTPUT...: bring docs/performance.md up to each output's last line."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.report.targets import GROWTH, TARGETS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
MARK = "## "  # of a section
HEAD = """\
# Performance

Made by `python -m bench.report` from what `script/bench` printed; not written by hand. References
run in the same run on the same machine (2 cores), so ratios say more than times. `load` is the
machine's 1-minute load average at the end of the run, the benchmark's own included.
"""


def main(paths: Sequence[str]) -> None:
    """Sections of what is not measured anew stay as they are."""
    sections = _written()
    for path in paths:
        result = json.loads(Path(path).read_text().strip().splitlines()[-1])
        sections[result["name"]] = section(result)
    PAGE.write_text("\n".join([HEAD, *(sections[name] for name in TARGETS if name in sections)]))


def _written() -> dict[str, str]:
    """The page's sections by name."""
    _, *sections = PAGE.read_text().split(f"\n{MARK}")
    return {text.split("\n", 1)[0]: f"{MARK}{text.rstrip()}\n" for text in sections}


def section(result: Mapping[str, Any]) -> str:
    """A table of the figures, those with a target first."""
    name, figures = result["name"], result["figures"]
    targets = TARGETS[name]
    rows = [
        f"| `{key}` | {figures[key]:g} | {target.bound} | {_mark(target.holds(figures[key]))} "
        f"| {target.words} |"
        if key in figures
        else f"| `{key}` | not measured | {target.bound} | | {target.words} |"
        for key, target in targets.items()
    ]
    rest = ", ".join(f"`{key}` {value:g}" for key, value in figures.items() if key not in targets)
    return "\n".join(
        [
            f"{MARK}{name}",
            "",
            f"Commit {result['commit']}, {result['time']}, load {result['load']}.",
            "",
            "| figure | measured | target | | what it is |",
            "|---|---|---|---|---|",
            *rows,
            "",
            *([f"Also: {rest}.", ""] if rest else []),
            GROWTH[name],
            "",
        ]
    )


def _mark(holds: bool) -> str:
    return "met" if holds else "missed"


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit(f"usage: {__doc__}")
    main(sys.argv[1:])
