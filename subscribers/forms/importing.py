"""The form of an import: a CSV file, and whose subscribers it has."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from ispcore.accounts.models import Tenant
from ispcore.base.selects import LongSelect
from subscribers.forms.shared import take_over_field

LARGEST_FILE = 20 * 2**20


class UploadForm(forms.Form):
    """A CSV file, and whose subscribers it has."""

    tenant = forms.ModelChoiceField(
        Tenant.objects.order_by("name"), widget=LongSelect, empty_label="choose one"
    )
    file = forms.FileField(
        label="CSV file",
        help_text="its first line names the columns; in UTF-8, up to 20 MB",
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )
    take_over = take_over_field()

    def __init__(self, *args: Any, tenants: "QuerySet[Tenant]", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tenant"].queryset = tenants  # type: ignore[attr-defined]

    def clean_file(self) -> str:
        """Its text."""
        file = self.cleaned_data["file"]
        if file.size > LARGEST_FILE:
            raise ValidationError("The file is larger than 20 MB: cut it into several.")
        try:
            return str(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise ValidationError(
                "The file is not in UTF-8: save it as “CSV UTF-8” and choose it again."
            ) from error
