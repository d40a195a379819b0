"""Who may manage whose account: nobody above oneself, and a tenant's owner only its own people."""

from ispcore.accounts import matrix
from ispcore.accounts.models import Account
from ispcore.accounts.roles import May, Role, group_of

_RANK = {Role.VIEWER: 1, Role.OPERATOR: 2, Role.CLIENT: 3, Role.ADMIN: 4, Role.SUPER_USER: 5}


def manages(asker: Account, role: str, tenant_id: int | None) -> bool:
    """Whether `asker` may make, change and end accounts of this role, of this tenant (None: staff).

    A super user manages all. Other staff manage tenants' people, and staff of at most their own
    role whose role has no right that their own lacks. An owner manages the operators and viewers of
    its tenant. Who is narrowed to chosen objects manages nobody.
    """
    if asker.is_superuser:
        return True
    if not asker.may(May.EDIT_ACCOUNTS) or asker.is_narrowed or role == Role.SUPER_USER:
        return False
    higher = _RANK[Role(asker.role)] - _RANK[Role(role)]
    if not asker.is_staff:
        return tenant_id == asker.tenant_id and higher > 0
    if tenant_id is not None:
        return True
    theirs = matrix.capabilities(group_of(role, tenant_id))
    return higher >= 0 and theirs <= matrix.capabilities(asker.group)


def manages_account(asker: Account, account: Account) -> bool:
    """The same of an account that is there; one's own is never among them."""
    return manages(asker, account.role, account.tenant_id)


def roles_of(asker: Account) -> list[str]:
    """The roles that `asker` may give at all, to staff or to a tenant's people."""
    tenant = asker.tenant_id
    given = [
        role
        for role in Role.values
        if (tenant is None and role != Role.CLIENT and manages(asker, role, None))
        or (role not in {Role.SUPER_USER, Role.ADMIN} and manages(asker, role, tenant or 0))
    ]
    return given
