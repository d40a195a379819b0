"""What forms of packages and subscribers share: faults beside their fields, fields of several."""

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet

from ispcore.accounts.pages import OperationForm
from ispcore.base import clock
from ispcore.base.refused_forms import add_refusal
from ispcore.base.seen_forms import SeenForm
from ispcore.base.selects import LongSelect
from subscribers import validity
from subscribers.models import Package
from subscribers.pages import states

AS_TYPED = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
END_ASKED_AS = {"expires_at": "until"}
NOT_THIS_PACKAGE = "This package cannot be given here: it is of another tenant or type, or deleted."
DAYS = [
    MinValueValidator(date(validity.FIRST_YEAR, 1, 2), validity.YEARS_WORDS),
    MaxValueValidator(date(validity.LAST_YEAR, 12, 30), validity.YEARS_WORDS),
]


class JudgedForm(SeenForm, OperationForm):
    """Says beside each field what the operation would refuse, before it is asked."""

    def judge(self) -> None:
        """Raises ValidationError."""
        raise NotImplementedError

    @property
    def changes(self) -> dict[str, Any]:
        """What was typed otherwise than it was."""
        names = self._columns.keys() & set(self.changed_data)
        return {name: getattr(self.instance, name) for name in names}

    def _post_clean(self) -> None:
        super()._post_clean()
        if self.errors:
            return
        try:
            self.judge()
        except ValidationError as error:
            add_refusal(self, error, self._meta.model)


class PackageChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Packages with their rates, by tenant where there are several."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", LongSelect)
        kwargs.setdefault("empty_label", "choose one")
        kwargs.setdefault("error_messages", {"invalid_choice": NOT_THIS_PACKAGE})
        rows = Package.objects.select_related("tenant").order_by("tenant__name", "name", "pk")
        super().__init__(rows, **kwargs)

    def offer(self, packages: "QuerySet[Package]") -> None:
        self.queryset = packages.select_related("tenant").order_by("tenant__name", "name", "pk")

    def label_from_instance(self, obj: Any) -> str:
        kind = obj.get_service_display()
        valid = states.validity_words(obj)
        return f"{obj.tenant}: {obj.name} ({kind}, {obj.limit.short_words}, {valid})"


class LastDayField(forms.DateField):
    """The last day, which counts, as the end that it stands for; empty: none is said."""

    widget = forms.DateInput(attrs={"type": "date"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, validators=DAYS, **kwargs)

    def clean(self, value: Any) -> Any:
        day = super().clean(value)
        return validity.end_of(day, zone=clock.isp_zone()) if day else None


def take_over_field() -> forms.BooleanField:
    """Hidden until there is something to take over: see `offer_take_over`."""
    return forms.BooleanField(
        label="Take them over",
        label_suffix="",
        required=False,
        widget=forms.HiddenInput,
        help_text="what RADIUS has of such names is replaced, with their passwords; the audit log keeps "
        "the names of the attributes",
    )


def offer_take_over(form: forms.BaseForm) -> None:
    """After a refusal of rows that were made by hand."""
    if "take_over" in form.fields:
        form.fields["take_over"].widget = forms.CheckboxInput()
