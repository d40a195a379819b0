"""A select of thousands of options."""

from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString


class LongSelect(forms.Select):
    """Django's own writes each option by a template: 2,000 take 0.1 s. This one writes the same."""

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        widget = self.get_context(name, value, attrs)["widget"]
        groups = [_group(label, options) for label, options, _ in widget["optgroups"]]
        return format_html(
            '<select name="{}"{}>{}</select>',
            widget["name"],
            flatatt(widget["attrs"]),
            SafeString("".join(groups)),  # escaped piece by piece
        )


def _group(label: str | None, options: list[dict[str, Any]]) -> str:
    written = "".join(
        f'<option value="{escape(each["value"])}"{flatatt(each["attrs"])}>'
        f"{escape(each['label'])}</option>"
        for each in options
    )
    return f'<optgroup label="{escape(label)}">{written}</optgroup>' if label else written
