"""Jobs of accounts."""

from ispcore.accounts.operations import api_logins


def tidy() -> str:
    """Forget API logins that ended long ago."""
    return f"{api_logins.forget_ended()} API logins forgotten"
