"""A form that knows what it was filled with: what others changed since is told, and not written over."""

import json
from typing import Any, ClassVar

from django import forms

from ispcore.base import seen

TELLS = "Somebody else has changed this meanwhile: {}. "
KEPT = "What you typed is kept, the rest is as it stands now: look at it, and store it again."


class SeenForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form of a stored row. It is refused where the row has moved since it was filled, and is then
    filled anew, but for what was typed; without its hidden field nothing is compared."""

    tells_who: ClassVar[bool] = True
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields = {field.name: field.attname for field in self._meta.model._meta.concrete_fields}
        self._columns = {name: fields[name] for name in self.fields if name in fields}
        is_stored = self.instance.pk is not None
        self._now = seen.seen_of(self.instance, self._columns.values()) if is_stored else {}
        self._words: dict[str, str] = {}
        self.initial["seen"] = json.dumps(self._now)

    @property
    def shown(self) -> dict[str, str]:
        """The row as it was seen, for the operation."""
        return self._now if self.cleaned_data.get("seen") else {}

    def _post_clean(self) -> None:
        carried = seen.read(self.cleaned_data.get("seen", ""))
        moved = [
            n for n, c in self._columns.items() if carried.get(c, "") not in ("", self._now.get(c))
        ]
        said = self._told(moved) if moved else ""
        super()._post_clean()  # type: ignore[misc]
        if moved:
            self.add_error(None, f"{TELLS.format(said)}{KEPT}")
            self._fill_anew(moved, carried)

    def _told(self, moved: list[str]) -> str:
        """Before the instance has what was typed."""
        if not self.tells_who:
            return ", ".join(str(self.fields[name].label) for name in moved)
        return "; ".join(
            f"{self.fields[name].label} is {seen.told(self.instance, self._columns[name])}"
            for name in moved
        )

    def _fill_anew(self, moved: list[str], carried: dict[str, str]) -> None:
        data: Any = self.data.copy()  # type: ignore[attr-defined]
        for name in moved:
            column = self._columns[name]
            is_typed = seen.digest(getattr(self.instance, column)) != carried[column]
            if name not in self.errors and not is_typed:
                data[self.add_prefix(name)] = self.get_initial_for_field(self.fields[name], name)
        data[self.add_prefix("seen")] = self.initial["seen"]
        self.data = data
