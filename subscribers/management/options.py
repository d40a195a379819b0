"""Forms as commands: each field is an option, read, judged and refused as the form does it."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db import models
from django.forms import ChoiceField, Field

from ispcore.base import faults
from subscribers.forms import JudgedForm
from subscribers.management.choosing import refusals
from subscribers.operations.strangers import MadeByHand

SHORT = {
    "service": "type",
    "validity_days": "days",
    "burst_down_s": "burst_down_time",
    "burst_up_s": "burst_up_time",
}
UNITS = ("_bps", "_octets", "_s")
DEST = "field_{}"
EMPTY = "'' stands for what the form says of an empty field."
Form = TypeVar("Form", bound=JudgedForm)
Given = dict[str, Any]
"""By field, what was typed for it."""


class FormOptions(Generic[Form]):
    """The fields of a form as options. Those of `elsewhere` come from somewhere else, which it names
    in words, so that a fault can be told with it."""

    def __init__(self, form: type[Form], elsewhere: Mapping[str, str]) -> None:
        self._form = form
        self._places = dict(elsewhere)
        self._fields: dict[str, Field] = {
            name: field
            for name, field in form.base_fields.items()
            if name not in elsewhere and not field.widget.is_hidden
        }

    def add_to(self, parser: CommandParser) -> None:
        for name, field in self._fields.items():
            dest, shown = DEST.format(name), name.upper()
            parser.add_argument(option_of(name), dest=dest, metavar=shown, help=_help(field))

    def given(self, options: Mapping[str, Any]) -> Given:
        """What the command was given of them."""
        found = {name: options[DEST.format(name)] for name in self._fields}
        return {name: text for name, text in found.items() if text is not None}

    def filled(self, instance: models.Model, given: Given) -> Form:
        """The form of `instance` with what was given, judged. Raises ValidationError."""
        shown = self._form(instance=instance)
        stored = {name: shown[name].value() for name in shown.fields if name != "seen"}
        typed = {name: value for name, value in (stored | given).items() if value is not None}
        form = self._form(typed, instance=instance)
        if not form.is_valid():
            raise ValidationError(form.errors.as_data())
        return form

    def changes(self, instance: models.Model, given: Given) -> dict[str, Any]:
        """What of `given` is another value than the stored one, for an operation. Raises
        ValidationError."""
        if not given:
            raise ValidationError("Say what is to be changed.")
        before = {name: getattr(instance, name) for name in given}  # filling changes the instance
        typed: dict[str, Any] = self.filled(instance, given).changes
        return {n: value for n, value in typed.items() if n in given and value != before[n]}

    def told(self, changes: Mapping[str, Any]) -> str:
        """ "price, quota changed"."""
        words = [option_of(name).removeprefix("--") for name in self._fields if name in changes]
        return f"{', '.join(words)} changed" if words else "it is so already"

    @contextlib.contextmanager
    def refusals(self, places: Mapping[str, str] | None = None) -> Iterator[None]:
        """As `choosing.refusals`; each fault is named by the option that it came with, or by its
        place in `places`. Raises CommandError."""
        with refusals(self._form._meta.model):
            try:
                yield
            except MadeByHand:
                raise
            except ValidationError as error:
                said = " ".join(self._sentences(error, places or {}))
                raise CommandError(f"{said} {faults.UNCHANGED}") from error

    def _sentences(self, error: ValidationError, places: Mapping[str, str]) -> Iterator[str]:
        if not hasattr(error, "error_dict"):
            yield from error.messages
            return
        for name, texts in error.message_dict.items():
            for text in texts:
                yield f"{self._place(name, places)}{text}"

    def _place(self, name: str, places: Mapping[str, str]) -> str:
        if name == NON_FIELD_ERRORS:
            return ""
        if name in places:
            return f"{places[name]}: {self._form.base_fields[name].label}: "
        place = self._places.get(name) or (option_of(name) if name in self._fields else name)
        return f"{place}: "


def option_of(name: str) -> str:
    """ "--burst-up" of the field burst_up_bps."""
    plain = SHORT.get(name, name)
    for unit in UNITS:
        plain = plain.removesuffix(unit)
    return f"--{plain.replace('_', '-')}"


def _help(field: Field) -> str:
    said = [str(text) for text in (field.label, field.help_text) if text]
    if isinstance(field, ChoiceField):
        said.append(" or ".join(str(value) for value, _ in field.choices if value))  # type: ignore[union-attr, misc]
    return ": ".join(said).replace("%", "%%")
