"""What the staff's pages watch of alerts; a tenant's people have a topic of their own."""

from django.db.models import QuerySet

from ispcore.accounts.models import Account
from ispcore.accounts.pages import pk_of
from ispcore.accounts.roles import May
from ispcore.live.topics import Spots, Topic, render_spots
from monitoring import pages
from monitoring.models import Alert

TEMPLATES = {
    "open-count": "portal/alerts/open_count.html",
    "critical": "portal/alerts/critical.html",
    "tabs": "portal/alerts/tabs.html",
    "rows": "portal/alerts/rows.html",
}


def _alerts_of(key: str) -> QuerySet[Alert]:
    """Key "" is everything, else the id of a tenant. Raises LookupError for anything else."""
    if not key:
        return Alert.objects.all()
    tenant_id = pk_of(key)
    if not tenant_id:
        raise LookupError(key)
    return Alert.objects.filter(tenant_id=tenant_id)


def _spots(key: str) -> Spots:
    alerts = _alerts_of(key)
    context = pages.always() | pages.head(alerts) | pages.console(alerts)
    return render_spots(TEMPLATES, context)


def _allowed(account: Account, key: str) -> bool:
    return account.is_staff and account.may(May.VIEW)


TOPICS = [Topic("alerts", _spots, _allowed)]
