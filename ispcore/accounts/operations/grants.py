"""Narrow an account to chosen objects."""

from collections import defaultdict
from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db import transaction

from ispcore.accounts import scope
from ispcore.accounts.authority import manages_account
from ispcore.accounts.models import Account, Grant
from ispcore.base import audit
from ispcore.base.audit import Actor

Key = tuple[str, int]
"""An object: its kind, as "routers.router", and its primary key."""


def replace(account: Account, keys: Collection[Key], *, by: Actor) -> None:
    """From now on `account` sees these objects and what hangs on them; with none of them, all that
    its role sees.

    What it has already may stay although the object has gone. Raises ValidationError for objects
    that are not there, that cannot be granted, or that are not theirs to give.
    """
    wanted = set(keys)
    with transaction.atomic():
        row = Account.objects.select_for_update().get(pk=account.pk)
        old = {(grant.kind, grant.object_id): grant for grant in row.grants.all()}
        if wanted == old.keys():
            return
        made = _made(row, wanted - old.keys(), asker=_asker(by, row))
        Grant.objects.filter(pk__in=[old[key].pk for key in old.keys() - wanted]).delete()
        Grant.objects.bulk_create(made)
        row.is_narrowed = account.is_narrowed = bool(wanted)
        row.full_clean()
        row.save(update_fields=["is_narrowed", "updated_at"])
        audit.record(
            "change grants",
            row,
            by=by,
            old={"sees": _words(list(old.values()))},
            new={"sees": _words([*(old[k] for k in old.keys() & wanted), *made])},
            tenant_id=row.tenant_id,
        )
    scope.forget_narrowed()


def _asker(by: Actor, account: Account) -> Account | None:
    """Who gives; None for a command or a job. Raises ValidationError."""
    if by.account_id is None:
        return None
    asker = Account.objects.filter(pk=by.account_id).first()
    if asker is None or not asker.is_staff or not manages_account(asker, account):
        raise ValidationError("What this account sees is not yours to choose.")
    return asker


def _made(account: Account, keys: set[Key], *, asker: Account | None) -> list[Grant]:
    """The new grants, not stored yet. Raises ValidationError."""
    by_kind: dict[str, list[int]] = defaultdict(list)
    for kind, pk in sorted(keys):
        by_kind[kind].append(pk)
    models = {model._meta.label_lower: model for model in scope.grantable()}
    made = []
    for kind, pks in by_kind.items():
        if kind not in models:
            raise ValidationError(f"{kind or 'nothing'} cannot be granted.")
        rows = models[kind]._default_manager.filter(pk__in=pks)
        found = list(rows if asker is None else scope.visible(rows, asker))
        if len(found) < len(pks):
            raise ValidationError("An object to be granted is not there.")
        made += [
            Grant(account=account, kind=kind, object_id=row.pk, name=str(row)[:200])
            for row in found
        ]
    return made


def _words(grants: list[Grant]) -> list[str]:
    return sorted(map(str, grants)) or ["all that its role sees"]
