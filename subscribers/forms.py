"""Forms of packages, subscribers and what is done with them; rates are typed as people write them."""

from datetime import date
from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django.forms.widgets import Script

from ispcore.accounts.models import Tenant
from ispcore.accounts.pages import OperationForm
from ispcore.base import clock
from ispcore.base.form_fields import MaybeRateField, OctetsField, RateField
from ispcore.base.refused_forms import add_refusal
from ispcore.base.seen_forms import SeenForm
from ispcore.base.selects import LongSelect
from subscribers import validity
from subscribers.models import Package, Subscriber, words
from subscribers.operations import judging, passwords
from subscribers.operations.subscribers import EDITABLE
from subscribers.pages import states

LARGEST_FILE = 20 * 2**20
TWO_LINES = forms.Textarea(attrs={"rows": 2})
AS_TYPED = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
MODULE = {"type": "module"}
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

    def _post_clean(self) -> None:
        super()._post_clean()
        if self.errors:
            return
        try:
            self.judge()
        except ValidationError as error:
            add_refusal(self, error, self._meta.model)


# ---- packages


class PackageForm(JudgedForm):
    """A package; what its rates come to is told beside the form while they are typed."""

    down_bps = RateField(label="Down", help_text="like 20M, 1.5 Gbps or 512k")
    up_bps = RateField(label="Up", help_text="")
    burst_down_bps = MaybeRateField(label="Burst, down", help_text="empty: no burst")
    burst_up_bps = MaybeRateField(label="Burst, up", help_text="")
    threshold_down_bps = MaybeRateField(label="Threshold, down", help_text="empty: the rate")
    threshold_up_bps = MaybeRateField(label="Threshold, up", help_text="")
    least_down_bps = MaybeRateField(label="At least, down", help_text="empty: nothing promised")
    least_up_bps = MaybeRateField(label="At least, up", help_text="")
    quota_octets = OctetsField(
        label="Quota",
        required=False,
        help_text="up and down together in each period, like 500 GB; empty: no quota",
    )
    throttled_down_bps = MaybeRateField(label="Second rate, down", help_text="past the quota")
    throttled_up_bps = MaybeRateField(label="Second rate, up", help_text="")
    walled_down_bps = MaybeRateField(label="In it, down", help_text="like 256k")
    walled_up_bps = MaybeRateField(label="In it, up", help_text="")

    class Meta:
        model = Package
        fields = [
            *("tenant", "name", "service", "down_bps", "up_bps", "burst_down_bps", "burst_up_bps"),
            *("threshold_down_bps", "threshold_up_bps", "burst_down_s", "burst_up_s", "priority"),
            *("least_down_bps", "least_up_bps", "device_limit", "session_timeout_s"),
            *("idle_timeout_s", "interim_s", "validity", "validity_days", "price", "currency"),
            *("quota_octets", "past_quota", "throttled_down_bps", "throttled_up_bps"),
            *("ipv4_pool", "ipv4_networks", "ipv6_pool", "delegated_pool", "ipv6_networks"),
            *("address_list", "when_blocked", "walled_list", "walled_down_bps", "walled_up_bps"),
        ]
        widgets = {
            name: forms.TextInput(attrs={"size": 40}) for name in ("ipv4_networks", "ipv6_networks")
        }
        labels = {
            "burst_down_s": "Burst time, down, s",
            "burst_up_s": "Burst time, up, s",
            "session_timeout_s": "Session time-out, s",
            "idle_timeout_s": "Idle time-out, s",
            "interim_s": "Accounting every, s",
            "validity_days": "For so many days",
            "past_quota": "Past the quota",
            "when_blocked": "Suspended or expired",
            "ipv4_networks": "Static IPv4 from",
            "ipv6_networks": "Static IPv6 from",
            "delegated_pool": "Delegated prefixes",
            "walled_list": "Its address list",
        }
        help_texts = {
            "burst_down_s": "the window that the mean is taken over; 0: 1 s",
            "burst_up_s": "",
            "session_timeout_s": "after which a session ends; empty: never",
            "idle_timeout_s": "without traffic, after which a session ends; empty: never",
            "interim_s": "between two reports of a session's traffic",
            "validity_days": "of a package that is valid for days",
        }

    class Media:
        js = [Script("ispcore/preview.js", **MODULE)]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("burst_down_s", "burst_up_s"):
            if name in self.fields:
                self.fields[name].required = False

    @property
    def changes(self) -> dict[str, Any]:
        """What was typed otherwise than it was."""
        names = self._columns.keys() & set(self.changed_data)
        return {name: getattr(self.instance, name) for name in names}

    def clean_burst_down_s(self) -> int:
        return self.cleaned_data["burst_down_s"] or 0

    def clean_burst_up_s(self) -> int:
        return self.cleaned_data["burst_up_s"] or 0

    def judge(self) -> None:
        judging.check_package(self.instance)


# ---- subscribers


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


class ContactFields(JudgedForm):
    """What both forms of a subscriber have."""

    class Meta:
        model = Subscriber
        fields = [
            *("device_limit", "ipv4", "ipv6_prefix", "delegated_prefix"),
            *("full_name", "phone", "email", "address", "notes"),
        ]
        widgets = {"address": TWO_LINES, "notes": TWO_LINES}
        help_texts = {
            "ipv4": "empty: from the package's pool",
            "ipv6_prefix": "as 2001:db8:1:2::/64; empty: from the package's pool",
            "delegated_prefix": "as 2001:db8:100::/56; empty: from the package's pool",
            "phone": "as +8801712345678",
            "notes": "for staff only",
        }

    def judge(self) -> None:
        judging.tidy(self.instance)
        judging.check(self.instance)
        judging.refuse_taken(self.instance)


class SubscriberForm(ContactFields):
    """What is changed by editing; package, status, password, name and device have pages of their own."""

    @property
    def changes(self) -> dict[str, Any]:
        """What was typed otherwise than it was."""
        names = EDITABLE.intersection(self.changed_data)
        return {name: getattr(self.instance, name) for name in names}


class NewSubscriberForm(ContactFields):
    """A new line: its type and tenant are those of its package."""

    made_up = ""
    """The password that nobody typed."""
    asked_as = END_ASKED_AS

    package = PackageChoice()
    radius_password = forms.CharField(
        label="RADIUS password",
        required=False,
        help_text="empty: one is made up, and shown once",
        widget=AS_TYPED,
    )
    until = LastDayField(
        label="Valid until",
        help_text="the last day; empty: to the end of the first period, if the package has one",
    )

    class Meta(ContactFields.Meta):
        fields = ["package", "username", "radius_password", "mac", *ContactFields.Meta.fields]

    def clean_radius_password(self) -> str:
        given: str = self.cleaned_data["radius_password"]
        if given:
            words.check_password(given)
        self.made_up = "" if given else passwords.generate()
        return given or self.made_up

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        package = cleaned.get("package")
        if package is not None:
            self.instance.tenant, self.instance.service = package.tenant, package.service
        return cleaned

    def judge(self) -> None:
        self.instance.expires_at = self.cleaned_data["until"]
        judging.refuse_past(self.instance)
        super().judge()


# ---- what is done with one


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


# ---- many at once


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
