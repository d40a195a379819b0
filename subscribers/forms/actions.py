"""Forms of what is done with one subscriber, or with many."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from subscribers import validity
from subscribers.forms.shared import (
    AS_TYPED,
    END_ASKED_AS,
    LastDayField,
    PackageChoice,
    take_over_field,
)
from subscribers.models import Package, words


class Because(forms.Form):
    """An action with the reason for it."""

    reason = forms.CharField(
        max_length=200,
        help_text="for the history and the audit log",
        widget=forms.TextInput(attrs={"size": 60}),
    )


class MaybeBecause(Because):
    """An action whose reason may be left out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reason = self.fields["reason"] = self.fields.pop("reason")  # comes last
        reason.required, reason.help_text = False, "for the audit log; may be left out"


class RenewForm(Because):
    """So many periods more, or to a day."""

    asked_as = END_ASKED_AS
    periods = forms.IntegerField(
        initial=1, min_value=1, max_value=validity.MOST_PERIODS, required=False
    )
    until = LastDayField(
        label="Or until",
        help_text="the last day, earlier or later than its end now; the periods do not count then",
    )
    endless = forms.BooleanField(
        label="Or without end",
        label_suffix="",
        required=False,
        help_text="the periods do not count then",
    )
    field_order = ("periods", "until", "endless", "reason")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        ends = [name for name in ("until", "endless") if cleaned.get(name)]
        if not self.errors and not cleaned.get("periods") and not ends:
            raise ValidationError("Say for how many periods, or until which day.")
        if len(ends) > 1:
            raise ValidationError({"endless": "Until a day, or without end: not both."})
        return cleaned


class PeriodsForm(Because):
    """So many periods more."""

    periods = forms.IntegerField(initial=1, min_value=1, max_value=validity.MOST_PERIODS)
    field_order = ("periods", "reason")


class PackageChangeForm(Because):
    """Another package, now or with the next period."""

    package = PackageChoice(label="New package")
    when = forms.ChoiceField(
        choices=[("now", "Now"), ("next", "With the next period")], initial="now"
    )
    field_order = ("package", "when", "reason")

    def __init__(self, *args: Any, packages: "QuerySet[Package]", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["package"].offer(packages)  # type: ignore[attr-defined]


class RenameForm(MaybeBecause):
    """Another username."""

    username = forms.CharField(max_length=64, validators=[words.USERNAME])
    take_over = take_over_field()


class PasswordForm(MaybeBecause):
    """Another RADIUS password; without one, one is made up."""

    password = forms.CharField(
        required=False,
        validators=[words.check_password],
        help_text="empty: one is made up. Either way it is shown once",
        widget=AS_TYPED,
    )
    confirmed = forms.CharField(widget=forms.HiddenInput, initial="yes")


class WebPasswordForm(PasswordForm):
    """Another password of the subscriber's own pages; without one, one is made up."""

    password = forms.CharField(
        required=False,
        validators=[validate_password],
        help_text="empty: one is made up, and shown once",
        widget=AS_TYPED,
    )


class BindForm(MaybeBecause):
    """The one device that the line logs in from."""

    mac = forms.CharField(label="MAC address", help_text="as AA:BB:CC:DD:EE:FF", max_length=40)


class ConfirmForm(MaybeBecause):
    """Nothing has to be said but that it is meant."""

    confirmed = forms.CharField(widget=forms.HiddenInput, initial="yes")
