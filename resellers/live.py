"""What pages watch of a reseller: its own people and staff may."""

from ispcore.accounts.models import Account
from ispcore.accounts.pages import pk_of
from ispcore.accounts.roles import May
from ispcore.accounts.scope import visible
from ispcore.live.topics import Spots, Topic, render_spots
from resellers.models import Reseller
from resellers.pages import states

TEMPLATES = {
    "chips": "portal/reseller/chips.html",
    "current": "portal/reseller/current.html",
    "p95": "portal/reseller/p95.html",
    "chart": "portal/reseller/chart.html",
    "mappings": "portal/reseller/mappings.html",
    "alerts": "portal/reseller/alerts.html",
    "peaks": "portal/reseller/peaks.html",
    "history": "portal/reseller/history.html",
}


def _spots(key: str) -> Spots:
    rows = Reseller.objects.select_related("tenant", "plan")
    reseller = rows.filter(pk=pk_of(key)).first()
    if reseller is None:
        raise LookupError(key)
    return render_spots(TEMPLATES, states.spots(reseller))


def _allowed(account: Account, key: str) -> bool:
    rows = Reseller.objects.filter(pk=pk_of(key))
    return account.may(May.VIEW) and visible(rows, account).exists()


TOPICS = [Topic("reseller", _spots, _allowed)]
