"""The form of a package; rates are typed as people write them."""

from typing import Any

from django import forms
from django.forms.widgets import Script

from ispcore.base.form_fields import MaybeRateField, OctetsField, RateField
from subscribers.forms.shared import JudgedForm
from subscribers.models import Package
from subscribers.operations import judging

MODULE = {"type": "module"}


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

    def clean_burst_down_s(self) -> int:
        return self.cleaned_data["burst_down_s"] or 0

    def clean_burst_up_s(self) -> int:
        return self.cleaned_data["burst_up_s"] or 0

    def judge(self) -> None:
        judging.check_package(self.instance)
