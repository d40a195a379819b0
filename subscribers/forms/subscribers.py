"""Forms of a subscriber: a new one, and what is changed by editing."""

from typing import Any, ClassVar

from django import forms

from subscribers.forms.shared import (
    AS_TYPED,
    END_ASKED_AS,
    JudgedForm,
    LastDayField,
    PackageChoice,
    offer_take_over,
    take_over_field,
)
from subscribers.models import Subscriber, words
from subscribers.operations import judging, passwords
from subscribers.operations.strangers import MadeByHand

TWO_LINES = forms.Textarea(attrs={"rows": 2})
TAKEN_ADDRESS = {"unique": "This is the address of another subscriber."}
TAKEN_PREFIX = {"unique": "This is the prefix of another subscriber."}


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
        error_messages = {
            "ipv4": TAKEN_ADDRESS,
            "ipv6_prefix": TAKEN_PREFIX,
            "delegated_prefix": TAKEN_PREFIX,
        }

    def judge(self) -> None:
        judging.tidy(self.instance)
        judging.check(self.instance)
        judging.refuse_taken(self.instance)


class SubscriberForm(ContactFields):
    """What is changed by editing; package, status, passwords, name and device have own pages."""


class NewSubscriberForm(ContactFields):
    """A new line: its type and tenant are those of its package."""

    made_up = ""
    """The password that nobody typed."""
    asked_as = END_ASKED_AS
    made_by_hand: ClassVar[MadeByHand | None] = None
    """What RADIUS has of the username, which was found as it was to be stored."""

    package = PackageChoice()
    take_over = take_over_field()
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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        refused = self.made_by_hand
        if refused.may_take_over if refused else self.data.get(self.add_prefix("take_over")):
            offer_take_over(self)

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
        if self.made_by_hand:
            raise self.made_by_hand
