"""The login form, with a brake on guessing passwords."""

import hashlib
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.cache import caches
from django.core.exceptions import ValidationError

from ispcore.accounts import networks, security
from ispcore.accounts.models import Account

WINDOW_S = 15 * 60
LONGEST_WAIT_S = 300
FREE_TRIES = 5
FREE_TRIES_OF_ADDRESS = 50
TELL_EVERY = 10  # failures of one name, from wherever: then an alert says so


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


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody says a name and a password."""

    name: str
    address: str

    @property
    def brakes(self) -> tuple[Brake, Brake]:
        """What holds it up: failures of this name from this address, and all of the address."""
        name, address = self.name.lower(), networks.host(self.address)
        return (
            Brake(_key(address, name), FREE_TRIES, "for this name from your address"),
            Brake(_key(address), FREE_TRIES_OF_ADDRESS, "for several names from your address"),
        )


def wait_s(attempt: Attempt) -> tuple[int, str]:
    """For how long nothing is tried, and for what; 0 where it may be."""
    for brake in attempt.brakes:
        if left_s := brake.wait_s:
            return left_s, brake.what
    return 0, ""


def forgive(attempt: Attempt) -> None:
    """The password was right: the failures of this name from this address are forgotten."""
    attempt.brakes[0].release()


def count_failure(attempt: Attempt) -> None:
    """Count a wrong password or code; many of them are told as an attack.

    Those of one name are counted from everywhere too: that brakes nobody, or anybody could lock
    out anybody, but it is told.
    """
    name, address = attempt.name, attempt.address
    for brake in attempt.brakes:
        brake.count()
    of_address = security.counts.count(f"guesses:{networks.host(address)}", for_s=WINDOW_S)
    if of_address >= FREE_TRIES_OF_ADDRESS and of_address % TELL_EVERY == 0:
        words = f"{of_address} failed logins from {address} within 15 minutes"
        security.notice(security.BRUTE_FORCE, account=None, address=address, words=words)
    of_name = security.counts.count(f"guesses:{_key(name.lower())}", for_s=WINDOW_S)
    if of_name % TELL_EVERY == 0:
        _tell_of_name(name, of_name, address)


def _tell_of_name(name: str, times: int, address: str) -> None:
    account = Account.objects.filter(username=name[:150].replace("\0", "")).first()
    if account is not None:
        words = f"{times} failed logins of {account} within 15 minutes, at last from {address}"
        security.notice(security.BRUTE_FORCE, account=account, address=None, words=words)


class LoginForm(AuthenticationForm):
    """After five failures from one address for one name, each further try waits longer; so it does
    after fifty from one address for whatever names.

    Counted per address, so that nobody can lock out somebody elsewhere; in the memory of the web
    process. A success forgives only its own name: else an account of one's own would buy tries.
    """

    def clean(self) -> dict[str, Any]:
        attempt = self._attempt()
        left_s, what = wait_s(attempt)
        if left_s:
            raise ValidationError(
                f"Too many failed logins {what}: wait {left_s} s, then try again.",
                code="throttled",
            )
        try:
            cleaned = super().clean()
        except ValidationError:
            count_failure(attempt)
            raise
        forgive(attempt)
        return cleaned or {}

    def confirm_login_allowed(self, user: Any) -> None:
        """Everybody who is active may log in; what they see is decided by their role."""
        if not isinstance(user, Account) or not user.is_active:
            raise ValidationError(self.error_messages["inactive"], code="inactive")

    def _attempt(self) -> Attempt:
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        return Attempt(str(self.cleaned_data.get("username", "")), address)


def _counts() -> Any:
    return caches["logins"]


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
