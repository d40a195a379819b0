"""The table written by hand (expectations.csv): who gets what from which surface.

`allowed`: the page, the data, or the act. `hidden`: as if it did not exist (404, 405, no such action
or topic). `refused`: 403, or sent to the login. `elsewhere`: led to another page in its place.
A surface may be a pattern (`*`) where the answer is the same for all that fit it; a line that names
one exactly goes before. `methods` may name several, or * for all.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tests.access.surfaces import Surface

FILE = Path(__file__).with_name("expectations.csv")
WORDS = {"allowed", "hidden", "refused", "elsewhere"}


@dataclass(frozen=True, slots=True)
class Line:
    surface: str
    methods: tuple[str, ...]
    says: Mapping[str, str]  # by persona

    def fits(self, surface: Surface) -> bool:
        method = self.methods == ("*",) or surface.method in self.methods
        return method and (self.surface == surface.name or self._pattern_fits(surface))

    def _pattern_fits(self, surface: Surface) -> bool:
        return "*" in self.surface and fnmatchcase(surface.name, self.surface)


def read() -> tuple[list[str], list[Line]]:
    """(personas in the order of the columns, lines)."""
    with FILE.open(newline="") as file:
        head, *rows = [
            [value.strip() for value in row] for row in csv.reader(file) if row[0][:1] != "#"
        ]
    people = head[2:]
    lines = [
        Line(name, tuple(methods.split()), dict(zip(people, words, strict=True)))
        for name, methods, *words in rows
    ]
    return people, lines


def lines_for(surface: Surface, lines: list[Line]) -> list[Line]:
    """Those that say something of it: the exact ones, else the patterns that fit."""
    fitting = [line for line in lines if line.fits(surface)]
    return [line for line in fitting if line.surface == surface.name] or fitting
