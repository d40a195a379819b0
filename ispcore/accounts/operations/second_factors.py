"""Second factors: told when they come and go, taken away for who lost theirs, kept encrypted."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction

from ispcore.accounts.models import Account
from ispcore.accounts.operations import api_logins
from ispcore.base import audit, secrets
from ispcore.base.audit import Actor

ENCRYPTED = ("secret", "seed")  # of what an authenticator stores; a WebAuthn key is a public one


def note(account: Account, *, action: str, kind: str, by: Actor) -> None:
    """Put into the audit log what the owner did: `action` is add, remove or renew."""
    with transaction.atomic():
        audit.record(
            f"{action} second factor",
            account,
            by=by,
            new={"kind": kind},
            tenant_id=account.tenant_id,
        )


def reset(account: Account, *, by: Actor, reason: str = "") -> int:
    """Take all second factors away from who lost them, and end sessions and API logins; returns how
    many there were. Where the role asks for one, the next login sets one up again."""
    with transaction.atomic():
        rows = Authenticator.objects.filter(user=account)
        kinds = sorted(rows.values_list("type", flat=True))
        rows.delete()
        for session in UserSession.objects.filter(user=account):
            session.end()
        api_logins.revoke(account.api_logins.all(), why="second factor taken away")
        audit.record(
            "reset second factor",
            account,
            by=by,
            old={"kinds": kinds},
            new={"kinds": []},
            tenant_id=account.tenant_id,
            reason=reason,
        )
    return len(kinds)


def rotate_secrets() -> int:
    """Encrypt all of them again with the newest key; returns the number of rows."""
    with transaction.atomic():
        rows = list(Authenticator.objects.select_for_update())
        for row in rows:
            row.data = _again(row.data)
        Authenticator.objects.bulk_update(rows, ["data"], batch_size=500)
    return len(rows)


def _again(stored: dict[str, Any]) -> dict[str, Any]:
    fresh = {
        name: secrets.encrypt(secrets.decrypt(stored[name])) for name in ENCRYPTED if name in stored
    }
    return stored | fresh
