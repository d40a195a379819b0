"""What somebody had before them when they began to edit, so that nobody else's change is written over.

A row's values as short digests by column: a form carries them there and back, and the operation
compares them with the row that it has locked.
"""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from django.db import models

from ispcore.base import faults, history
from ispcore.base.history import Words

Seen = Mapping[str, str]
DIGEST_OCTETS = 6


class ChangedMeanwhile(Exception):
    """Somebody else has changed the row since it was looked at; nothing was changed."""


def seen_of(row: models.Model, columns: Iterable[str]) -> dict[str, str]:
    """These columns of a row, as they are now."""
    return {column: digest(getattr(row, column)) for column in columns}


def digest(value: object) -> str:
    """The same for values that a form reads as the same: none, ends of lines, digits behind a point."""
    if isinstance(value, str):
        value = "\n".join(value.strip().splitlines()) or None
    elif isinstance(value, Decimal):
        value = f"{value.normalize():f}"
    return blake2b(repr(value).encode(), digest_size=DIGEST_OCTETS).hexdigest()


def read(text: str) -> dict[str, str]:
    """What a form carried; nothing where it is no such thing."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):  # the second of brackets in brackets, by the thousand
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def moved(row: models.Model, seen: Seen) -> list[str]:
    """The columns that are not as they were seen."""
    known = {field.attname for field in row._meta.concrete_fields}
    return [c for c in seen if c in known and digest(getattr(row, c)) != seen[c]]


def refuse_moved(row: models.Model, seen: Seen) -> None:
    """In the transaction that has locked the row. Raises ChangedMeanwhile."""
    if found := moved(row, seen):
        labels = ", ".join(history.label_of(type(row), column) for column in found)
        raise ChangedMeanwhile(
            f"Somebody else has changed {row} meanwhile ({labels}): look again. {faults.UNCHANGED}"
        )


def told(row: models.Model, column: str) -> str:
    """ "30 Mbps, by noc on 21 Nov 2026, 14:03:09": what a column is now, and since when by whom."""
    value: Any = history.recorded_values(row).get(column)
    words = Words()
    words.learn([(row._meta.label_lower, {column: value})])
    said = words.of(type(row), column, value)
    entry = history.with_field(history.entries_of(row), column).first()
    return said if entry is None else f"{said}, by {entry.actor} on {history.zoned(entry.at)}"
