"""Reads what our documents, units and container files name: paths and commands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENTS = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
UNITS = sorted((PROJECT / "deploy" / "systemd").glob("*.*"))
INSTALLED = "/opt/ispcore/"  # where the units expect the checkout
OUR_DIRECTORIES = ("script", "deploy", "docs", "tests", "lab", "static", "templates", "ispcore")


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((PROJECT / "compose.yaml").read_text())
    return loaded


def compose_commands() -> dict[str, list[str]]:
    """Service to the words that it runs; services that run their image's command are left out."""
    return {
        name: [str(word) for word in service["command"]]
        for name, service in compose()["services"].items()
        if "command" in service and service.get("build") == "."
    }


def dockerfile_lines() -> Iterator[str]:
    text = (PROJECT / "Dockerfile").read_text().replace("\\\n", " ")
    yield from (line.strip() for line in text.splitlines() if line.strip()[:1] not in {"", "#"})


def copied() -> set[str]:
    """What the Dockerfile copies from the checkout."""
    found: set[str] = set()
    for line in dockerfile_lines():
        words = line.split()
        if words[0] == "COPY" and not words[1].startswith("--from"):
            found |= set(words[1:-1])
    return found


def unit_commands() -> Iterator[tuple[str, list[str]]]:
    for unit in UNITS:
        for line in unit.read_text().splitlines():
            if line.startswith("ExecStart="):
                yield unit.name, shlex.split(line.partition("=")[2])


def linked_paths() -> Iterator[tuple[str, str]]:
    """(document, path) of each relative link or picture in our documents."""
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if "://" not in target:
                path = (document.parent / target).resolve().relative_to(PROJECT)
                yield document.name, str(path)


def named_paths() -> Iterator[tuple[str, str]]:
    """(document, path) of each path of ours that a document or container file names."""
    pattern = re.compile(
        rf"(?<![\w./-])(?:/opt/ispcore/)?((?:{'|'.join(OUR_DIRECTORIES)})/[\w./-]*\w)"
    )
    for document in [*DOCUMENTS, *UNITS, PROJECT / "compose.yaml", PROJECT / "Dockerfile"]:
        for path in pattern.findall(document.read_text()):
            yield document.name, path


def management_commands() -> Iterator[tuple[str, str]]:
    """(file, NAME) of each `manage.py NAME` anywhere in what we hand out."""
    files = [*DOCUMENTS, *UNITS, PROJECT / "compose.yaml", PROJECT / "deploy/docker/alive"]
    pattern = re.compile(r"""manage\.py"?,?[ ]"?([a-z_]+)""")
    for file in files:
        for name in pattern.findall(file.read_text()):
            yield file.name, name
