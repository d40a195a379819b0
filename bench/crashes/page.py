"""The tables of docs/provisioning.md, made from what campaigns found."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.crashes.campaign import (
    BOTH,
    NOTHING,
    PORTAL,
    RADIUS,
    RECOVERY,
    STANDS,
    TAKEN_BACK,
    WRITER,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "provisioning.md"
BEGIN, END = "<!-- crash matrix: made by script/bench crash_matrix --write -->", "<!-- end -->"
SIGNS = {NOTHING: "·", TAKEN_BACK: "↩", STANDS: "✓"}
DATABASES = {"postgresql": "PostgreSQL and MariaDB", "sqlite": "SQLite"}
Told = Mapping[str, Any]


def tables(told: Sequence[Told]) -> str:
    """Of each vendor: what was killed and found, and each kind of operation by step."""
    return "\n".join(_of_vendor(each) for each in told)


def write(text: str) -> None:
    """Put it between the marks of the page."""
    page = PAGE.read_text()
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}")


def _of_vendor(told: Told) -> str:
    victims = [WRITER] if told["vendor"] == "sqlite" else [WRITER, PORTAL, RADIUS, BOTH]
    head = (
        f"### {DATABASES[told['vendor']]}\n\n"
        f"{len(told['cells'])} of {told['planned']} cases, seed {told['seed']}: {told['kills']} "
        f"kills, {told['recovered']} units in doubt and decided, {told['diverged']} diverged; "
        f"{told['logins']} logins asked of FreeRADIUS, {told['wrong_logins']} answered wrongly.\n"
    )
    who = " ".join(victims) if len(victims) == 1 else ", ".join(victims)
    return "\n".join(
        [
            head,
            f"Killed while the writer stood at the step: {who}.\n",
            *_table(told, victims, told["steps"]),
            "\nThe recovery after a writer that died between the two commits, killed at its step:\n",
            *_table(told, [RECOVERY], told["recovery_steps"]),
            "",
        ]
    )


def _table(told: Told, victims: Sequence[str], steps: Sequence[str]) -> list[str]:
    found = {(c["victim"], c["kind"], c["step"]): c for c in told["cells"]}
    kinds = sorted({cell["kind"] for cell in told["cells"]})
    names = [step.removeprefix("recovery_").replace("_", " ") for step in steps]
    lines = [f"| operation | {' | '.join(names)} |", f"|---|{'---|' * len(steps)}"]
    for kind in kinds:
        cells = [" ".join(_sign(found.get((v, kind, step))) for v in victims) for step in steps]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return lines


def _sign(cell: Mapping[str, str] | None) -> str:
    """An empty place is a case that a sample left out."""
    if cell is None:
        return " "
    return "**!**" if cell["fault"] else SIGNS[cell["outcome"]]
