"""The login form, with a brake on guessing passwords."""

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.cache import caches
from django.core.exceptions import ValidationError

from ispcore.accounts.models import Account

WINDOW_S = 15 * 60
LONGEST_WAIT_S = 300
FREE_TRIES = 5
FREE_TRIES_OF_ADDRESS = 50


@dataclass(frozen=True, slots=True)
class Brake:
    """Failures counted under one key; from `free` of them on each further try waits longer."""

    key: str
    free: int
    what: str

    @property
    def wait_s(self) -> int:
        """For how long nothing is tried."""
        return int(_counts().get(f"wait:{self.key}", 0))

    def count(self) -> None:
        failures = _counts().get(f"failures:{self.key}", 0) + 1
        _counts().set(f"failures:{self.key}", failures, WINDOW_S)
        if failures >= self.free:
            wait_s = min(2 ** min(failures - self.free + 1, 10), LONGEST_WAIT_S)
            _counts().set(f"wait:{self.key}", wait_s, wait_s)

    def release(self) -> None:
        _counts().delete_many([f"failures:{self.key}", f"wait:{self.key}"])


class LoginForm(AuthenticationForm):
    """After five failures from one address for one name, each further try waits longer; so it does
    after fifty from one address for whatever names.

    Counted per address, so that nobody can lock out somebody elsewhere; in the memory of the web
    process. A success forgives only its own name: else an account of one's own would buy tries.
    """

    def clean(self) -> dict[str, Any]:
        one, all_of_address = self._brakes()
        for brake in (one, all_of_address):
            if wait_s := brake.wait_s:
                raise ValidationError(
                    f"Too many failed logins {brake.what} from your address: wait {wait_s} s, "
                    "then try again.",
                    code="throttled",
                )
        try:
            cleaned = super().clean()
        except ValidationError:
            one.count()
            all_of_address.count()
            raise
        one.release()
        return cleaned or {}

    def confirm_login_allowed(self, user: Any) -> None:
        """Everybody who is active may log in; what they see is decided by their role."""
        if not isinstance(user, Account) or not user.is_active:
            raise ValidationError(self.error_messages["inactive"], code="inactive")

    def _brakes(self) -> Sequence[Brake]:
        name = str(self.cleaned_data.get("username", "")).lower()
        address = _network(self.request.META.get("REMOTE_ADDR", "") if self.request else "")
        return (
            Brake(_key(address, name), FREE_TRIES, "for this name"),
            Brake(_key(address), FREE_TRIES_OF_ADDRESS, "for several names"),
        )


def _counts() -> Any:
    return caches["logins"]


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def _network(address: str) -> str:
    """The address, or of an IPv6 one its /64: whoever has one address there has them all."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found.packed[:8] + bytes(8), 64)))
