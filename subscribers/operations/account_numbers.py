"""Account numbers: a tenant's prefix and a count that only ever goes up, so none comes twice."""

import re

from django.core.exceptions import ValidationError
from django.db import connection, transaction

from ispcore.accounts.models import Tenant
from ispcore.accounts.roles import May
from ispcore.base import audit, clock
from ispcore.base.audit import Actor
from ispcore.base.rls import identity
from ispcore.base.statements import Statement, Values, first_rows
from subscribers.models import AccountNumbers
from subscribers.operations import units


def take(tenant_id: int, count: int = 1) -> list[str]:
    """The next numbers of a tenant, in the unit of work of who gets them.

    The tenant's row stays locked until the unit has ended: a number is given to one only, and one
    that was not used after all, since the unit failed, is the next one again.
    """
    [found] = first_rows(advancing(tenant_id, count))
    return taken(found, tenant_id, count)


def advancing(tenant_id: int, count: int = 1) -> Statement:
    """What takes them, together with other statements; `taken` reads the answer."""
    now = connection.ops.adapt_datetimefield_value(clock.now())
    return (
        "UPDATE account_numbers SET last = last + %s, updated_at = %s "
        "WHERE tenant_id = %s AND is_current RETURNING prefix, last",
        [count, now, tenant_id],
    )


def taken(found: Values | None, tenant_id: int, count: int = 1) -> list[str]:
    """The numbers, of what `advancing` answered; without an answer the tenant's first ones, which are
    taken now."""
    if found is None:
        _first(tenant_id)
        [found] = first_rows(advancing(tenant_id, count))
    assert found is not None  # noqa: S101 - it has been made, and is never deleted
    prefix, last = found
    return [f"{prefix}-{each:06d}" for each in range(last - count + 1, last + 1)]


def set_prefix(tenant: Tenant, *, prefix: str, by: Actor) -> AccountNumbers:
    """Numbers to come have this prefix; those given stay. Raises ValidationError, NotYours."""
    units.allow(by, May.EDIT_PACKAGES, tenant)
    wanted = prefix.strip().upper()
    if re.fullmatch(r"T\d+", wanted) and wanted != _own_prefix(tenant.pk):
        raise ValidationError({"prefix": f"{wanted} is kept for a tenant that has not chosen one."})
    with transaction.atomic():
        old = _locked(tenant)
        AccountNumbers.objects.filter(tenant=tenant).update(is_current=False)
        numbers = AccountNumbers.objects.filter(tenant=tenant, prefix=wanted).first()
        numbers = numbers or AccountNumbers(tenant=tenant, prefix=wanted)
        numbers.is_current = True
        with identity.acting_for_all():  # a prefix that is taken is taken, whoever sees it
            numbers.full_clean()
        numbers.save()
        audit.record(
            "change prefix",
            numbers,
            by=by,
            old={"prefix": old.prefix},
            new={"prefix": wanted},
            tenant_id=tenant.pk,
        )
    return numbers


def _first(tenant_id: int) -> None:
    """Somebody else may make it in the same moment."""
    AccountNumbers.objects.get_or_create(
        tenant_id=tenant_id, is_current=True, defaults={"prefix": _own_prefix(tenant_id)}
    )


def _own_prefix(tenant_id: int) -> str:
    """Of a tenant that has not chosen one."""
    return f"T{tenant_id}"


def _locked(tenant: Tenant) -> AccountNumbers:
    _first(tenant.pk)
    rows = AccountNumbers.objects.select_for_update(no_key=True)
    return rows.get(tenant=tenant, is_current=True)
