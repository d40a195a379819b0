"""What the audit log keeps of a row's values: as JSON, only what differs, and never a secret."""

import functools
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from ispcore.base.secrets import Sealed, SecretField

SECRET = "(secret)"  # noqa: S105 - what the log has in place of one
CHANGED = "(changed)"  # and in place of another one that follows it
NOT_SHOWN = {"created_at", "updated_at", "password", "last_login"}
# keys of values that are no columns, and are secrets by their names
_NAMED_SECRET = re.compile(r"(^|_)(passwords?|secrets?|tokens?|passphrase|private_key|psk)$")


class Hidden(str):
    """Shown as SECRET wherever it goes; equal only to the same secret, so that a change is seen."""

    _clear: str

    def __new__(cls, clear: str) -> "Hidden":
        made = super().__new__(cls, SECRET)
        made._clear = clear
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hidden) and self._clear == other._clear

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


def snapshot(row: models.Model) -> dict[str, Any]:
    """The row's columns as the log shows them; secrets only as present or absent.

    Two snapshots with different secrets differ, though both show the same word.
    """
    return {
        field.attname: _shown(field, getattr(row, field.attname))
        for field in row._meta.concrete_fields
        if field.name not in NOT_SHOWN
    }


def differing(
    model: type[models.Model] | None, old: Mapping[str, Any], new: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Only what changed, when both sides are given; a secret that changed is (changed)."""
    before = {name: _kept(model, name, value) for name, value in old.items()}
    after = {name: _kept(model, name, value) for name, value in new.items()}
    if before and after:
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        before = {name: before.get(name) for name in names}
        after = {name: after.get(name) for name in names}
    for name, value in after.items():
        if isinstance(value, Hidden) and isinstance(before.get(name), Hidden):
            after[name] = CHANGED
    return before, after


@functools.lru_cache(maxsize=5_000)
def is_secret(model: type[models.Model] | None, name: str) -> bool:
    """Whether values of this name are never kept: an encrypted column, a password, a token."""
    try:
        if model is not None and isinstance(model._meta.get_field(name), SecretField):
            return True
    except FieldDoesNotExist:
        pass
    return bool(_NAMED_SECRET.search(name))


def _kept(model: type[models.Model] | None, name: str, value: Any) -> Any:
    """Whatever an operation gives, no secret goes further than here."""
    if not is_secret(model, name) or isinstance(value, Hidden):
        return _plain(value)
    return Hidden(str(value)) if value else ""


def _shown(field: "models.Field[Any, Any]", value: Any) -> Any:
    if isinstance(field, SecretField):
        clear = value.token if isinstance(value, Sealed) else value
        return Hidden(clear) if clear else ""
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
