"""The second factor of a login that has no page: a code from an app, or a recovery code."""

from typing import Any

from django.apps import apps

from ispcore.accounts.models import Account


def is_asked_of(account: Account) -> bool:
    """Whether the password alone does not log this account in."""
    return bool(_factors(account))


def ok(account: Account, code: str) -> bool:
    """Whether `code` is good for the account (each is good once); True where none is asked.

    An account that has only a security key cannot log in here: a key needs a browser.
    """
    factors = _factors(account)
    if not factors:
        return True
    code = code.replace(" ", "")
    with_codes = [each for each in factors if each.type in {"totp", "recovery_codes"}]
    return bool(code) and any(each.wrap().validate_code(code) for each in with_codes)


def _factors(account: Account) -> list[Any]:
    if not apps.is_installed("allauth.mfa"):
        return []
    rows = apps.get_model("mfa", "Authenticator")._default_manager.filter(user=account)
    return list(rows.order_by("-type"))  # the app's code is tried before a recovery code
