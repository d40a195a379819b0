"""The history of one object, read from the audit log: its entries in words, its state at a time."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime

from ispcore.base import clock, units
from ispcore.base.audit_values import CHANGED, NOT_SHOWN, SECRET, is_secret, snapshot
from ispcore.base.models import AuditEntry

Model = type[models.Model]
PLATFORM = frozenset({"id", "is_demo"})  # columns that say nothing to people
NONE: tuple[Any, ...] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class Line:
    """One value of an entry: its column, the column's label, and both sides in words."""

    name: str
    label: str
    old: str
    new: str


def entries_of(row: models.Model) -> QuerySet[AuditEntry]:
    """All entries about a row, newest first."""
    about = {"object_kind": row._meta.label_lower, "object_id": str(row.pk)}
    return AuditEntry.objects.filter(**about).order_by("-at", "-pk")


def with_field(entries: QuerySet[AuditEntry], name: str) -> QuerySet[AuditEntry]:
    """Those that changed the column `name`."""
    return entries.filter(Q(old__has_key=name) | Q(new__has_key=name))


def a_page(
    entries: QuerySet[AuditEntry], *, before: str, most: int
) -> tuple[list[AuditEntry], int | None]:
    """The first `most` of entries that are newest first, or those behind the entry whose number
    `before` is; and the number behind which there are more, if there are."""
    if before.isdecimal() and len(before) <= 18:
        last = entries.filter(pk=int(before)).values_list("at", flat=True).first()
        if last is not None:
            entries = entries.filter(Q(at=last, pk__lt=int(before)) | Q(at__lt=last))
    found = list(entries[: most + 1])
    return found[:most], found[most - 1].pk if len(found) > most else None


def model_of(kind: str) -> Model | None:
    """The model of an entry's `object_kind`; None for one that is gone, or never was one."""
    try:
        return apps.get_model(kind) if kind.count(".") == 1 else None
    except LookupError:
        return None


class Words:
    """Values of the log in words. Names of rows that keys point to are read once for all of
    `entries`; of what is gone, the number is left."""

    def __init__(self, entries: Iterable[AuditEntry] = ()) -> None:
        self._names: dict[tuple[Model, str], str] = {}
        self.learn((entry.object_kind, entry.old | entry.new) for entry in entries)
        self.learn((entry.object_kind, entry.old) for entry in entries)

    def learn(self, values: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Look up the names of all rows that these values of (kind, values) point to."""
        wanted: dict[Model, set[str]] = defaultdict(set)
        for kind, given in values:
            model = model_of(kind)
            for name, value in given.items():
                target = _target(_field(model, name), name)
                if target is not None and value not in NONE:
                    wanted[target].add(str(value))
        for target, keys in wanted.items():
            known = {key for key in keys if (target, key) not in self._names and key.isdecimal()}
            # with the rows that every one of them has, since names are made of those too
            for row in target._default_manager.filter(pk__in=known).select_related():
                self._names[target, str(row.pk)] = str(row)

    def lines(self, entry: AuditEntry, *, without: frozenset[str] = frozenset()) -> list[Line]:
        """What an entry changed, column by column; of what was made, only what it has."""
        model = model_of(entry.object_kind)
        names = [n for n in {**entry.old, **entry.new} if n not in without | PLATFORM]
        if not entry.old:
            names = [name for name in names if entry.new[name] not in NONE]
        return [
            Line(name, label_of(model, name), *self._both(model, name, entry)) for name in names
        ]

    def of(self, model: Model | None, name: str, value: Any) -> str:
        """One value of the column `name`."""
        if is_secret(model, name):
            return "set" if value else "none"
        if value in NONE:
            return "none"
        if isinstance(value, bool):
            return "yes" if value else "no"
        return self._plain(_field(model, name), name, value)

    def _plain(self, field: Any, name: str, value: Any) -> str:
        target = _target(field, name)
        if target is not None:
            return self._names.get((target, str(value)), f"number {value}, which is gone")
        choices = dict(getattr(field, "flatchoices", None) or ())
        chosen = choices.get(value) if isinstance(value, str | int) else None
        if chosen is not None:
            return str(chosen)
        if name.endswith("_bps") and isinstance(value, int):
            return units.format_bps(value)
        if isinstance(field, models.DateTimeField) or name.endswith("_at"):
            at = parse_datetime(str(value))
            return zoned(at) if at is not None else str(value)
        return _joined(value)

    def _both(self, model: Model | None, name: str, entry: AuditEntry) -> tuple[str, str]:
        old, new = entry.old.get(name), entry.new.get(name)
        if new == CHANGED:
            return "", "changed"
        if is_secret(model, name) and not new:
            return "", "removed"
        return (self.of(model, name, old) if entry.old else ""), (
            self.of(model, name, new) if entry.new else ""
        )


def label_of(model: Model | None, name: str) -> str:
    """How people call the column: the field's own words, "VLAN", "warning, %"."""
    field = _field(model, name)
    words = getattr(field, "verbose_name", None) or name.removesuffix("_id").replace("_", " ")
    return str(words)[:1].upper() + str(words)[1:]


def zoned(at: datetime) -> str:
    """21 Nov 2026, 14:03:09 in the ISP's zone."""
    local = at.astimezone(clock.isp_zone())
    return f"{local.day} {local:%b %Y, %H:%M:%S}"


def columns(model: Model) -> list[tuple[str, str]]:
    """(column, label) of all that the log may hold of a model."""
    fields = [f for f in model._meta.concrete_fields if f.name not in NOT_SHOWN - {"password"}]
    return [(f.attname, label_of(model, f.attname)) for f in fields if not f.primary_key]


def recorded_values(row: models.Model, extra: Sequence[str] = ()) -> dict[str, Any]:
    """What the row has now, as the log would hold it (through JSON); `extra` are names that
    operations record beside the columns, as a reseller's `name`."""
    values = snapshot(row)
    values |= {name: getattr(row, name) for name in extra if isinstance(_of(row, name), property)}
    found: dict[str, Any] = json.loads(json.dumps(values, cls=DjangoJSONEncoder))
    return found


def is_secret_word(value: Any) -> bool:
    return value in (SECRET, CHANGED)


def field_of(model: Model | None, name: str) -> Any:
    return _field(model, name)


def _of(row: models.Model, name: str) -> Any:
    return getattr(type(row), name, None)


def _field(model: Model | None, name: str) -> Any:
    if model is None:
        return None
    for each in model._meta.concrete_fields:
        if name in (each.attname, each.name):
            return each
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def _target(field: Any, name: str) -> Model | None:
    """The model that a value points to; None also for a name that was written in place of a key."""
    if field is None or not field.is_relation or name != field.attname or name == field.name:
        return None
    found: Model = field.related_model
    return found


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_joined(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_joined(each)}" for key, each in value.items())
    return str(value)
