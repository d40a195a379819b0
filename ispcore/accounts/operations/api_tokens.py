"""Make and revoke API tokens of machine accounts."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from ispcore.accounts import token_scopes, token_text
from ispcore.accounts.models import Account, ApiToken
from ispcore.base import addresses, audit, clock
from ispcore.base.audit import Actor

LONGEST_DAYS = 366
NOTED_EVERY = timedelta(minutes=1)


class AlreadyRevoked(Exception):
    """Somebody revoked the token before; nothing was changed."""


def create(
    account: Account,
    *,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime,
    by: Actor,
    allowed_networks: Iterable[str] = (),
    rate_per_min: int = 120,
) -> tuple[ApiToken, str]:
    """A new token and its text, which nobody can read again. Raises ValidationError."""
    text = token_text.make()
    token = ApiToken(
        account=account,
        name=name,
        start=text[: token_text.SHOWN],
        digest=token_text.digest(text),
        scopes=sorted(set(scopes)),
        allowed_networks=_networks(allowed_networks),
        rate_per_min=rate_per_min,
        expires_at=expires_at,
    )
    _check(token)
    token.full_clean()
    with transaction.atomic():
        token.save()
        audit.record("create", token, by=by, new=_shown(token), tenant_id=account.tenant_id)
    return token, text


def revoke(token: ApiToken, *, by: Actor) -> None:
    """End a token at once. Raises AlreadyRevoked."""
    with transaction.atomic():
        live = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
        if not live.update(revoked_at=clock.now()):
            raise AlreadyRevoked(f"{token} was revoked before")
        audit.record("revoke", token, by=by, tenant_id=token.account.tenant_id)


def note_use(token: ApiToken, *, address: str | None) -> None:
    """Keep when and from where the token was used last; written once a minute at most."""
    now = clock.now()
    if token.last_used_at is not None and now - token.last_used_at < NOTED_EVERY:
        return
    due = Q(last_used_at=None) | Q(last_used_at__lte=now - NOTED_EVERY)
    rows = ApiToken.objects.filter(due, pk=token.pk)
    rows.update(last_used_at=now, last_used_address=address, updated_at=token.updated_at)


def _check(token: ApiToken) -> None:
    account, now = token.account, clock.now()
    if not account.is_machine or not account.is_active:
        raise ValidationError({"account": "Only an active machine account has API tokens."})
    if beyond := set(token.scopes) - token_scopes.open_to(account):
        listed = token_scopes.words(beyond)
        raise ValidationError({"scopes": f"The account itself may not do this: {listed}."})
    if not token.scopes:
        raise ValidationError({"scopes": "Choose at least one."})
    if not now < token.expires_at <= now + timedelta(days=LONGEST_DAYS):
        raise ValidationError({"expires_at": f"Choose a time within {LONGEST_DAYS} days."})


def _networks(listed: Iterable[str]) -> list[str]:
    try:
        return [str(addresses.network(each)) for each in listed if each.strip()]
    except ValueError as error:
        raise ValidationError({"allowed_networks": f"{error}."}) from error


def _shown(token: ApiToken) -> dict[str, object]:
    return {name: value for name, value in audit.snapshot(token).items() if name != "digest"}
