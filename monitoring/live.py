"""What the staff's pages watch of alerts: all of them, or those of one account that is narrowed to
chosen objects. A tenant's people have a topic of their own."""

from django.db.models import QuerySet

from ispcore.accounts.models import Account, Tenant
from ispcore.accounts.pages import pk_of
from ispcore.accounts.roles import May
from ispcore.accounts.scope import visible
from ispcore.live.topics import Spots, Topic, render_spots
from monitoring import pages, queries
from monitoring.models import Alert

TEMPLATES = {
    "open-count": "portal/alerts/open_count.html",
    "critical": "portal/alerts/critical.html",
    "tabs": "portal/alerts/tabs.html",
    "rows": "portal/alerts/rows.html",
}


def _alerts_of(key: str) -> QuerySet[Alert]:
    """Key "" is everything, else the id of a tenant or "account-" and that of a narrowed account.
    Raises LookupError for anything else."""
    if not key:
        return Alert.objects.all()
    if key.startswith(queries.OF_ACCOUNT):
        account = Account.objects.filter(pk=pk_of(key.removeprefix(queries.OF_ACCOUNT))).first()
        if account is None or not account.is_narrowed:
            raise LookupError(key)
        return visible(Alert.objects.all(), account)
    tenant_id = pk_of(key)
    if not tenant_id:
        raise LookupError(key)
    return Alert.objects.filter(tenant_id=tenant_id)


def _whose(key: str) -> int | None:
    tenant_id = pk_of(key)
    if tenant_id and not Tenant.objects.filter(pk=tenant_id).exists():
        raise LookupError(key)
    return tenant_id or None


def _spots(key: str) -> Spots:
    alerts = _alerts_of(key)
    context = pages.always() | pages.head(alerts) | pages.console(alerts)
    return render_spots(TEMPLATES, context)


def _allowed(account: Account, key: str) -> bool:
    if not account.is_staff or not account.may(May.VIEW):
        return False
    return account.sees_all or key == pages.watched_key(account)


TOPICS = [Topic("alerts", _spots, _allowed, _whose, resource="alerts")]
