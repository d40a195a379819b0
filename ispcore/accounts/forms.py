"""The forms of the login pages: allauth's, in our words."""

from typing import Any

from allauth.account import forms as account_forms
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.totp import forms as totp_forms
from allauth.mfa.webauthn import forms as webauthn_forms
from django.conf import settings
from django.forms import TextInput
from django.http import HttpRequest
from django_q.tasks import async_task

from ispcore.base.rls import identity

SEND_LINKS = "ispcore.accounts.tasks.send_reset_links"


class OneTimeInput(TextInput):
    """Digits that are good once: what was refused does not stand in the way of the next."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return super().get_context(name, "", attrs)


class Plain:
    """Labels instead of placeholders, which vanish when one types, and words of our own."""

    labels: dict[str, str] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields  # type: ignore[attr-defined]
        for name, field in fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.help_text = ""
            if name == "code":
                field.widget = OneTimeInput(field.widget.attrs | {"inputmode": "numeric"})
            if name == self.begins_with():
                field.widget.attrs["autofocus"] = True
            field.label = self.labels.get(name, field.label)

    def begins_with(self) -> str:
        """The field that has the cursor."""
        return "code"


class LoginForm(Plain, account_forms.LoginForm):  # type: ignore[misc]
    labels = {"login": "User name", "password": "Password"}

    def begins_with(self) -> str:
        return "password" if self.is_bound else "login"


class ReauthenticateForm(Plain, account_forms.ReauthenticateForm):  # type: ignore[misc]
    labels = {"password": "Your password"}

    def begins_with(self) -> str:
        return "password"


class NewPasswordForm(Plain, account_forms.ResetPasswordKeyForm):  # type: ignore[misc]
    labels = {"password1": "New password", "password2": "New password again"}


class ResetForm(Plain, account_forms.ResetPasswordForm):  # type: ignore[misc]
    """Asks for a link. Whether anybody has this address is looked up by a job, not here."""

    labels = {"email": "Mail address of your account"}

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"])

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        email: str = self.cleaned_data["email"]
        base_url = settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
        address = request.META.get("REMOTE_ADDR") or None
        with identity.acting_for_all():  # the queue is the portal's own
            async_task(SEND_LINKS, email, base_url, address, q_options={"cluster": "default"})
        return email


class CodeForm(Plain, mfa_forms.AuthenticateForm):  # type: ignore[misc]
    labels = {"code": "Code"}


class CodeAgainForm(Plain, mfa_forms.ReauthenticateForm):  # type: ignore[misc]
    labels = {"code": "Code"}


class ActivateForm(Plain, totp_forms.ActivateTOTPForm):  # type: ignore[misc]
    labels = {"code": "Code that the app shows now"}


class AddKeyForm(Plain, webauthn_forms.AddWebAuthnForm):  # type: ignore[misc]
    labels = {"name": "Name of the key"}
