"""Form fields for what people type with a unit: bit rates and octets."""

import re
from decimal import Decimal
from typing import Any

from django import forms

from ispcore.base import units
from ispcore.base.units import NotARate

_OCTETS = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([kMGTP]?)i?B?", re.ASCII | re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
NO_OCTETS = "“{}” is no amount of traffic: write it like 500 GB or 1.5 TB."


class RateField(forms.Field):
    """Bit/s, typed as 200M, 1.5 Gbps or 64k."""

    widget = forms.TextInput

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", "like 200M, 1.5 Gbps or 64k")
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> int | None:
        if value in self.empty_values:
            return None
        try:
            return units.parse_bps(str(value))
        except NotARate as error:
            raise forms.ValidationError(f"{str(error).rstrip('.')}.") from error

    def prepare_value(self, value: Any) -> Any:
        return units.rate_text(value) if isinstance(value, int) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class MaybeRateField(RateField):
    """As RateField; what is left empty is 0, which stands for none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False} | kwargs)

    def to_python(self, value: Any) -> int | None:
        is_nought = str(value).strip() in {"", "0"}
        return 0 if value is None or is_nought else super().to_python(value)

    def prepare_value(self, value: Any) -> Any:
        return "" if value == 0 else super().prepare_value(value)


class OctetsField(forms.Field):
    """Octets, typed as 500 GB; a kilobyte is 1,000 octets."""

    widget = forms.TextInput

    def to_python(self, value: Any) -> int | None:
        if value in self.empty_values:
            return None
        match = _OCTETS.fullmatch(str(value).strip())
        if match is None:
            raise forms.ValidationError(NO_OCTETS.format(str(value)[:40]))
        return int(Decimal(match[1]) * 1000 ** _POWERS[match[2].lower()])

    def prepare_value(self, value: Any) -> Any:
        """The shortest text that is read back as the same number."""
        if not isinstance(value, int):
            return value
        for sign, power in (("T", 4), ("G", 3), ("M", 2), ("k", 1)):
            whole, rest = divmod(value, 1000**power)
            if whole and not rest:
                return f"{whole} {sign}B"
        return str(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)
