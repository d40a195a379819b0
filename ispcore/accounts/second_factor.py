"""The second factor of a login that has no page: a code from an app, or a recovery code."""

from allauth.mfa.models import Authenticator

from ispcore.accounts.models import Account

RECOVERY_CODES = "recovery_codes"


def is_asked_of(account: Account) -> bool:
    """Whether the password alone does not log this account in."""
    return any(each.type != RECOVERY_CODES for each in _factors(account))  # they only stand in


def is_right(account: Account, code: str) -> bool:
    """Whether `code` is good for the account; each is good once.

    An account that has only a security key cannot log in here: a key needs a browser.
    """
    code = code.replace(" ", "")
    with_codes = [each for each in _factors(account) if each.type in {"totp", RECOVERY_CODES}]
    return bool(code) and any(each.wrap().validate_code(code) for each in with_codes)


def _factors(account: Account) -> list[Authenticator]:
    rows = Authenticator.objects.filter(user=account)
    return list(rows.order_by("-type"))  # the app's code is tried before a recovery code
