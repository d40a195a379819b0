"""Jobs of the accounts: mail with links, and forgetting."""

from ispcore.accounts.models import SharedCache
from ispcore.accounts.operations import api_logins, brakes, resets, sessions
from ispcore.base import clock
from ispcore.base.audit import Actor


def send_reset_links(email: str, base_url: str, address: str | None) -> str:
    """Mail links to the accounts with this mail address."""
    sent = resets.send_links(
        email, base_url=base_url, address=address, by=Actor("forgotten password")
    )
    return f"{sent} sent"


def tidy() -> str:
    """Forget failed logins, ended sessions and API logins, and what the shared cache holds beyond
    its time."""
    failures, ended = brakes.forget(), sessions.forget() + api_logins.forget_ended()
    expired, _ = SharedCache.objects.filter(expires__lt=clock.now()).delete()
    return f"{failures} counts of failures, {ended} ended sessions, {expired} cached forgotten"
