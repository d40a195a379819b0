"""Make and change accounts."""

import secrets

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from ispcore.accounts import scope
from ispcore.accounts.authority import manages_account
from ispcore.accounts.models import Account, Tenant
from ispcore.accounts.operations import api_logins
from ispcore.accounts.roles import Role
from ispcore.base import audit
from ispcore.base.audit import Actor
from ispcore.base.rls import identity


def generate_password() -> str:
    """A password of 20 characters that nobody chose."""
    return secrets.token_urlsafe(15)


def create(
    username: str,
    *,
    role: str,
    by: Actor,
    password: str | None,
    tenant: Tenant | None = None,
    email: str = "",
) -> Account:
    """A new account; a machine's has no password. Raises ValidationError on a weak password, a role
    that does not fit, or one that is not theirs to give."""
    account = Account(username=username, role=role, tenant=tenant, email=email)
    account.is_machine = password is None
    if password is not None:
        validate_password(password, account)
    account.set_password(password)
    _check(account)
    with transaction.atomic():
        _keep_to_ones_own(by, account)
        account.save()
        audit.record(
            "create", account, by=by, new=audit.snapshot(account), tenant_id=account.tenant_id
        )
    return account


def save(account: Account, *, by: Actor) -> Account:
    """Store the changed fields of an account. Raises ValidationError naming the field and fault."""
    _check(account)
    with transaction.atomic():
        _keep_a_super_user(account)
        before = Account.objects.select_for_update().get(pk=account.pk)
        _keep_to_ones_own(by, before, account)
        old = audit.snapshot(before)
        account.save()
        if not account.is_active:
            api_logins.revoke(account.api_logins.all(), why="account switched off")
        new = audit.snapshot(account)
        audit.record("change", account, by=by, old=old, new=new, tenant_id=account.tenant_id)
    scope.forget_narrowed()
    return account


def set_password(account: Account, *, password: str, by: Actor) -> None:
    """Replace the password; open sessions and API logins of the account end with it.

    Raises ValidationError on a weak one, and for a machine, which has none.
    """
    if account.is_machine:
        raise ValidationError("A machine has no password: it uses API tokens.")
    validate_password(password, account)
    old = {"password": account.password}
    account.set_password(password)
    with transaction.atomic():
        if account.pk != by.account_id:
            _keep_to_ones_own(by, account)
        account.save(update_fields=["password", "updated_at"])
        api_logins.revoke(account.api_logins.all(), why="password changed")
        audit.record(
            "change password",
            account,
            by=by,
            old=old,
            new={"password": account.password},
            tenant_id=account.tenant_id,
        )


def _keep_a_super_user(account: Account) -> None:
    """Without one nobody could make one again. Their rows are locked first, so that two who end
    each other at the same time cannot both succeed. Raises ValidationError."""
    rows = Account.objects.select_for_update().filter(role=Role.SUPER_USER, is_active=True)
    rows = rows.filter(is_machine=False)
    present = {row.pk for row in rows.order_by("pk")}
    if present == {account.pk} and not account.is_superuser:
        raise ValidationError({"role": "This is the last super user: make another one first."})


def _check(account: Account) -> None:
    """Raises ValidationError naming the field and fault, also for a name that somebody has whom
    nobody of this tenant sees."""
    with identity.acting_for_all():
        account.full_clean()


def _keep_to_ones_own(by: Actor, *states: Account) -> None:
    """A person manages accounts up to their own role, as they are and as they will be, and of
    themselves changes the name only; commands and jobs manage all. Raises ValidationError."""
    if by.account_id is None:
        return
    asker = Account.objects.filter(pk=by.account_id).first()
    if asker is None:
        raise ValidationError("Who asks for this is no account any more.")
    if all(state.pk == asker.pk for state in states):
        if len({(state.role, state.tenant_id, state.is_active) for state in states}) > 1:
            raise ValidationError(
                {
                    "role": "This is your own account: somebody else has to change its role or "
                    "end it."
                }
            )
        return
    if not all(manages_account(asker, state) for state in states):
        raise ValidationError({"role": "This role is not yours to give or to change."})
