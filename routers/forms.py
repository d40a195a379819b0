"""The form of a router: stored secrets are never shown, and an empty box keeps them."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from ispcore.accounts.pages import OperationForm
from routers.models import Router

SECRETS = ("api_password", "snmp_community", "snmp_auth_key", "snmp_priv_key")
# secrets that are sent as they are, and what says to whom and how: who points a router at a host of
# their own would read them there
SENT_TO = {
    "api_password": ("address", "api_port", "api_tls"),
    "snmp_community": ("address", "snmp_port"),
}
SHORTEST_KEY = 8  # RFC 3414, 11.2: shorter ones are refused by agents
FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def _secret(label: str, help_text: str = "") -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(
        label=label, required=False, strip=False, max_length=200, widget=widget, help_text=help_text
    )


class RouterForm(OperationForm):
    """A router and how it is reached."""

    api_password = _secret("API password")
    snmp_community = _secret("SNMP community")
    snmp_auth_key = _secret("Authentication key")
    snmp_priv_key = _secret("Privacy key")
    forget = forms.MultipleChoiceField(
        label="Forget what is stored",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="ticked secrets are removed when you save",
    )

    class Meta:
        model = Router
        fields = [
            *("name", "site", "tenant", "address", "is_polled", "ping_method", "counter_source"),
            *("api_port", "api_tls", "api_tls_fingerprint", "api_user"),
            *("snmp_port", "snmp_version", "snmp_user", "snmp_auth_protocol", "snmp_priv_protocol"),
        ]
        exclude = SECRETS
        labels = {
            "snmp_auth_protocol": gettext_lazy("Authentication"),
            "snmp_priv_protocol": gettext_lazy("Privacy"),
        }
        help_texts = {
            "counter_source": "SNMP only suits every make: Cisco, Huawei, Juniper and others need no "
            "API user",
            "ping_method": "ICMP suits every make; TCP connects to the port given as API port",
            "api_user": "MikroTik only; empty: the API is not used",
            "api_tls_fingerprint": "SHA-256 of the router's certificate, 64 hex digits, to pin it; "
            "empty accepts any",
            "snmp_user": "for version 3",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = [name for name in SECRETS if self.instance.pk and getattr(self.instance, name)]
        for name in SECRETS:
            if name in self.fields:
                self.fields[name].help_text = _stored_words(name, name in stored)
        if "forget" in self.fields:
            choices = [
                (name, str(self.fields[name].label)) for name in stored if name in self.fields
            ]
            self.fields["forget"].choices = choices  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        return str(self.cleaned_data["name"]).strip()

    def clean_api_tls_fingerprint(self) -> str:
        """Stored as AA:BB:…, however it was typed."""
        text = str(self.cleaned_data["api_tls_fingerprint"])
        digits = re.sub(r"[:\s-]", "", text).lower()
        if not digits:
            return ""
        if not FINGERPRINT.fullmatch(digits):
            raise forms.ValidationError(
                "A SHA-256 fingerprint has 64 hex digits, with or without colons; this has "
                f"{len(digits)} characters."
            )
        return ":".join(digits[at : at + 2] for at in range(0, 64, 2)).upper()

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if cleaned.get("snmp_version") == Router.SnmpVersion.V3:
            self._check_v3(cleaned)
        self._check_source(cleaned)
        self._check_sent_to()
        return cleaned

    def _post_clean(self) -> None:
        """The row gets its secrets before it is checked."""
        for name in SECRETS:
            setattr(self.instance, name, self.secret(name))
        super()._post_clean()  # type: ignore[misc]

    def secret(self, name: str) -> str:
        """The secret as it will be stored: the typed one, none if forgotten, else the old one."""
        typed = str(self.cleaned_data.get(name) or "")
        if typed:
            return typed
        forgotten = name in (self.cleaned_data.get("forget") or [])
        return "" if forgotten or not self.instance.pk else str(getattr(self.instance, name))

    def _check_v3(self, cleaned: dict[str, Any]) -> None:
        auth, priv = cleaned.get("snmp_auth_protocol"), cleaned.get("snmp_priv_protocol")
        if not cleaned.get("snmp_user"):
            self.add_error("snmp_user", "SNMP v3 needs a user.")
        if priv and not auth:
            self.add_error("snmp_auth_protocol", "Privacy needs authentication: choose a protocol.")
        self._check_key("snmp_auth_key", "authentication", bool(auth))
        self._check_key("snmp_priv_key", "privacy", bool(priv))

    def _check_key(self, name: str, what: str, needed: bool) -> None:
        key = self.secret(name)
        if needed and not key:
            self.add_error(name, f"SNMP v3 with {what} needs a key.")
        elif key and len(key) < SHORTEST_KEY:
            self.add_error(
                name, f"A key has at least {SHORTEST_KEY} characters; this has {len(key)}."
            )

    def _check_sent_to(self) -> None:
        """A stored secret goes nowhere else than where it was given for."""
        for name, places in SENT_TO.items():
            keeps = bool(self.secret(name)) and not self.cleaned_data.get(name)
            if keeps and self.instance.pk and not set(places).isdisjoint(self.changed_data):
                label = str(self.fields[name].label) if name in self.fields else name
                self.add_error(
                    name if name in self.fields else None,
                    f"Type the {label} again: it would be sent to another place than it was given "
                    "for. Or forget it below.",
                )

    def _check_source(self, cleaned: dict[str, Any]) -> None:
        """Polling is impossible without the credentials of its source."""
        if not cleaned.get("is_polled"):
            return
        v3 = cleaned.get("snmp_version") == Router.SnmpVersion.V3
        snmp = bool(cleaned.get("snmp_user") if v3 else self.secret("snmp_community"))
        api = bool(cleaned.get("api_user"))
        source = cleaned.get("counter_source")
        if source == Router.CounterSource.SNMP and not snmp:
            self.add_error("counter_source", "SNMP needs a community (v2c) or a user (v3).")
        elif source == Router.CounterSource.API and not api:
            self.add_error("counter_source", "The RouterOS API needs a user.")
        elif source and not (snmp or api):
            self.add_error(
                "is_polled",
                "Nothing can be polled without credentials: give an SNMP community or user, or an "
                "API user; or turn polling off.",
            )


def _stored_words(name: str, stored: bool) -> str:
    shortest = f", at least {SHORTEST_KEY} characters" if name.endswith("_key") else ""
    if stored:
        return f"one is stored; empty keeps it{shortest}"
    return f"none stored{shortest}"
