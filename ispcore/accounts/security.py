"""What looks like an attack is told here."""

import logging

from ispcore.accounts.models import Account

log = logging.getLogger(__name__)


def notice(kind: str, *, account: Account | None, address: str | None, words: str) -> None:
    """`kind` is brute_force, token_reuse, new_address or denied_tenant; `words` one sentence."""
    log.warning("%s: %s: %s", address or "no address", kind, words)
