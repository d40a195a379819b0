"""Account numbers: a tenant's prefix and a count that only ever goes up, so none comes twice."""

from django.db import transaction

from ispcore.accounts.models import Tenant
from ispcore.accounts.roles import May
from ispcore.base import audit
from ispcore.base.audit import Actor
from ispcore.base.rls import identity
from subscribers.models import AccountNumbers
from subscribers.operations import units


def take(tenant: Tenant, count: int = 1) -> list[str]:
    """The next numbers of a tenant, in the unit of work of who gets them.

    The tenant's row stays locked until the unit has ended: a number is given to one only, and one
    that was not used after all, since the unit failed, is the next one again.
    """
    numbers = _locked(tenant)
    first, numbers.last = numbers.last + 1, numbers.last + count
    numbers.save(update_fields=["last", "updated_at"])
    return [f"{numbers.prefix}-{each:06d}" for each in range(first, numbers.last + 1)]


def set_prefix(tenant: Tenant, *, prefix: str, by: Actor) -> AccountNumbers:
    """Numbers to come have this prefix; those given stay. Raises ValidationError, NotYours."""
    units.allow(by, May.EDIT_PACKAGES, tenant)
    wanted = prefix.strip().upper()
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


def _locked(tenant: Tenant) -> AccountNumbers:
    rows = AccountNumbers.objects.select_for_update(no_key=True)
    found = rows.filter(tenant=tenant, is_current=True).first()
    if found is None:
        AccountNumbers.objects.get_or_create(
            tenant=tenant, is_current=True, defaults={"prefix": f"T{tenant.pk}"}
        )
        found = rows.get(tenant=tenant, is_current=True)
    return found
