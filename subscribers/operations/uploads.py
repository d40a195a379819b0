"""An import that waits to be confirmed, and how far it is: encrypted, an hour at most, in pieces."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from django.core.cache import cache

from ispcore.accounts.models import Account, Tenant
from ispcore.base.secrets import decrypt, encrypt
from subscribers.operations.imports import Plan
from subscribers.queries import PIECE

KEPT_S = 3_600
BUSY_S = 300
"""Far longer than a piece takes: whoever has died in one keeps it from others no longer."""


class UploadGone(Exception):
    """The file is not there any more; nothing was changed."""


class UploadBusy(Exception):
    """Somebody makes a piece of it at this moment; nothing was changed."""


@dataclass(slots=True)
class Upload:
    """Rows of a plan without faults, of one tenant, for the account that has sent them."""

    token: str
    tenant_id: int
    account_id: int
    name: str
    total: int
    present: int
    made_up: int
    expired: int = 0
    made: int = 0
    take_over: bool = False
    by_hand: int = 0
    piece: int = 0
    """The next one."""

    @property
    def pieces(self) -> int:
        return -(-self.total // PIECE)

    @property
    def is_over(self) -> bool:
        return self.piece >= self.pieces

    @property
    def percent(self) -> float:
        return 100 * min(self.piece * PIECE, self.total) / self.total if self.total else 100.0


def keep(made: Plan, *, by: Account, name: str) -> Upload:
    """Keep the rows of a plan until they are applied."""
    upload = Upload(
        token=secrets.token_urlsafe(16),
        tenant_id=made.tenant.pk,
        account_id=by.pk,
        name=name[:100],
        total=len(made.fresh),
        present=len(made.present),
        made_up=made.made_up,
        take_over=made.take_over,
        by_hand=made.by_hand,
        expired=made.expired,
    )
    for number in range(upload.pieces):
        rows = made.fresh[number * PIECE : (number + 1) * PIECE]
        cache.set(_key(upload.token, number), encrypt(json.dumps(rows)), KEPT_S)
    note(upload)
    return upload


def found(token: str, *, by: Account) -> Upload:
    """Raises UploadGone, also for the upload of somebody else."""
    stored = cache.get(_key(token, "about"))
    if stored is None or stored["account_id"] != by.pk:
        raise UploadGone("The file is not here any more: choose it again. Nothing was changed.")
    return Upload(**stored)


def rows_of(upload: Upload) -> list[dict[str, str]]:
    """The next piece. Raises UploadGone."""
    stored = cache.get(_key(upload.token, upload.piece))
    if stored is None:
        raise UploadGone("The file is not here any more: choose it again. What is made stays.")
    rows: list[dict[str, str]] = json.loads(decrypt(stored))
    return rows


def note(upload: Upload) -> None:
    """Remember how far it is."""
    cache.set(_key(upload.token, "about"), asdict(upload), KEPT_S)


def forget(upload: Upload) -> None:
    """All of it, at once: there are passwords in it."""
    cache.delete_many([_key(upload.token, each) for each in ("about", *range(upload.pieces))])


@contextmanager
def claimed(token: str, *, by: Account) -> Iterator[Upload]:
    """As `found`, for who makes the next piece: nobody else does meanwhile, so that each piece is
    counted once. Raises UploadGone, UploadBusy."""
    found(token, by=by)
    claim = _key(token, "claim")
    if not cache.add(claim, True, BUSY_S):
        raise UploadBusy(
            "This import goes on in another window, or the page was sent twice: load it anew to see "
            "how far it is."
        )
    try:
        yield found(token, by=by)
    finally:
        cache.delete(claim)


def tenant_of(upload: Upload) -> Tenant:
    """Raises UploadGone."""
    tenant = Tenant.objects.filter(pk=upload.tenant_id).first()
    if tenant is None:
        raise UploadGone("The tenant is not there any more. Nothing was changed.")
    return tenant


def _key(token: str, part: object) -> str:
    return f"import:{token}:{part}"
