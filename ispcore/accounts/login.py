"""The login form, with a brake on guessing passwords."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.cache import cache
from django.core.exceptions import ValidationError

from ispcore.accounts.models import Account

FREE_TRIES = 5
WINDOW_S = 15 * 60
LONGEST_WAIT_S = 300


class LoginForm(AuthenticationForm):
    """After five failures from one address for one name, each further try waits longer.

    Counted per address *and* name, so that nobody can lock out somebody else; in the memory of
    the web process.
    """

    def clean(self) -> dict[str, Any]:
        name = str(self.cleaned_data.get("username", ""))[:150].lower()
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        failures_key, wait_key = f"login-failures:{address}:{name}", f"login-wait:{address}:{name}"
        wait_s = cache.get(wait_key)
        if wait_s:
            raise ValidationError(
                f"Too many failed logins for this name from your address: wait {wait_s} s, "
                "then try again.",
                code="throttled",
            )
        try:
            cleaned = super().clean()
        except ValidationError:
            self._count(failures_key, wait_key)
            raise
        cache.delete_many([failures_key, wait_key])
        return cleaned or {}

    def confirm_login_allowed(self, user: Any) -> None:
        """Everybody who is active may log in; what they see is decided by their role."""
        if not isinstance(user, Account) or not user.is_active:
            raise ValidationError(self.error_messages["inactive"], code="inactive")

    @staticmethod
    def _count(failures_key: str, wait_key: str) -> None:
        failures = cache.get(failures_key, 0) + 1
        cache.set(failures_key, failures, WINDOW_S)
        if failures >= FREE_TRIES:
            wait_s = min(2 ** (failures - FREE_TRIES + 1), LONGEST_WAIT_S)
            cache.set(wait_key, wait_s, wait_s)
