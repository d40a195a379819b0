"""A topic for tests: the key is a tenant's id, the spots are its name and something fixed."""

from collections.abc import Callable
from html import escape

from ispcore.accounts.models import Account, Tenant
from ispcore.live.topics import Spots, Topic

FIXED = "<p>fixed</p>"


def tenant_topic(*, on_render: Callable[[str], None] = lambda key: None, size: int = 1) -> Topic:
    """Staff watch every tenant, others their own; `size` repeats the name to make it large."""

    def spots(key: str) -> Spots:
        on_render(key)
        tenant = Tenant.objects.filter(pk=int(key)).first()
        if tenant is None:
            raise LookupError(key)
        return {"name": f"<b>{escape(tenant.name)}</b>" * size, "fixed": FIXED}

    def allowed(account: Account, key: str) -> bool:
        return account.is_staff or str(account.tenant_id) == key

    return Topic("test-tenant", spots, allowed, resource="resellers")
