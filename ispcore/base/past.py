"""What an object was at a time in the past, and what differs between two times.

The log holds changes, not states: the state of then is the row of now with every later change
taken back. That is only as good as the log: where it begins later, where a column is not followed,
or where the row is not what the last entry left, it says so instead of a value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models

from ispcore.base import clock
from ispcore.base.history import (
    NONE,
    PLATFORM,
    Words,
    columns,
    entries_of,
    field_of,
    is_secret_word,
    label_of,
    recorded_values,
    zoned,
)
from ispcore.base.models import AuditEntry

MOST_ENTRIES = 5_000


@dataclass(frozen=True, slots=True)
class Value:
    """One column as it was then; `words` is empty and `why` says so where that is not known."""

    name: str
    label: str
    words: str
    why: str = ""
    since: datetime | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """An object at `at`; `values` is empty where it was not there, or nothing is known: see
    `words`."""

    at: datetime
    words: str
    values: Sequence[Value] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A column that differs between two times."""

    label: str
    old: str
    new: str
    why: str = ""


class _Walk:
    """All that is asked of the log for one row."""

    def __init__(self, row: models.Model) -> None:
        self.row, self.model = row, type(row)
        newest_first = list(entries_of(row)[: MOST_ENTRIES + 1])
        self.is_cut = len(newest_first) > MOST_ENTRIES
        self.entries = newest_first[:MOST_ENTRIES]
        extra = {name for e in self.entries for name in e.new if field_of(self.model, name) is None}
        self.now = recorded_values(row, sorted(extra))
        self.words = Words(self.entries)
        self.words.learn([(row._meta.label_lower, self.now)])

    def at(self, at: datetime) -> Past:
        missing = self._missing(at)
        if missing:
            return Past(at, missing)
        followed = _unfollowed(self.model)
        names = [*(name for name, _ in columns(self.model)), *self._extra()]
        values = [
            self._unknown(name, "collection writes it; no history is kept")
            if name in followed
            else self._value(name, at)
            for name in names
            if name not in PLATFORM and name in self.now
        ]
        return Past(at, "", values)

    def _extra(self) -> list[str]:
        return [name for name in self.now if field_of(self.model, name) is None]

    def _missing(self, at: datetime) -> str:
        """Why there is nothing to show at all; empty where there is."""
        first = self.entries[-1] if self.entries else None
        made_at = getattr(self.row, "created_at", None)
        if first is not None and not self.is_cut and _is_creation(first, self.now):
            return "" if at >= first.at else f"It was made on {zoned(first.at)}: not there yet."
        if made_at is not None and at < made_at:
            return f"It was made on {zoned(made_at)}: not there yet."
        if at >= clock.now():
            return ""
        if first is None:
            return "No change of it is on record, so what it was then is not known."
        if at < first.at:
            return f"The record of it begins on {zoned(first.at)}: before that it is not known."
        return ""

    def _value(self, name: str, at: datetime) -> Value:
        """Back from now, change by change; what does not fit was changed off the record."""
        value, settled = self.now[name], False
        for entry in self.entries:
            key = self._key(entry, name)
            if key is None:
                continue
            fits = self._same(key, name, entry.new.get(key), value)
            if entry.at <= at:
                if not fits and not settled:
                    return self._unknown(name, "changed without a record since then")
                return self._known(name, value, entry)
            value, settled = entry.old.get(key), key != name
        return self._known(name, value, None)

    def _key(self, entry: AuditEntry, name: str) -> str | None:
        """The entry's name for the column: `plan_id`, or `plan`, where it holds the plan's name."""
        field = field_of(self.model, name)
        names = (name, field.name) if field is not None else (name,)
        return next((each for each in names if each in entry.new or each in entry.old), None)

    def _same(self, key: str, name: str, logged: Any, value: Any) -> bool:
        if key != name or is_secret_word(logged) or is_secret_word(value):
            return True  # names of then cannot be compared, and secrets are not there
        return bool(logged == value or (logged in NONE and value in NONE))

    def _known(self, name: str, value: Any, entry: AuditEntry | None) -> Value:
        return Value(
            name,
            label_of(self.model, name),
            self._in_words(name, value),
            since=entry.at if entry else None,
            by=entry.actor if entry else "",
        )

    def _in_words(self, name: str, value: Any) -> str:
        field = field_of(self.model, name)
        is_name = field is not None and field.is_relation and isinstance(value, str)
        return value if is_name and value else self.words.of(self.model, name, value)

    def _unknown(self, name: str, why: str) -> Value:
        return Value(name, label_of(self.model, name), "", why)


def state_at(row: models.Model, at: datetime) -> Past:
    """The row as it was at `at`."""
    return _Walk(row).at(at)


def difference(
    row: models.Model, start: datetime, end: datetime
) -> tuple[Past, Past, list[Change]]:
    """Both states, and the columns in which they differ or may differ."""
    walk = _Walk(row)
    old, new = walk.at(start), walk.at(end)
    before = {value.name: value for value in old.values}
    changes = []
    for value in new.values:
        was = before.get(value.name, Value(value.name, value.label, ""))
        if was.words != value.words or bool(was.why) != bool(value.why):
            why = was.why or value.why
            changes.append(Change(value.label, was.words, value.words, why))
    return old, new, changes


def _is_creation(entry: AuditEntry, now: dict[str, Any]) -> bool:
    """An entry without old values and with most of the columns is that of its making."""
    return not entry.old and 2 * len(entry.new.keys() & now.keys()) >= len(now)


def _unfollowed(model: type[models.Model]) -> set[str]:
    """Columns that collection writes: those that the model names, else those nobody can edit."""
    named = getattr(model, "measured", None)
    fields = [f for f in model._meta.concrete_fields if not f.primary_key]
    if named is None:
        return {f.attname for f in fields if not f.editable} - PLATFORM
    return {f.attname for f in fields if f.name in named or "*" in named}
